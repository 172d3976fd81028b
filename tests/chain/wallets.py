# SPDX-License-Identifier: Apache-2.0
"""Wallets of fresh accounts, each with gas money, and what their transactions did on the chain."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from pymongo.database import Database
from web3 import Web3

from airflow_provider_deflow.chain.delivery import Patience
from airflow_provider_deflow.chain.fees import Fees
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.policy import Policy
from airflow_provider_deflow.chain.rpc import connect
from airflow_provider_deflow.chain.wallet import Wallet
from airflow_provider_deflow.ledger.lanes import MongoLanes
from airflow_provider_deflow.signing import KeySigner
from tests import services

# Nobody else is about to send, and nothing has to be stuck for long.
IMPATIENT = Patience(in_flight_seconds=0.2, stuck_seconds=0.5, confirmed_within_seconds=30)


@dataclass(frozen=True)
class Account:
    """One that only its test uses."""

    chain: services.Chain
    database: Database[dict[str, Any]]
    key: str

    @classmethod
    def fresh(
        cls, chain: services.Chain, database: Database[dict[str, Any]], gas_money: int = 10**18
    ) -> Account:
        account = cls(chain, database, "0x" + secrets.token_hex(32))
        chain.give_gas(account.address, gas_money)
        return account

    @property
    def address(self) -> str:
        return KeySigner(self.key).address

    @property
    def network(self) -> Network:
        return Network.find(self.chain.chain_id, self.chain.address_file)

    def wallet(
        self, rpc_url: str = "", *, fees: Fees | None = None, patience: Patience = IMPATIENT, web3: Any = None
    ) -> Wallet:
        """As a process of its own would make it."""
        web3 = web3 or connect(rpc_url or self.chain.rpc_url)
        lanes = MongoLanes(self.database)
        return Wallet(web3, KeySigner(self.key), lanes, Policy(self.network), fees, patience=patience)

    def approval(self, amount: int) -> Any:
        """A call that is worth sending once: what it did is found again by its amount."""
        token = self.chain.at("OceanToken", self.chain.fee_token)
        return token.functions.approve(self.chain.addresses["Escrow"], amount)

    def approved(self) -> list[int]:
        """The amounts that this account ever approved, in the order of the chain."""
        approval = Web3.to_hex(Web3.keccak(text="Approval(address,address,uint256)"))
        topics: Any = [approval, "0x" + self.address[2:].lower().rjust(64, "0")]
        logs = self.chain.web3.eth.get_logs({"fromBlock": 0, "topics": topics})
        return [int.from_bytes(log["data"], "big") for log in logs]

    def sent(self) -> int:
        """How many transactions of this account are in blocks."""
        return self.chain.web3.eth.get_transaction_count(Web3.to_checksum_address(self.address))
