# SPDX-License-Identifier: Apache-2.0
"""A payer's account in the escrow: each thing done until it is in a block, and what was really done.

The escrow passes over what it cannot do and says nothing of it. So success is what its events say, not that
a transaction was taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from web3 import Web3
from web3.types import TxReceipt

from airflow_provider_deflow.chain import tokens
from airflow_provider_deflow.chain.escrow import ANY, Authorization, Escrow, Funds, Lock
from airflow_provider_deflow.chain.events import Event, events_in
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.transactions import Sends
from airflow_provider_deflow.errors import InsufficientFunds, TransactionFailed


@dataclass(frozen=True, slots=True)
class Held:
    """A lock of the payer's funds, and the payee that may claim it until its expiry."""

    payee: str
    lock: Lock

    def is_expired(self, now: int) -> bool:
        """As of the chain's time, in epoch seconds."""
        return self.lock.expiry < now


class EscrowAccount:
    """Of the account that `sends`."""

    def __init__(self, sends: Sends, network: Network) -> None:
        self._sends = sends
        self.escrow = Escrow(sends.web3, network.address("Escrow"))

    def funds(self, token: str) -> Funds:
        return self.escrow.funds(self._sends.address, token)

    @property
    def address(self) -> str:
        """The payer's."""
        return self._sends.address

    def authorizations(self, token: str) -> list[Authorization]:
        """All payees that may lock, or ever might."""
        return self.escrow.authorizations(self.address, ANY, token)

    def payees(self, token: str) -> list[str]:
        """Who may hold locks of the account: all that it ever authorised."""
        return list(dict.fromkeys(one.payee for one in self.authorizations(token)))

    def deposit(self, token: str, amount: int, *, purpose: str = "") -> str:
        """The hash of the transaction that brought `amount` base units in."""
        sent = self.escrow.deposit(self._sends, token, amount, purpose=purpose)
        return self._done(sent, "Deposit", f"nothing was deposited of token {token}")[0].transaction_hash

    def authorize(
        self, token: str, payee: str, amount: int, seconds: int, counts: int, *, purpose: str = ""
    ) -> Authorization:
        """What the payee may lock then, read back from the chain."""
        sent = self.escrow.authorize(self._sends, token, payee, amount, seconds, counts, purpose=purpose)
        self._done(sent, "Auth", f"payee {payee} was not authorised")
        (authorization,) = self.escrow.authorizations(self._sends.address, payee, token)
        return authorization

    def revoke(self, token: str, payee: str, *, purpose: str = "") -> str:
        """The hash of the transaction after which the payee may lock nothing more."""
        sent = self.escrow.revoke(self._sends, token, payee, purpose=purpose)
        return self._done(sent, "Auth", f"payee {payee} is authorised still")[0].transaction_hash

    def withdraw(self, token: str, amount: int, *, purpose: str = "") -> str:
        """The hash of the transaction that took `amount` base units out. Raises `InsufficientFunds`."""
        # What was withdrawn for the purpose is not there any more.
        if not (purpose and self._sends.sent_for(purpose)):
            self.require_available(token, amount)
        sent = self.escrow.withdraw(self._sends, token, amount, purpose=purpose)
        return self._done(sent, "Withdraw", f"nothing was withdrawn of token {token}")[0].transaction_hash

    def require_available(self, token: str, amount: int) -> None:
        """That so much can be withdrawn. Raises `InsufficientFunds`."""
        available = self.funds(token).available
        if available < amount:
            web3 = self._sends.web3
            raise InsufficientFunds(
                f"{self._sends.address} has {tokens.written(web3, token, available)} available in the "
                f"escrow, not {tokens.written(web3, token, amount)} — withdraw less, or reclaim what expired"
            )

    def require_outside(self, token: str, amount: int) -> None:
        """That so much can be deposited. Raises `InsufficientFunds`."""
        web3 = self._sends.web3
        there = tokens.balance(web3, token, self.address)
        if there < amount:
            raise InsufficientFunds(
                f"{self.address} has {tokens.written(web3, token, there)}, and deposit of the escrow takes "
                f"{tokens.written(web3, token, amount)} — deposit less, or send it "
                f"{tokens.written(web3, token, amount - there)}"
            )

    def held(self, payees: Iterable[str], token: str) -> list[Held]:
        """What these payees have locked of the account's funds, in the order of expiry."""
        found = [
            Held(payee, lock)
            for payee in payees
            for lock in self.escrow.locks(payee, self._sends.address, token)
        ]
        return sorted(found, key=lambda held: (held.lock.expiry, held.lock.job_id))

    def expired(self, payees: Iterable[str], token: str) -> list[Held]:
        """Those that can be reclaimed now, by the chain's clock."""
        now = int(self._sends.web3.eth.get_block("latest")["timestamp"])
        return [held for held in self.held(payees, token) if held.is_expired(now)]

    def reclaim(self, expired: Iterable[Held], *, purpose: str = "") -> list[Held]:
        """Bring expired locks back to the available funds; those of which the chain says that they came."""
        by_payee: dict[str, list[Held]] = defaultdict(list)
        for held in expired:
            by_payee[held.payee].append(held)
        came = []
        for payee, theirs in by_payee.items():
            locks = [held.lock for held in theirs]
            sent = self.escrow.cancel_expired(
                self._sends, payee, locks, purpose=purpose and f"{purpose}: {payee}"
            )
            given_back = cancelled(self._sends.web3, self.escrow, self._sends.confirm(sent))
            came += [held for held in theirs if held.lock.job_id in given_back]
        return came

    def _done(self, transaction_hash: str, event: str, failure: str) -> list[Event]:
        receipt = self._sends.confirm(transaction_hash)
        said = _said(self._sends.web3, self.escrow, receipt, event)
        if not said:
            raise TransactionFailed(
                f"{failure} — transaction {Web3.to_hex(receipt['transactionHash'])} was taken, but the "
                f"escrow said no {event}; look at the funds before it is tried again",
                words=f"no {event}",
            )
        return said


def cancelled(web3: Web3, escrow: Escrow, receipt: TxReceipt) -> dict[int, int]:
    """Which locks a transaction gave back: job id → base units."""
    said = _said(web3, escrow, receipt, "Canceled")
    return {int(event.args["jobId"]): int(event.args["amount"]) for event in said}


def _said(web3: Web3, escrow: Escrow, receipt: TxReceipt, name: str) -> list[Event]:
    # Any contract can say the same.
    return [event for event in events_in(web3, receipt, name) if event.address == escrow.address]
