# SPDX-License-Identifier: Apache-2.0
"""The index of an Ocean Node: datasets and algorithms to draw with, asked of the node now."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from airflow_provider_deflow import errors
from airflow_provider_deflow.api import access, asset_values, asset_view, catalogue
from airflow_provider_deflow.api.access import User
from airflow_provider_deflow.api.faults import Refusal, documented
from airflow_provider_deflow.graphs import values as words
from airflow_provider_deflow.ocean import asset_routes, asset_search
from airflow_provider_deflow.ocean.asset_search import Indexed

if TYPE_CHECKING:
    from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook

router = APIRouter(tags=["assets"])

DID = re.compile(asset_values.DID_PATTERN)
# By URL and kind: until when, and what.
KEPT_SECONDS = 5.0
MOST_KEPT = 20
_kept: dict[tuple[str, str | None], tuple[float, Indexed]] = {}

Did = Annotated[str, Path(pattern=asset_values.DID_PATTERN, examples=[asset_values.DID])]
AskedNode = Annotated[
    words.ConnectionId,
    Query(description="Connection of the Ocean Node that is asked.", examples=["ocean_node_default"]),
]
Search = Annotated[
    str,
    Query(
        max_length=200,
        description="Words that name, description, author or a tag hold, or a whole DID; only ever text.",
    ),
]


@router.get("/assets", dependencies=[access.SeesDags], responses=documented(404, 502, 504))
def list_assets(
    ocean_node: AskedNode,
    user: User,
    kind: Annotated[Literal["dataset", "algorithm"] | None, Query()] = None,
    search: Search = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> asset_values.AssetList:
    """What the Ocean Node has indexed, newest first."""
    hook = catalogue.readable_ocean_node(user, ocean_node)
    if DID.fullmatch(search.strip()):
        one = _document(hook, search.strip())
        found, wanted = Indexed([one] if one and kind in (None, _kind(one)) else [], True), []
    else:
        found, wanted = _indexed(hook, kind), search.casefold().split()
    matching = [
        each for each in found.documents if asset_view.is_shown(each) and asset_view.holds(each, wanted)
    ]
    matching.sort(key=asset_view.age, reverse=True)
    return asset_values.AssetList(
        assets=[asset_view.line_of(each) for each in matching[offset : offset + limit]],
        total=len(matching),
        is_complete=found.is_complete,
    )


@router.get("/assets/{did}", dependencies=[access.SeesDags], responses=documented(404, 502, 504))
def read_asset(did: Did, ocean_node: AskedNode, user: User) -> asset_values.AssetView:
    """One asset, with what it takes to use it."""
    document = _document(catalogue.readable_ocean_node(user, ocean_node), did)
    if document is None or not asset_view.is_shown(document):
        gone = "was taken out of use by its owner" if document else "is not in its index"
        raise Refusal(
            404,
            "not_found",
            f"The Ocean Node of {ocean_node!r} gives nothing of {did}: it {gone}. Check the DID, or ask the "
            "Ocean Node that its publisher uses.",
        )
    return asset_view.view_of(document)


def _document(hook: OceanNodeHook, did: str) -> dict[str, Any] | None:
    with hook.client() as node:
        try:
            return node.ask(asset_routes.ddo(did))
        except errors.RequestRejected as error:
            if error.status == 404:
                return None
            raise


def _indexed(hook: OceanNodeHook, kind: asset_search.Kind | None) -> Indexed:
    """The index as of now, or of a few seconds ago: who types a word asks for each letter of it."""
    settings = hook.settings()
    key = (settings.url, kind)
    known = _kept.get(key)
    if known and time.monotonic() < known[0]:
        return known[1]
    with hook.client() as node:
        try:
            found = asset_search.indexed(node.ask, kind)
        except errors.OceanNodeBusy as error:
            if error.retry_after_seconds is not None:
                raise
            raise errors.RequestRejected(
                f"{error} An Ocean Node that has no data base for assets says the same: use another one.",
                url=node.url,
                status=500,
            ) from error
    _kept[key] = (time.monotonic() + KEPT_SECONDS, found)
    while len(_kept) > MOST_KEPT:
        _kept.pop(next(iter(_kept)), None)
    return found


def _kind(document: dict[str, Any]) -> Any:
    return (document.get("metadata") or {}).get("type")
