# SPDX-License-Identifier: Apache-2.0
"""The chain that a node is paid on, as its payer sees it: funds, authorisations and locks in the escrow."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from airflow_provider_deflow.chain.contracts import contract
from airflow_provider_deflow.chain.escrow import Authorization, Escrow, Funds, Lock
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.rpc import connect
from airflow_provider_deflow.chain.transactions import Sender

TOKENS = 10**18
# Deposited for a run of the suite; most of it comes back to the payer's escrow account.
DEPOSIT = 20 * TOKENS


@dataclass(frozen=True)
class Chain:
    """One chain by its RPC endpoint."""

    rpc_url: str
    address_file: Path

    @cached_property
    def web3(self) -> Any:
        return connect(self.rpc_url)

    @cached_property
    def chain_id(self) -> int:
        return int(self.web3.eth.chain_id)

    @cached_property
    def escrow_address(self) -> str:
        return Network.find(self.chain_id, self.address_file).address("Escrow")


class Payer:
    """One wallet that pays one node in one token."""

    def __init__(self, chain: Chain, key: str, token: str, payee: str) -> None:
        self.chain = chain
        self.token = token
        self.payee = payee
        self._sender = Sender(chain.web3, key)
        self._token = contract(chain.web3, "OceanToken", token)
        self._contract = contract(chain.web3, "Escrow", chain.escrow_address)
        self._escrow = Escrow(chain.web3, chain.escrow_address)

    @property
    def address(self) -> str:
        return self._sender.address

    @property
    def funds(self) -> Funds:
        return self._escrow.funds(self.address, self.token)

    @property
    def wallet(self) -> int:
        return int(self._token.functions.balanceOf(self.address).call())

    @property
    def authorization(self) -> Authorization:
        (found,) = self._escrow.authorizations(self.address, self.payee, self.token)
        return found

    def lock_of(self, bare_id: str) -> Lock | None:
        number = lock_number(bare_id)
        locks = self._escrow.locks(self.payee, self.address, self.token)
        return next((lock for lock in locks if lock.job_id == number), None)

    def deposit(self, amount: int = DEPOSIT) -> None:
        self._send(self._token.functions.approve(self.chain.escrow_address, amount))
        self._send(self._contract.functions.deposit(self.token, amount))

    def authorize(self, *, amount: int = 1000 * TOKENS, seconds: int = 100_000, locks: int = 50) -> None:
        """In place of the authorisation before."""
        self._send(self._contract.functions.authorize(self.token, self.payee, amount, seconds, locks))

    def _send(self, call: Any) -> None:
        self._sender.confirm(self._sender.send(call))


def lock_number(bare_id: str) -> int:
    """What a job's lock is called on the chain."""
    return int.from_bytes(hashlib.sha256(bare_id.encode()).digest(), "big")
