# SPDX-License-Identifier: Apache-2.0
"""The `ocean_wallet` connection as one that pays for jobs: its escrow, and the Ocean Nodes it trusts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook

if TYPE_CHECKING:
    from airflow_provider_deflow.job_locks import PayingWallet


def paying_wallet(wallet_conn_id: str) -> PayingWallet:
    """Asks the chain for its id. Raises `SettingsError` for a connection that names no chain.

    For paying, Ocean Nodes that the connection does not list are not trusted.
    """
    hook = OceanWalletHook(wallet_conn_id)
    return _of(hook, hook.wallet())


def looking_wallet(wallet_conn_id: str) -> PayingWallet:
    """As `paying_wallet`, for who only looks: it sends nothing, and needs no MongoDB for it."""
    from airflow_provider_deflow.chain.rpc import connect

    hook = OceanWalletHook(wallet_conn_id)
    network, chain = hook.network(), hook.chain_settings()
    rpc_url = chain.rpc_url if chain else ""
    return _of(hook, _OnlyLooks(connect(rpc_url, chain_id=network.chain_id), hook.signer().address))


@dataclass(frozen=True)
class _OnlyLooks:
    """An account that sends nothing."""

    web3: Any
    address: str

    def send(self, call: Any, *, purpose: str = "") -> str:
        raise errors.SettingsError("nothing is sent here. This is a bug, please report it.")

    def confirm(self, transaction_hash: str) -> Any:
        raise errors.SettingsError("nothing is sent here. This is a bug, please report it.")

    def sent_for(self, purpose: str) -> None:
        """What others sent is not known here."""


def _of(hook: OceanWalletHook, sends: Any) -> PayingWallet:
    from airflow_provider_deflow.job_locks import PayingWallet

    network, chain = hook.network(), hook.chain_settings()
    return PayingWallet(
        sends=sends,
        chain_id=network.chain_id,
        escrow_address=network.address("Escrow"),
        trusted=frozenset(chain.ocean_nodes if chain else ()),
        conn_id=hook.wallet_conn_id,
    )
