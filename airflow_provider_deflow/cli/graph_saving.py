# SPDX-License-Identifier: Apache-2.0
"""How a command saves a graph and publishes it, whatever the document comes from."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

import click

from airflow_provider_deflow import errors

if TYPE_CHECKING:
    from airflow_provider_deflow.graphs.store import GraphStore


def save_graph(store: GraphStore, document: Any, *, draft: bool, based_on: int | None, message: str) -> None:
    """Save a document as made from version `based_on` (`None`: as a new graph), publish it unless `draft`."""
    stored = store.save(document, based_on=based_on, author=author(), message=message)
    click.echo(f"saved {stored.slug}, version {stored.version}")
    if not draft:
        revision = store.publish(stored.slug, based_on=stored.version, author=author(), message=message)
        click.echo(f"published {stored.slug}, revision {revision.number}, as Dag deflow_{stored.slug}")


def version_there(store: GraphStore, slug: object) -> int | None:
    """The version of the graph that is there, if any."""
    try:
        return store.draft(str(slug)).version
    except errors.GraphNotFound:
        return None


def author() -> str:
    """Who saves."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "deflow"
