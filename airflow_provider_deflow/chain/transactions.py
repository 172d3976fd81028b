# SPDX-License-Identifier: Apache-2.0
"""Who sends transactions, and the simpler of the two: one key in this process, one after the other.

`Sender` is for an account that no other process uses, as a local Ocean Node's own: the next nonce is what
the chain says is pending, and nothing outlives the process. `wallet.Wallet` is for all others.
"""

from __future__ import annotations

import threading
from typing import Any, Protocol

from eth_account import Account
from eth_account.datastructures import SignedTransaction
from eth_account.signers.local import LocalAccount
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import ContractLogicError, TimeExhausted, TransactionNotFound, Web3RPCError
from web3.types import TxReceipt

from airflow_provider_deflow.chain.reverts import explained, reverted
from airflow_provider_deflow.chain.rpc import rpc_words
from airflow_provider_deflow.errors import ChainUnreachable, TransactionFailed

_CONFIRMED_WITHIN_SECONDS = 120.0
_POLL_SECONDS = 0.05
# Over the estimate: others' transactions may come in between.
_GAS_MARGIN = 1.2


class Sends(Protocol):
    """Sends in the name of one account."""

    web3: Web3

    @property
    def address(self) -> str:
        """The account, EIP-55."""

    def send(self, call: Any, *, purpose: str = "") -> str:
        """Send a contract's function or constructor with its arguments; the transaction's hash.

        `purpose` is an opaque text of which the account sends one transaction, ever: whoever says it again
        gets the same one. Empty is no purpose, each such call is a transaction of its own.
        """

    def confirm(self, transaction_hash: str) -> TxReceipt:
        """Wait until it is in a block; a reverted one is raised."""

    def sent_for(self, purpose: str) -> str | None:
        """The hash of the transaction that was sent for a purpose, if that is known."""


class Sender:
    """Sends in the name of one account; threads may share it. It remembers no purpose."""

    def __init__(self, web3: Web3, private_key: bytes | str) -> None:
        self.web3 = web3
        self._account: LocalAccount = Account.from_key(private_key)
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        return str(self._account.address)

    def send(self, call: Any, *, purpose: str = "") -> str:
        """Send a contract's function or constructor with its arguments; the transaction's hash.

        What would revert is not sent: the contract's reason is raised instead. When it is not clear whether
        it was sent, the chain is asked for it; what it knows counts as sent.
        """
        with self._lock:
            gas = gas_of(call, self.address)
            try:
                transaction = call.build_transaction(
                    {"from": self.address, "nonce": self._next_nonce(), "gas": gas}
                )
                signed = self._account.sign_transaction(transaction)
                return self._send_once(signed)
            except Web3RPCError as error:
                words = rpc_words(error)
                raise TransactionFailed(
                    f"{_name(call)} by {self.address} was refused — {words}", words=words
                ) from error

    def _send_once(self, signed: SignedTransaction) -> str:
        transaction_hash = signed.hash.to_0x_hex()
        try:
            self.web3.eth.send_raw_transaction(signed.raw_transaction)
        except (ChainUnreachable, Web3RPCError) as error:
            # A reply that was lost, or a gateway that sent it twice and passes on "already known".
            try:
                self.web3.eth.get_transaction(signed.hash)
            except (ChainUnreachable, TransactionNotFound):
                if isinstance(error, Web3RPCError):
                    raise error from None
                raise ChainUnreachable(
                    f"{error}; transaction {transaction_hash} may have been sent all the same: "
                    "look for it before anything is sent again"
                ) from error
        return transaction_hash

    def confirm(self, transaction_hash: str) -> TxReceipt:
        """Wait until it is in a block; a reverted one is raised."""
        return wait_for_block(self.web3, transaction_hash)

    def sent_for(self, purpose: str) -> None:
        """Of no purpose anything is known."""

    def _next_nonce(self) -> int:
        return self.web3.eth.get_transaction_count(self._account.address, "pending")


def gas_of(call: Any, account: str) -> int:
    """What a call by `account` may use. One that would revert is raised, in its contract's words."""
    try:
        # As of the next block: what a contract does may depend on the time.
        return int(call.estimate_gas({"from": account}, "pending") * _GAS_MARGIN)
    except ContractLogicError as error:
        words = str(error.message or error)
        raise TransactionFailed(
            f"{_name(call)} by {account} would fail — {explained(words)}",
            words=words,
            data=error.data if isinstance(error.data, str) else "",
            call=_call_data(call),
        ) from error
    except Web3RPCError as error:
        words = rpc_words(error)
        raise TransactionFailed(f"{_name(call)} by {account} was refused — {words}", words=words) from error


def wait_for_block(web3: Web3, transaction_hash: str) -> TxReceipt:
    """Its receipt, once it is in a block; a reverted one is raised."""
    try:
        receipt = web3.eth.wait_for_transaction_receipt(
            HexBytes(transaction_hash), timeout=_CONFIRMED_WITHIN_SECONDS, poll_latency=_POLL_SECONDS
        )
    except TimeExhausted as error:
        raise ChainUnreachable(
            f"transaction {transaction_hash} is in no block after {_CONFIRMED_WITHIN_SECONDS:.0f} s — "
            "it may still come into one: look for it before anything is sent again"
        ) from error
    if receipt["status"] != 1:
        raise reverted(web3, receipt)
    return receipt


def _name(call: Any) -> str:
    return str(getattr(call, "fn_name", None) or "a deployment")


def _call_data(call: Any) -> str:
    # With all that, nothing is asked of the chain.
    known = {"gas": 0, "gasPrice": 0, "nonce": 0, "chainId": 0, "value": 0}
    return str(call.build_transaction(known)["data"])
