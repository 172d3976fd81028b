# SPDX-License-Identifier: Apache-2.0
"""What an Ocean Node's index knows of an asset, and waiting until it knows the latest.

A node reads its chains by its own clock: every 30 s, unless told otherwise. Nobody is told when it has; so it
is asked, with growing pauses, since a node allows 30 requests a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_deflow.errors import IndexingFailed, NotIndexed, RequestRejected
from airflow_provider_deflow.ocean import asset_routes

if TYPE_CHECKING:
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.routes import Route

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
# A node that is about to index it has no reason yet.
_REASON_AFTER_SECONDS = 0.5


def document(ocean_node: OceanNode, did: str) -> dict[str, Any] | None:
    """The indexed DDO with the node's `indexedMetadata`; None when it knows none."""
    return _found(ocean_node, asset_routes.ddo(did))


def reason(ocean_node: OceanNode, did: str) -> str:
    """Why the asset's last event was not indexed, "" when nothing is known against it."""
    state = _found(ocean_node, asset_routes.ddo_state(did=did))
    return state.error if state else ""


def state_of(indexed: Mapping[str, Any]) -> int | None:
    """What its owner lets be done with the asset, as indexed."""
    state = _part(indexed, "nft").get("state")
    return None if state is None else int(state)


def transaction_of(indexed: Mapping[str, Any]) -> str:
    """The transaction that the indexed DDO is of."""
    return str(_part(indexed, "event").get("txid") or "")


def block_of(indexed: Mapping[str, Any] | None) -> int | None:
    """The block that the indexed DDO is of."""
    block = _part(indexed or {}, "event").get("block")
    return None if block is None else int(block)


def wait(
    ocean_node: OceanNode,
    did: str,
    is_shown: Callable[[Mapping[str, Any]], bool],
    *,
    old_reason: str,
    at_most_seconds: float,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """The indexed DDO, once it is the one that is waited for.

    `old_reason` is what the node had against the asset before: a node does not say of which event it speaks.
    """
    began, pause, told = time.monotonic(), _FIRST_PAUSE_SECONDS, False
    while True:
        indexed = document(ocean_node, did)
        if indexed is not None and is_shown(indexed):
            return indexed
        waited = time.monotonic() - began
        why = reason(ocean_node, did) if waited >= _REASON_AFTER_SECONDS else ""
        if why and why != old_reason:
            raise IndexingFailed(
                f"{ocean_node.url} did not index {did} — {why!r}. The chain has it; publish it again once "
                "what it says is mended",
                url=ocean_node.url,
                words=why,
            )
        if waited >= at_most_seconds:
            more = f", last it said {why!r}" if why else ", and it does not say why"
            raise NotIndexed(
                f"{ocean_node.url} has not indexed {did} after {waited:.0f} s{more} — check that it indexes "
                "this chain; publishing again goes on waiting and sends nothing",
                url=ocean_node.url,
            )
        if not told:
            say(f"waiting until {ocean_node.url} has indexed {did}")
            told = True
        time.sleep(min(pause, max(0.0, at_most_seconds - waited)))
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _found(ocean_node: OceanNode, route: Route[T]) -> T | None:
    try:
        return ocean_node.ask(route)
    except RequestRejected as error:
        if error.status == 404:
            return None
        raise


def _part(indexed: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return (indexed.get("indexedMetadata") or {}).get(name) or {}
