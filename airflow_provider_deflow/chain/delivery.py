# SPDX-License-Identifier: Apache-2.0
"""Bringing what a lane keeps to the chain: sent again when it is not there, dearer when it is stuck.

Nothing here decides what is to be sent. It may be called by anybody at any time, since a slot's nonce is
used once whoever sends how often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import BadResponseFormat, TransactionNotFound, Web3Exception, Web3RPCError
from web3.types import TxReceipt

from airflow_provider_deflow.chain.fees import Fees, Price
from airflow_provider_deflow.chain.lanes import Attempt, Lane, LaneStore, Outcome, Slot
from airflow_provider_deflow.chain.transactions import rpc_words
from airflow_provider_deflow.errors import ChainUnreachable, InsufficientFunds, TransactionFailed

Sign = Callable[[Mapping[str, Any]], bytes]

# What is signed once more with another fee.
_FIELDS = ("chainId", "nonce", "to", "value", "data", "gas")
# As the endpoints' software says it: geth, erigon, nethermind, besu, anvil.
_TOO_CHEAP = ("underpriced", "less than block base fee", "fee too low", "feetoolow", "fee cap")
_TAKEN = ("nonce too low", "nonce is too low", "oldnonce", "replacement transaction")
_NO_FUNDS = ("insufficient funds", "insufficientfunds", "overshot", "upfront cost")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a wallet waits for what."""

    # Blocks that a transaction is deep before it counts; 1: it is in the newest.
    confirmations: int = 1
    # Somebody else may be about to send what is kept for so short a time.
    in_flight_seconds: float = 3.0
    # The next nonce of the account, pending for longer, is given a higher fee.
    stuck_seconds: float = 60.0
    confirmed_within_seconds: float = 300.0


