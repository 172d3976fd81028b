# SPDX-License-Identifier: Apache-2.0
"""The published graphs, from MongoDB or as this host saw them last.

For `load_dags()`: a Dag file that fails takes all its Dags out of Airflow. The bundle keeps a copy of
its own, by version.
"""

from __future__ import annotations

import json
import logging
import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowNotFoundException

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks import settings
from airflow_provider_deflow.hooks.store import GraphStoreHook

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublishedGraph:
    """A revision in force, as much of it as a Dag is built from."""

    slug: str
    revision: int
    document: dict[str, Any]


def published_graphs() -> list[PublishedGraph]:
    """All of them, by slug. Raises what keeps MongoDB away only where there is no copy yet."""
    copy = settings.home() / "published.json"
    try:
        with GraphStoreHook() as hook:
            revisions = hook.store().published_at()
    except (errors.StoreUnreachable, errors.SettingsError, AirflowNotFoundException) as error:
        found = _read(copy)
        if found is None:
            raise
        log.warning("Graphs stay as in the last good copy, %s: %s", copy, error)
        return found
    found = [PublishedGraph(each.slug, each.number, each.document) for each in revisions]
    _keep(copy, found)
    return found


def _read(copy: Path) -> list[PublishedGraph] | None:
    try:
        return [PublishedGraph(*each) for each in json.loads(copy.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        log.warning("The last good copy of the graphs, %s, cannot be read: %s", copy, error)
        return None


def _keep(copy: Path, found: list[PublishedGraph]) -> None:
    text = json.dumps([[each.slug, each.revision, each.document] for each in found], ensure_ascii=False)
    try:
        if copy.exists() and copy.read_text(encoding="utf-8") == text:
            return
        copy.parent.mkdir(parents=True, exist_ok=True)
        incoming = copy.with_name(f".{copy.name}.{uuid.uuid4().hex}")
        incoming.write_text(text, encoding="utf-8")
        os.replace(incoming, copy)
    except OSError as error:  # the Dags are there; only an outage would miss it
        log.warning("The last good copy of the graphs cannot be kept in %s: %s", copy, error)
