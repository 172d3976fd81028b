# SPDX-License-Identifier: Apache-2.0
"""The `ocean_wallet` connection as one that pays: its chain, the escrow there, the Ocean Nodes it trusts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.job_locks import PayingWallet

if TYPE_CHECKING:
    from airflow.sdk import Connection


def paying_wallet(wallet_conn_id: str) -> PayingWallet:
    """Asks the chain for its id. Raises `SettingsError` for a connection that has no chain."""
    from airflow_provider_deflow.chain import rpc, transactions
    from airflow_provider_deflow.chain.networks import Network

    connection = OceanWalletHook(wallet_conn_id).get_connection(wallet_conn_id)
    chain_id, rpc_url, address_file = _chain(connection)
    network = Network.find(chain_id, address_file)
    sends = transactions.Sender(rpc.connect(rpc_url, chain_id=chain_id), connection.password or "")
    return PayingWallet(
        sends=sends,
        chain_id=chain_id,
        escrow_address=network.address("Escrow"),
        trusted=trusted_by(connection),
        conn_id=wallet_conn_id,
    )


def chain_id_of(wallet_conn_id: str) -> int:
    """The chain that a wallet pays on, as its connection says; nobody is asked."""
    return _chain(OceanWalletHook(wallet_conn_id).get_connection(wallet_conn_id))[0]


def trusted_by(connection: Connection) -> frozenset[str]:
    """The URLs of `ocean_nodes`, a list or one text with blanks or commas between them."""
    listed = _extra(connection).get("ocean_nodes") or []
    if isinstance(listed, str):
        listed = listed.replace(",", " ").split()
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise errors.SettingsError(
            f"connection {connection.conn_id!r} (ocean_wallet): `ocean_nodes` must be a list of URLs"
        )
    return frozenset(listed)


def _chain(connection: Connection) -> tuple[int, str, Path | None]:
    extra = _extra(connection)
    rpc_url, chain_id, address_file = (extra.get(name) for name in ("rpc_url", "chain_id", "address_file"))
    if not rpc_url or not str(chain_id or "").isdecimal():
        raise errors.SettingsError(
            f"connection {connection.conn_id!r} (ocean_wallet) cannot pay: `rpc_url` and `chain_id` must be "
            "in its extra. Complete them, or let the job be free."
        )
    return int(str(chain_id)), str(rpc_url), Path(str(address_file)) if address_file else None


def _extra(connection: Connection) -> Mapping[str, Any]:
    extra: Mapping[str, Any] = connection.extra_dejson
    return extra
