# SPDX-License-Identifier: Apache-2.0
"""The escrow that pays for compute: funds, authorisations and locks, as a payer and a payee see them.

A payer deposits and authorises a payee up to an amount, a time and a count; the payee locks for each job,
then claims what the job cost, and the rest goes back. Two forms of the contract are deployed in the world.
They differ in what a claim takes, in a lock's fields and in the `Auth` event; which one is at hand is told
by its code.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from web3 import Web3
from web3.exceptions import Web3Exception

from airflow_provider_deflow.chain.contracts import artifact
from airflow_provider_deflow.chain.tokens import pay
from airflow_provider_deflow.chain.transactions import Sends
from airflow_provider_deflow.errors import ChainError, WrongChain

# In `getLocks`, an address that matches every token, or every payer.
ANY = "0x0000000000000000000000000000000000000000"
# What a claim takes only in the later form: a kind of job, and who subsidises it.
_LATER_ARGUMENTS = ("jobType", "subsidyProviders")
# What only the later form has.
_LATER_ENTRIES = ("bundle", "bundleJobs", "reLock", "reLocks", "ReLock", "Subsidized")
_LATER_CLAIM = "claimLocksAndWithdraw(uint256[],address[],address[],uint256[],bytes[],uint256[],address[][])"
_EARLIER_CLAIM = "claimLocksAndWithdraw(uint256[],address[],address[],uint256[],bytes[])"


@dataclass(frozen=True, slots=True)
class Funds:
    """What a payer has in the escrow of one token, in base units."""

    available: int
    locked: int


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a payee may lock of a payer's funds, and has locked now."""

    payee: str
    max_locked_amount: int
    current_locked_amount: int
    max_lock_seconds: int
    max_lock_counts: int
    current_locks: int


