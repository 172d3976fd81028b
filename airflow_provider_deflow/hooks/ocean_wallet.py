# SPDX-License-Identifier: Apache-2.0
"""The `ocean_wallet` connection: one account, whose key never leaves the signer made here.

With `rpc_url` and `chain_id` in its extra it pays on that chain. Its RPC URL, which may carry a key of its
own, is shown by its host only.
"""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from airflow_provider_deflow import errors, signing

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_provider_deflow.chain.lanes import LaneStore
    from airflow_provider_deflow.chain.networks import Network
    from airflow_provider_deflow.chain.wallet import Wallet

_WEI_IN_A_GWEI = 10**9


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """What the extra of an `ocean_wallet` connection says; without an RPC URL it only signs."""

    rpc_url: str = field(repr=False)
    chain_id: int
    # Where Ocean's contracts are; None: as on the public networks.
    address_file: Path | None = None
    # URLs of the Ocean Nodes that this wallet is used on; empty: on all.
    ocean_nodes: tuple[str, ...] = ()
    # Wei for a unit of gas; None: what the market asks.
    max_fee: int | None = None
    confirmations: int = 1


class OceanWalletHook(BaseHook):
    """Signs for the account of an `ocean_wallet` connection (its key is the connection's password)."""

    conn_name_attr = "wallet_conn_id"
    default_conn_name = "ocean_wallet_default"
    conn_type = "ocean_wallet"
    hook_name = "Ocean wallet"

    def __init__(self, wallet_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.wallet_conn_id = wallet_conn_id

    def signer(self) -> signing.Signer:
        """The account's signer. Raises `SettingsError` when the connection holds no usable key."""
        return signer_of(self.get_connection(self.wallet_conn_id))

    async def async_signer(self) -> signing.Signer:
        """Like `signer`, from inside the triggerer's event loop."""
        connection = await self.aget_connection(self.wallet_conn_id)
        # The first signer of a process imports for about a second.
        return await asyncio.to_thread(signer_of, connection)

    def chain_settings(self) -> ChainSettings | None:
        """The chain it pays on; None when the connection names none: then it only signs."""
        return chain_settings_of(self.get_connection(self.wallet_conn_id))

    def network(self) -> Network:
        """Where Ocean's contracts are on its chain; nothing is asked of the chain."""
        from airflow_provider_deflow.chain.networks import Network

        chain = self._chain()
        return Network.find(chain.chain_id, chain.address_file)

    def wallet(self) -> Wallet:
        """The account, sending on its chain, its nonces kept in the `mongo` connection's database."""
        return wallet_of(self._chain(), self.signer(), _lanes())

    def trusts(self, ocean_node_url: str) -> bool:
        """Whether the account is used on that Ocean Node."""
        chain = self.chain_settings()
        trusted = chain.ocean_nodes if chain else ()
        return not trusted or ocean_node_url.rstrip("/") in trusted

    def test_connection(self) -> tuple[bool, str]:
        """What the *Test* button says: address, chain and balance, or what is wrong."""
        try:
            signs = f"signs as {self.signer().address}"
            chain = self.chain_settings()
            return True, f"{signs}, {self._balance(chain)}" if chain else signs
        except errors.DeflowError as error:
            return False, str(error)

    def _balance(self, chain: ChainSettings) -> str:
        from airflow_provider_deflow.chain.rpc import connect
        from airflow_provider_deflow.chain.units import to_tokens

        web3 = connect(chain.rpc_url, chain_id=chain.chain_id)
        coins = to_tokens(web3.eth.get_balance(web3.to_checksum_address(self.signer().address)), 18)
        name = self.network().name
        return f"on chain {chain.chain_id} ({name}), with {coins.normalize():f} of its coin for gas"

    def _chain(self) -> ChainSettings:
        if chain := self.chain_settings():
            return chain
        raise errors.SettingsError(
            f"connection {self.wallet_conn_id!r} (ocean_wallet) names no chain to pay on. "
            "Put rpc_url and chain_id into its extra."
        )


def signer_of(connection: Connection) -> signing.Signer:
    """The signer of a connection that was already looked up."""
    if not connection.password:
        raise errors.SettingsError(
            f"connection {connection.conn_id!r} (ocean_wallet) has no private key. "
            "Put the key into its password field."
        )
    return signing.KeySigner(connection.password)


def wallet_of(chain: ChainSettings, signer: signing.Signer, lanes: LaneStore) -> Wallet:
    """An account that sends on a chain, which is asked now whether it is the one."""
    from airflow_provider_deflow.chain.delivery import Patience
    from airflow_provider_deflow.chain.fees import Fees
    from airflow_provider_deflow.chain.networks import Network
    from airflow_provider_deflow.chain.policy import Policy
    from airflow_provider_deflow.chain.rpc import connect
    from airflow_provider_deflow.chain.wallet import Wallet

    return Wallet(
        connect(chain.rpc_url, chain_id=chain.chain_id),
        signer,
        lanes,
        Policy(Network.find(chain.chain_id, chain.address_file)),
        Fees(chain.max_fee),
        patience=Patience(confirmations=chain.confirmations),
    )


def _lanes() -> LaneStore:
    from airflow_provider_deflow.graphs import mongo
    from airflow_provider_deflow.hooks.mongo import DeflowMongoHook
    from airflow_provider_deflow.ledger.lanes import MongoLanes

    hook = DeflowMongoHook()
    database = hook.database()
    lanes = MongoLanes(database, known_as=hook.known_as)
    # A wallet is used for as long as a task needs it: its connections end with it.
    weakref.finalize(lanes, mongo.let_go, database.client)
    return lanes


def chain_settings_of(connection: Connection) -> ChainSettings | None:
    """The chain of a connection that was already looked up. Raises `SettingsError` naming the field."""
    extra = connection.extra_dejson
    if not extra.get("rpc_url"):
        return None
    try:
        return ChainSettings(
            rpc_url=str(extra["rpc_url"]),
            chain_id=_number(extra, "chain_id", least=1),
            address_file=Path(str(extra["address_file"])) if extra.get("address_file") else None,
            ocean_nodes=tuple(url.rstrip("/") for url in _urls(extra.get("ocean_nodes"))),
            max_fee=_wei(extra.get("max_fee_gwei")),
            confirmations=_number(extra, "confirmations", least=1) if extra.get("confirmations") else 1,
        )
    except (TypeError, ValueError) as error:
        raise errors.SettingsError(
            f"connection {connection.conn_id!r} (ocean_wallet): {error}. Correct it in its extra."
        ) from None


def _number(extra: dict[str, Any], name: str, *, least: int) -> int:
    written = str(extra.get(name, ""))
    if not written.isdigit() or int(written) < least:
        raise ValueError(f"{name} is {written!r}, and must be a whole number from {least}")
    return int(written)


def _urls(written: Any) -> list[str]:
    """A list, or one text with commas or spaces between."""
    if isinstance(written, list):
        return [str(url) for url in written]
    return str(written or "").replace(",", " ").split()


def _wei(gwei: Any) -> int | None:
    if gwei in (None, ""):
        return None
    try:
        wei = int(Decimal(str(gwei)) * _WEI_IN_A_GWEI)
    except (InvalidOperation, OverflowError, ValueError):
        wei = 0
    if wei <= 0:
        raise ValueError(f"max_fee_gwei is {str(gwei)!r}, and must be a number of gwei such as 30 or 0.5")
    return wei
