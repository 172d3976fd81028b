# SPDX-License-Identifier: Apache-2.0
"""What a drawing can be made of: Ocean Nodes, their compute environments."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from airflow.sdk.exceptions import AirflowNotFoundException
from fastapi import APIRouter, Path
from fastapi.concurrency import run_in_threadpool

from airflow_provider_deflow import errors
from airflow_provider_deflow.api import access, catalogue_values
from airflow_provider_deflow.api.access import User
from airflow_provider_deflow.api.airflow_rest import AirflowAsUser
from airflow_provider_deflow.api.faults import Refusal, documented
from airflow_provider_deflow.graphs import values as words
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook, chain_settings_of, signer_of
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
async def list_ocean_nodes(user: User, airflow: AirflowAsUser) -> catalogue_values.OceanNodeList:
    """The connections of type `ocean_node` that you may use: Airflow's own, and those of its environment."""
    named = {*await _kept_by_airflow(airflow), *_in_environment(), OceanNodeHook.default_conn_name}
    return catalogue_values.OceanNodeList(ocean_nodes=await run_in_threadpool(_usable, user, sorted(named)))


@router.get("/wallets", dependencies=[access.SeesDags], responses=documented())
async def list_wallets(user: User, airflow: AirflowAsUser) -> catalogue_values.WalletList:
    """The connections of type `ocean_wallet` that you may use, with what they say that is no secret."""
    named = {*await _kept_by_airflow(airflow), *_in_environment(), OceanWalletHook.default_conn_name}
    return catalogue_values.WalletList(wallets=await run_in_threadpool(_usable_wallets, user, sorted(named)))


@router.get(
    "/ocean-nodes/{conn_id}/environments",
    dependencies=[access.SeesDags],
    responses=documented(404, 502, 504),
)
def list_environments(conn_id: ConnId, user: User) -> catalogue_values.EnvironmentList:
    """Compute environments with resources, load and prices, asked of the Ocean Node now."""
    with readable_ocean_node(user, conn_id).client() as ocean_node:
        return catalogue_values.EnvironmentList(environments=listing.documents(ocean_node.environments()))


def readable_ocean_node(user: User, conn_id: str) -> OceanNodeHook:
    """Raises `Refusal` when the user may not read that connection, or there is none of this type."""
    if not access.may_use(user, conn_id):
        raise Refusal(403, "forbidden", f"{user.get_name()} may not read connection {conn_id!r} in Airflow.")
    try:
        hook = OceanNodeHook(conn_id)
        connection = hook.get_connection(conn_id)
    except AirflowNotFoundException:
        connection = None
    if connection is None or connection.conn_type != OceanNodeHook.conn_type:
        raise Refusal(404, "not_found", f"There is no connection {conn_id!r} of type ocean_node in Airflow.")
    return hook


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


def _usable(user: User, conn_ids: list[str]) -> list[catalogue_values.OceanNodeListed]:
    found = []
    for conn_id in conn_ids:
        host = host_of(conn_id) if access.may_use(user, conn_id) else None
        if host is not None:
            found.append(catalogue_values.OceanNodeListed(conn_id=conn_id, url_host=host))
    return found


def _usable_wallets(user: User, conn_ids: list[str]) -> list[catalogue_values.WalletListed]:
    return [
        wallet
        for conn_id in conn_ids
        if access.may_use(user, conn_id) and (wallet := wallet_of(conn_id)) is not None
    ]


def wallet_of(conn_id: str) -> catalogue_values.WalletListed | None:
    """What is no secret of a wallet; None when it is none. One that is set up wrongly is shown without."""
    hook = OceanWalletHook(conn_id)
    try:
        connection = hook.get_connection(conn_id)
    except AirflowNotFoundException:
        return None
    if connection.conn_type != hook.conn_type:
        return None
    address, chain = None, None
    with suppress(errors.SettingsError):
        address = signer_of(connection).address
    with suppress(errors.SettingsError):
        chain = chain_settings_of(connection)
    return catalogue_values.WalletListed(
        conn_id=conn_id,
        address=address,
        chain_id=chain.chain_id if chain else None,
        has_chain=chain is not None,
        ocean_nodes=[urlsplit(url).netloc.rpartition("@")[2] for url in chain.ocean_nodes] if chain else [],
    )


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