@dataclass(frozen=True, slots=True)
class Lock:
    """Funds held for one job until `expiry` (epoch seconds); the payee that was asked for may claim them."""

    job_id: int
    payer: str
    amount: int
    expiry: int
    token: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a payee takes of a lock; `proof` is public for ever."""

    job_id: int
    token: str
    payer: str
    amount: int
    proof: bytes


class Escrow:
    """The escrow contract at one address."""

    def __init__(self, web3: Web3, address: str) -> None:
        code = bytes(web3.eth.get_code(Web3.to_checksum_address(address)))
        self._is_later = _selector(_LATER_CLAIM) in code
        if not self._is_later and _selector(_EARLIER_CLAIM) not in code:
            raise WrongChain(f"there is no escrow at {address} that we know — correct the address file")
        self._contract = web3.eth.contract(
            address=Web3.to_checksum_address(address), abi=abi(later=self._is_later)
        )

    @property
    def address(self) -> str:
        return str(self._contract.address)

    def funds(self, payer: str, token: str) -> Funds:
        return Funds(*self._call("getUserFunds", payer, token))

    def authorizations(self, payer: str, payee: str, token: str) -> list[Authorization]:
        """One, or none: a new authorisation replaces the one before."""
        return [Authorization(*row) for row in self._call("getAuthorizations", token, payer, payee)]

    def locks(self, payee: str, payer: str = ANY, token: str = ANY) -> list[Lock]:
        found = [Lock(*row[:5]) for row in self._call("getLocks", token, payer, payee)]
        # The contract was seen to give other payers' locks as well.
        return [lock for lock in found if payer == ANY or lock.payer.lower() == payer.lower()]

    def create_lock(
        self,
        payee: Sends,
        job_id: int,
        payer: str,
        token: str,
        amount: int,
        seconds: int,
        *,
        purpose: str = "",
    ) -> str:
        """Lock for a job from now on; the hash of the transaction, which is sent but not yet in a block."""
        return payee.send(
            self._function("createLock", job_id, token, payer, amount, seconds), purpose=purpose
        )

    def claim(self, payee: Sends, claims: Sequence[Claim], *, purpose: str = "") -> str:
        """All in one transaction, with the sum sent on to the payee's account."""
        columns: list[list[Any]] = [
            [claim.job_id for claim in claims],
            [claim.token for claim in claims],
            [claim.payer for claim in claims],
            [claim.amount for claim in claims],
            [claim.proof for claim in claims],
        ]
        if self._is_later:
            columns += [[0] * len(claims), [[]] * len(claims)]
        return payee.send(self._function("claimLocksAndWithdraw", *columns), purpose=purpose)

    def tokens(self, payer: str) -> list[str]:
        """Of which the payer has ever deposited some."""
        return [str(token) for token in self._call("getUserTokens", payer)]

    def deposit(self, payer: Sends, token: str, amount: int, *, purpose: str = "") -> str:
        """Bring funds into the escrow, which is approved for exactly as much when it has to be."""
        return pay(payer, self._function("deposit", token, amount), token, amount, purpose=purpose)

    def authorize(
        self,
        payer: Sends,
        token: str,
        payee: str,
        max_locked_amount: int,
        max_lock_seconds: int,
        max_lock_counts: int,
        *,
        purpose: str = "",
    ) -> str:
        """Let a payee lock so much in all; what was authorised before is replaced."""
        limits = (max_locked_amount, max_lock_seconds, max_lock_counts)
        return payer.send(self._function("authorize", token, payee, *limits), purpose=purpose)

    def revoke(self, payer: Sends, token: str, payee: str, *, purpose: str = "") -> str:
        """Let a payee lock nothing more; what it has locked stays locked."""
        return self.authorize(payer, token, payee, 0, 0, 0, purpose=purpose)

    def withdraw(self, payer: Sends, token: str, amount: int, *, purpose: str = "") -> str:
        """Take available funds out. The contract passes over what it cannot do: read its events."""
        return payer.send(self._function("withdraw", [token], [amount]), purpose=purpose)

    def cancel_expired(self, sender: Sends, payee: str, locks: Sequence[Lock], *, purpose: str = "") -> str:
        """Give back what is locked beyond its time; anybody may.

        Of a lock that is gone nothing is said: `escrow_account.cancelled` tells what was given back.
        """
        return sender.send(
            self._function(
                "cancelExpiredLocks",
                [lock.job_id for lock in locks],
                [lock.token for lock in locks],
                [lock.payer for lock in locks],
                [payee] * len(locks),
            ),
            purpose=purpose,
        )

    def _call(self, name: str, *arguments: Any) -> Any:
        try:
            return self._function(name, *arguments).call()
        except Web3Exception as error:
            raise ChainError(
                f"{name} of the escrow {self.address} gave no answer — {error}; try again later"
            ) from error

    def _function(self, name: str, *arguments: Any) -> Any:
        return self._contract.functions[name](*map(_checksummed, arguments))


@cache
def abi(*, later: bool) -> list[dict[str, Any]]:
    """The package brings the later form; the earlier one is that without what came later."""
    entries: list[dict[str, Any]] = artifact("Escrow")["abi"]
    if later:
        return entries
    earlier = copy.deepcopy([one for one in entries if one.get("name") not in _LATER_ENTRIES])
    for entry in earlier:
        inputs = entry.get("inputs", [])
        if str(entry.get("name")).startswith("claimLock"):
            entry["inputs"] = [field for field in inputs if field["name"] not in _LATER_ARGUMENTS]
        elif entry.get("name") == "Auth":
            entry["inputs"] = [field for field in inputs if field["name"] != "token"]
        elif entry.get("name") == "getLocks":
            (locks,) = entry["outputs"]
            locks["components"] = [field for field in locks["components"] if field["name"] != "startTime"]
    return earlier


def _selector(signature: str) -> bytes:
    return bytes(Web3.keccak(text=signature)[:4])


def _checksummed(argument: Any) -> Any:
    """web3 takes no other addresses."""
    if isinstance(argument, str):
        return Web3.to_checksum_address(argument)
    if isinstance(argument, list):
        return [_checksummed(one) for one in argument]
    return argument