class Delivery:
    """Of one lane."""

    def __init__(
        self, web3: Web3, lanes: LaneStore, lane: Lane, sign: Sign, fees: Fees, patience: Patience
    ) -> None:
        self._web3 = web3
        self._lanes = lanes
        self._lane = lane
        self._sign = sign
        self._fees = fees
        self._patience = patience

    def outcome(self, slot: Slot) -> Outcome | None:
        """What became of a slot for good, None while that is open; what is found out is kept."""
        if slot.outcome is not None:
            return slot.outcome
        final = max(self._web3.eth.block_number - self._patience.confirmations + 1, 0)
        if outcome := self._mined(slot, final):
            return outcome
        if final < slot.since_block or self._count(final) <= slot.nonce:
            return None
        # Another process may have given it a higher fee, and that one was mined.
        slot = self._lanes.with_hash(self._lane, slot.latest.transaction_hash) or slot
        if outcome := slot.outcome or self._mined(slot, final):
            return outcome
        user = self._user_of(slot, final)
        # One of ours, whose receipt the endpoint does not have yet, is read next time.
        return None if user in slot.hashes else self._settled(slot, Outcome(user, "replaced"))

    def _mined(self, slot: Slot, final: int) -> Outcome | None:
        for transaction_hash in reversed(slot.hashes):
            receipt = receipt_of(self._web3, transaction_hash)
            if receipt is not None and receipt["blockNumber"] <= final:
                ending: Literal["succeeded", "reverted"] = (
                    "succeeded" if receipt["status"] == 1 else "reverted"
                )
                return self._settled(slot, Outcome(transaction_hash, ending))
        return None

    def push(self, slot: Slot, *, may_bump: bool = True) -> Slot:
        """Send what was signed last; the slot as it is then. What the chain knows counts as sent."""
        latest = slot.latest
        try:
            self._web3.eth.send_raw_transaction(latest.signed)
        except (ChainUnreachable, BadResponseFormat) as error:
            if not self._is_known(latest.transaction_hash):
                raise ChainUnreachable(
                    f"{error}; {self._what(slot)} may have been sent all the same. Its signed bytes are "
                    "kept: the same ones are sent again, never others for the same nonce"
                ) from error
        except Web3RPCError as error:
            words = rpc_words(error)
            if self._is_known(*slot.hashes) or _says(words, _TAKEN):
                return slot
            if _says(words, _TOO_CHEAP):
                # Once: whoever asks for more and more is not to get it.
                return self.bump(slot) if may_bump else slot
            if _says(words, _NO_FUNDS):
                raise InsufficientFunds(
                    f"{self._what(slot)} cannot be paid for — {words}. Send gas money to "
                    f"{self._lane.account} on chain {self._lane.chain_id}: the same bytes are sent again then"
                ) from error
            raise TransactionFailed(
                f"{self._what(slot)} was refused — {words}. Its signed bytes are kept and sent again by "
                "whoever uses the account next",
                words=words,
            ) from error
        return slot

    def bump(self, slot: Slot) -> Slot:
        """Sign it once more with a higher fee, and send that; unchanged when the cap does not allow it."""
        before = TypedTransaction.from_bytes(HexBytes(slot.latest.signed)).as_dict()
        price = self._fees.bumped(
            Price(int(before["maxFeePerGas"]), int(before["maxPriorityFeePerGas"])), self._web3
        )
        if price is None:
            return slot
        fields = {name: before[name] for name in _FIELDS} | fee_fields(price)
        fields["to"] = Web3.to_checksum_address(HexBytes(before["to"]).to_0x_hex())
        fields["data"] = HexBytes(before["data"]).to_0x_hex()
        attempt = attempt_of(self._sign(fields))
        if not self._lanes.add_attempt(self._lane, slot, attempt):
            # Somebody else has done so, or it is in a block.
            return self._lanes.with_hash(self._lane, slot.latest.transaction_hash) or slot
        return self.push(replace(slot, attempts=(*slot.attempts, attempt)), may_bump=False)

    def tend(self, slot: Slot) -> Slot:
        """See that `slot` and all before it get into a block; `slot` as it is then."""
        next_nonce = self._count("latest")
        for each in self._lanes.unsettled(self._lane):
            if each.nonce > slot.nonce:
                break
            tended = self._tended(each, next_nonce)
            if each.nonce == slot.nonce:
                slot = tended
        return slot

    def _tended(self, slot: Slot, next_nonce: int) -> Slot:
        age = (datetime.now(UTC) - slot.latest.signed_at).total_seconds()
        if age < self._patience.in_flight_seconds:
            return slot
        if slot.nonce < next_nonce:
            self.outcome(slot)
            return slot
        if not self._is_known(slot.latest.transaction_hash):
            return self.push(slot)
        if slot.nonce == next_nonce and age > self._patience.stuck_seconds:
            return self.bump(slot)
        return slot

    def _is_known(self, *hashes: str) -> bool:
        """Whether one of them is pending or in a block. An endpoint that is away says nothing of it."""
        for transaction_hash in hashes:
            try:
                self._web3.eth.get_transaction(HexBytes(transaction_hash))
            except (TransactionNotFound, ChainUnreachable):
                continue
            return True
        return False

    def _user_of(self, slot: Slot, last: int) -> str:
        """The transaction that used a slot's nonce, in the blocks up to `last`."""
        first = slot.since_block
        try:
            while first < last:
                middle = (first + last) // 2
                first, last = (first, middle) if self._count(middle) > slot.nonce else (middle + 1, last)
            transactions: Any = self._web3.eth.get_block(first, full_transactions=True)["transactions"]
        except Web3Exception as error:
            raise self._unclear(slot) from error
        for transaction in transactions:
            if transaction["from"] == self._lane.account and transaction["nonce"] == slot.nonce:
                return Web3.to_hex(transaction["hash"])
        raise self._unclear(slot)

    def _unclear(self, slot: Slot) -> ChainUnreachable:
        return ChainUnreachable(
            f"nonce {slot.nonce} of {self._lane.account} on chain {self._lane.chain_id} was used, and the "
            f"endpoint does not say by which transaction ({slot.latest.transaction_hash} is in no block) — "
            "try again later, or choose an endpoint that keeps older blocks"
        )

    def _settled(self, slot: Slot, outcome: Outcome) -> Outcome:
        self._lanes.settle(self._lane, slot, outcome)
        return outcome

    def _count(self, block: Any) -> int:
        return self._web3.eth.get_transaction_count(Web3.to_checksum_address(self._lane.account), block)

    def _what(self, slot: Slot) -> str:
        return f"transaction {slot.latest.transaction_hash} (nonce {slot.nonce} of {self._lane.account})"


def receipt_of(web3: Web3, transaction_hash: str) -> TxReceipt | None:
    """None when no such transaction is in a block."""
    try:
        return web3.eth.get_transaction_receipt(HexBytes(transaction_hash))
    except TransactionNotFound:
        return None


def attempt_of(signed: bytes) -> Attempt:
    return Attempt(Web3.to_hex(Web3.keccak(signed)), signed, datetime.now(UTC))


def fee_fields(price: Price) -> dict[str, int]:
    return {"maxFeePerGas": price.max_fee, "maxPriorityFeePerGas": price.tip}


def _says(words: str, parts: tuple[str, ...]) -> bool:
    return any(part in words.lower() for part in parts)
