# SPDX-License-Identifier: Apache-2.0
"""What a drawing can be made of: Ocean Nodes, their compute environments."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from airflow.sdk.exceptions import AirflowNotFoundException
from fastapi import APIRouter, Path
from fastapi.concurrency import run_in_threadpool

from airflow_provider_deflow import errors
from airflow_provider_deflow.api import access, values
from airflow_provider_deflow.api.access import User
from airflow_provider_deflow.api.airflow_rest import AirflowAsUser
from airflow_provider_deflow.api.faults import Refusal, documented
from airflow_provider_deflow.graphs import values as words
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.ocean import listing

if TYPE_CHECKING:
    from airflow.sdk import Connection

router = APIRouter(tags=["catalogue"])

ENVIRONMENT_PREFIX = "AIRFLOW_CONN_"
MOST_CONNECTIONS = 1000

ConnId = Annotated[
    words.ConnectionId, Path(description="An Airflow connection.", examples=["ocean_node_default"])
]


@router.get("/ocean-nodes", dependencies=[access.SeesDags], responses=documented())
async def list_ocean_nodes(user: User, airflow: AirflowAsUser) -> values.OceanNodeList:
    """The connections of type `ocean_node` that you may use: Airflow's own, and those of its environment."""
    named = {*await _kept_by_airflow(airflow), *_in_environment(), OceanNodeHook.default_conn_name}
    return values.OceanNodeList(ocean_nodes=await run_in_threadpool(_usable, user, sorted(named)))


@router.get(
    "/ocean-nodes/{conn_id}/environments",
    dependencies=[access.SeesDags],
    responses=documented(404, 502, 504),
)
def list_environments(conn_id: ConnId, user: User) -> values.EnvironmentList:
    """Compute environments with resources, load and prices, asked of the Ocean Node now."""
    if not access.may_use(user, conn_id):
        raise Refusal(403, "forbidden", f"{user.get_name()} may not read connection {conn_id!r} in Airflow.")
    try:
        hook = OceanNodeHook(conn_id)
        connection = hook.get_connection(conn_id)
    except AirflowNotFoundException:
        connection = None
    if connection is None or connection.conn_type != OceanNodeHook.conn_type:
        raise Refusal(404, "not_found", f"There is no connection {conn_id!r} of type ocean_node in Airflow.")
    with hook.client() as ocean_node:
        return values.EnvironmentList(environments=listing.documents(ocean_node.environments()))


async def _kept_by_airflow(airflow: AirflowAsUser) -> list[str]:
    """Of the metadata database; none for who may not list connections."""
    found: list[str] = []
    while len(found) < MOST_CONNECTIONS:
        asked = {"limit": 100, "offset": len(found), "order_by": "connection_id"}
        try:
            page = await airflow.get("/connections", asked)
        except Refusal as refusal:
            if refusal.status == 403:
                return []
            raise
        found += [each["connection_id"] for each in page["connections"]]
        if not page["connections"] or len(found) >= page["total_entries"]:
            break
    return found


def _in_environment() -> list[str]:
    """Airflow reads AIRFLOW_CONN_X for a connection `x`."""
    names = (name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX))
    return [name.removeprefix(ENVIRONMENT_PREFIX).lower() for name in names]


def _usable(user: User, conn_ids: list[str]) -> list[values.OceanNodeListed]:
    found = []
    for conn_id in conn_ids:
        host = host_of(conn_id) if access.may_use(user, conn_id) else None
        if host is not None:
            found.append(values.OceanNodeListed(conn_id=conn_id, url_host=host))
    return found


def host_of(conn_id: str) -> str | None:
    """Where it points, without a login, path or query; None when it is no Ocean Node's."""
    hook = OceanNodeHook(conn_id)
    try:
        connection: Connection = hook.get_connection(conn_id)
        if connection.conn_type != hook.conn_type:
            return None
        return urlsplit(hook.settings().url).netloc.rpartition("@")[2]
    except (AirflowNotFoundException, errors.SettingsError):
        return None
