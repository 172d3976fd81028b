# SPDX-License-Identifier: Apache-2.0
"""`If-Match`: who saves says which version of the draft they saw; who saw another gets both."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Header

from airflow_provider_deflow import errors
from airflow_provider_deflow.api import values
from airflow_provider_deflow.api.faults import Refusal
from airflow_provider_deflow.api.views import view_of

if TYPE_CHECKING:
    from airflow_provider_deflow.api.access import User
    from airflow_provider_deflow.graphs.store import GraphStore, Stored

_TAG = re.compile(r'(?:W/)?"?(\d{1,15})"?')

IfMatch = Annotated[
    str | None,
    Header(
        description='The `version` that your change is made from, such as `"3"`; required.', examples=['"3"']
    ),
]
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": values.Conflict, "description": "Somebody saved meanwhile; `theirs` is what is there now"}
}


def version_in(if_match: str | None) -> int:
    """The version that was seen. Raises `Refusal` when none is said."""
    found = _TAG.fullmatch((if_match or "").strip())
    if found is None:
        raise Refusal(
            428,
            "if_match_required",
            'Send the version that you saw as If-Match, such as If-Match: "3": it is `version` of the graph.',
        )
    return int(found[1])


def conflict(error: errors.GraphChanged, store: GraphStore, slug: str, user: User) -> Refusal:
    """409 with what is there now."""
    try:
        theirs = _shown(store.draft(slug), user)
    except errors.GraphNotFound:
        theirs = None
    return Refusal(409, "conflict", str(error), more={"theirs": theirs})


def other_version(now: Stored, seen: int, user: User) -> Refusal:
    """409 when nothing was tried yet."""
    message = (
        f"graph {now.slug!r} was saved by {now.author or 'somebody'}: it is at version {now.version}, "
        f"and you saw {seen}. Look at it, and publish that, or save yours on top."
    )
    return Refusal(409, "conflict", message, more={"theirs": _shown(now, user)})


def _shown(stored: Stored, user: User) -> dict[str, Any]:
    return view_of(stored, user).model_dump(mode="json", by_alias=True)
