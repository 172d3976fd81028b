# SPDX-License-Identifier: Apache-2.0
"""The index of an Ocean Node: datasets and algorithms to draw with, asked of the node now."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from airflow_provider_deflow.api import access, asset_values
from airflow_provider_deflow.api.access import User
from airflow_provider_deflow.api.faults import Refusal, documented
from airflow_provider_deflow.graphs import values as words

router = APIRouter(tags=["assets"])

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
    raise Refusal(501, "not_there", "Not there yet.")


@router.get("/assets/{did}", dependencies=[access.SeesDags], responses=documented(404, 502, 504))
def read_asset(did: Did, ocean_node: AskedNode, user: User) -> asset_values.AssetView:
    """One asset, with what it takes to use it."""
    raise Refusal(501, "not_there", "Not there yet.")
