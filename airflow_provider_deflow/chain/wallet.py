# SPDX-License-Identifier: Apache-2.0
"""An account that many processes send with: each transaction once, whatever dies in between.

What is signed is allowed by a policy, kept in the account's lane and only then sent. `lanes` says why that
is safe, `delivery` how it gets into a block.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from web3 import Web3
from web3.types import TxReceipt

from airflow_provider_deflow.chain.delivery import Delivery, Patience, attempt_of, fee_fields, receipt_of
from airflow_provider_deflow.chain.fees import Fees
from airflow_provider_deflow.chain.lanes import Lane, LaneStore, Outcome, Slot
from airflow_provider_deflow.chain.policy import Policy
from airflow_provider_deflow.chain.reverts import reverted
from airflow_provider_deflow.chain.rpc import answering
from airflow_provider_deflow.chain.transactions import gas_of, wait_for_block
from airflow_provider_deflow.chain.units import to_tokens
from airflow_provider_deflow.errors import (
    ChainError,
    ChainUnreachable,
    InsufficientFunds,
    TransactionFailed,
    WrongChain,
)
from airflow_provider_deflow.signing import Signer

_FIRST_POLL_SECONDS = 0.05
_LONGEST_POLL_SECONDS = 2.0
# One of an endpoint's machines may answer as of so many blocks ago.
_LAG_BLOCKS = 16
# The chain's own coin.
_COIN_DECIMALS = 18


class Wallet:
    """Sends in the name of `signer`'s account on the policy's chain; threads and processes may share it."""

    def __init__(
        self,
        web3: Web3,
        signer: Signer,
        lanes: LaneStore,
        policy: Policy,
        fees: Fees | None = None,
        *,
        patience: Patience | None = None,
    ) -> None:
        self.web3 = web3
        self._signer = signer
        self._lanes = lanes
        self._policy = policy
        self._fees = fees or Fees()
        self._patience = patience or Patience()

    @property
    def address(self) -> str:
        return self._signer.address

    def balance(self) -> int:
        """Of the chain's own coin, which pays for gas, in base units."""
        return self.web3.eth.get_balance(Web3.to_checksum_address(self.address))

    def send(self, call: Any, *, purpose: str = "") -> str:
        """Send a contract's function with its arguments; the transaction's hash.

        What would revert is not signed: that raises `TransactionFailed`. For a purpose that was sent before,
        the same transaction is sent again if the chain does not have it. One that came to nothing, since it
        was reverted or another used its nonce, is given a successor. The hash changes when the fee has to be
        raised: what counts is the receipt that `confirm` gives.
        """
        with answering(self.web3):
            return self._sent(call, purpose)

    def _sent(self, call: Any, purpose: str) -> str:
        if purpose and (found := self._sent_before(purpose)):
            return found
        transaction = self._prepared(call)
        while True:
            slot = self._kept(transaction, purpose)
            if slot is not None:
                slot = self._delivery.push(slot)
                # It is sent, whatever holds up those before it: `confirm` says that.
                with suppress(ChainError):
                    self._delivery.tend(slot)
                return slot.latest.transaction_hash
            # Another process was quicker.
            if found := self._sent_before(purpose):
                return found

    def sent_for(self, purpose: str) -> str | None:
        """The hash of the purpose's transaction; None when there is none, or it came to nothing."""
        slot = self._lanes.with_purpose(self._lane, purpose)
        if slot is None:
            return None
        outcome = self._delivery.outcome(slot)
        if outcome is None:
            return slot.latest.transaction_hash
        return None if outcome.ending == "replaced" else outcome.transaction_hash

    def confirm(self, transaction_hash: str) -> TxReceipt:
        """Wait until it is deep enough in the chain, or what replaced it with a higher fee.

        Meanwhile it, and what has to come before it, is sent again when dropped and given a higher fee when
        stuck. Raises `TransactionFailed` when it was reverted, or another transaction used its nonce.
        """
        with answering(self.web3):
            slot = self._lanes.with_hash(self._lane, transaction_hash)
            return self._confirmed(slot) if slot else wait_for_block(self.web3, transaction_hash)

    def _confirmed(self, slot: Slot) -> TxReceipt:
        began = time.monotonic()
        tended, pause = began, _FIRST_POLL_SECONDS
        while (outcome := self._delivery.outcome(slot)) is None:
            now = time.monotonic()
            if now - began > self._patience.confirmed_within_seconds:
                raise self._too_late(slot)
            if now - tended >= self._patience.in_flight_seconds:
                slot, tended = self._delivery.tend(slot), now
            # Nobody tells a client of JSON-RPC over HTTP of a new block.
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)
        return self._receipt(slot, outcome)

    @cached_property
    def _lane(self) -> Lane:
        actual = self.web3.eth.chain_id
        if actual != self._policy.chain_id:
            raise WrongChain(
                f"the RPC endpoint serves chain {actual}, and {self.address} is for chain "
                f"{self._policy.chain_id} — correct the RPC URL or the chain id of its connection"
            )
        return Lane(actual, self.address)

    @cached_property
    def _delivery(self) -> Delivery:
        return Delivery(self.web3, self._lanes, self._lane, self._sign, self._fees, self._patience)

    def _sent_before(self, purpose: str) -> str | None:
        """The hash of the purpose's transaction, which the chain has then; None when there is none."""
        slot = self._lanes.with_purpose(self._lane, purpose)
        if slot is None:
            return None
        outcome = self._delivery.outcome(slot)
        if outcome is None:
            return self._delivery.push(slot).latest.transaction_hash
        if outcome.ending == "succeeded":
            return outcome.transaction_hash
        # Once more: what was reverted did not always let its purpose go.
        self._lanes.settle(self._lane, slot, outcome)
        return None

    def _prepared(self, call: Any) -> dict[str, Any]:
        """The transaction but for its nonce, which the account can pay for."""
        lane = self._lane
        fields = fee_fields(self._fees.now(self.web3))
        gas = gas_of(call, self.address)
        # With all that, nothing is asked of the chain.
        known = {"chainId": lane.chain_id, "from": self.address, "gas": gas, "nonce": 0, "value": 0}
        transaction = dict(call.build_transaction(known | fields))
        del transaction["from"]
        needs = gas * fields["maxFeePerGas"] + int(transaction["value"])
        if (has := self.balance()) < needs:
            raise InsufficientFunds(
                f"{self.address} has {_coins(has)} on chain {lane.chain_id} and this transaction may need "
                f"{_coins(needs)} for gas — send it {_coins(needs - has)} of the chain's own coin"
            )
        return transaction

    def _kept(self, transaction: Mapping[str, Any], purpose: str) -> Slot | None:
        """A slot of the lane that nobody else has; None when another process has one for the purpose."""
        while True:
            # Before the count: in this block the nonce is not used.
            since_block = max(self.web3.eth.block_number - _LAG_BLOCKS, 0)
            nonce = self._next_nonce()
            attempt = attempt_of(self._sign({**transaction, "nonce": nonce}))
            slot = Slot(nonce, purpose, since_block, (attempt,))
            if self._lanes.add(self._lane, slot):
                return slot
            if purpose and self._lanes.with_purpose(self._lane, purpose):
                return None

    def _next_nonce(self) -> int:
        """The lane's; the chain's when the account has sent elsewhere."""
        kept = self._lanes.next_nonce(self._lane)
        if (pending := self._pending()) >= kept:
            return pending
        still_open = self._lanes.unsettled(self._lane)
        mined = still_open[0].nonce if still_open else kept
        # Asked again: others may have been mined in the meantime.
        if (pending := self._pending()) >= mined:
            return kept
        if not self._lanes.is_hole(self._lane, pending):
            raise ChainUnreachable(
                f"the endpoint knows {pending} transactions of {self.address} on chain "
                f"{self._lane.chain_id}, and {mined} were mined — it lags behind: try again later. If the "
                "chain has begun anew, as a development chain may, remove the account's documents from "
                "`wallet_slots` in MongoDB"
            )
        # Somebody else's transaction was pending there and is gone: all after it wait for this nonce.
        return pending

    def _pending(self) -> int:
        return self.web3.eth.get_transaction_count(Web3.to_checksum_address(self.address), "pending")

    def _sign(self, transaction: Mapping[str, Any]) -> bytes:
        self._policy.check(self.web3, transaction)
        return self._signer.sign_transaction(transaction)

    def _receipt(self, slot: Slot, outcome: Outcome) -> TxReceipt:
        if outcome.ending == "replaced":
            raise TransactionFailed(
                f"transaction {slot.latest.transaction_hash} can never be mined — "
                f"{outcome.transaction_hash} used nonce {slot.nonce} of {self.address}, sent by somebody "
                "else with its key. Send it anew, and use the key here only",
                words="replaced",
            )
        receipt = receipt_of(self.web3, outcome.transaction_hash)
        if receipt is None:
            raise ChainUnreachable(
                f"transaction {outcome.transaction_hash} was in a block, and the endpoint does not know it "
                "now — it lags behind: try again later"
            )
        if outcome.ending == "reverted":
            raise reverted(self.web3, receipt)
        return receipt

    def _too_late(self, slot: Slot) -> ChainUnreachable:
        used = self.web3.eth.get_transaction_count(Web3.to_checksum_address(self.address))
        what = f"transaction {slot.latest.transaction_hash} (nonce {slot.nonce} of {self.address})"
        waited = f"is in no block after {self._patience.confirmed_within_seconds:.0f} s"
        if used > slot.nonce:
            return ChainUnreachable(
                f"{what} {waited} and another one has its nonce, of which the endpoint does not say which — "
                "try again later, or choose an endpoint that keeps older blocks"
            )
        return ChainUnreachable(
            f"{what} {waited}; the chain has {used} transactions of the account — it is kept and sent again "
            "by whoever asks for it: try again later, or raise max_fee_gwei of the wallet's connection"
        )


def _coins(base_units: int) -> str:
    return f"{to_tokens(base_units, _COIN_DECIMALS).normalize():f}"
