# SPDX-License-Identifier: Apache-2.0
"""The `ocean_wallet` connection as one that pays for jobs: its escrow, and the Ocean Nodes it trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook

if TYPE_CHECKING:
    from airflow_provider_deflow.job_locks import PayingWallet


def paying_wallet(wallet_conn_id: str) -> PayingWallet:
    """Asks the chain for its id. Raises `SettingsError` for a connection that names no chain.

    For paying, Ocean Nodes that the connection does not list are not trusted.
    """
    from airflow_provider_deflow.job_locks import PayingWallet

    hook = OceanWalletHook(wallet_conn_id)
    network = hook.network()
    chain = hook.chain_settings()
    return PayingWallet(
        sends=hook.wallet(),
        chain_id=network.chain_id,
        escrow_address=network.address("Escrow"),
        trusted=frozenset(chain.ocean_nodes if chain else ()),
        conn_id=wallet_conn_id,
    )
