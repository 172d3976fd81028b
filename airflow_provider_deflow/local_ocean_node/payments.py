# SPDX-License-Identifier: Apache-2.0
"""The node's side of the escrow: what a job costs, its lock, and what is claimed of it.

Everything that asks a chain runs in the chain's threads: a slow RPC endpoint holds up nobody else. Refusals
have the words of the real node, those of its chain library included; what that library makes of an endpoint
that does not answer is as odd as it is written here.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.errors import ChainError, ChainUnreachable, TransactionFailed, WrongChain
from airflow_provider_deflow.local_ocean_node.chains import Chain, Chains
from airflow_provider_deflow.local_ocean_node.identity import Identity
from airflow_provider_deflow.local_ocean_node.javascript import as_text, dumps, plus
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.local_ocean_node.settings import NodeSettings

if TYPE_CHECKING:
    from airflow_provider_deflow.chain.escrow import Authorization, Claim, Escrow, Lock

# When a token does not say.
_USUAL_DECIMALS = 18
_LIBRARY = "version=6.16.0"


class _PaidChain:
    """One chain's escrow and the node's own key there; nothing is asked before it is needed."""

    def __init__(self, chain: Chain, private_key: bytes) -> None:
        from airflow_provider_deflow.chain.transactions import Sender

        self.chain = chain
        # One for all threads: it takes the account's nonces one after the other.
        self.sender = Sender(chain.web3, private_key)
        self._decimals: dict[str, int] = {}

    @cached_property
    def escrow(self) -> Escrow:
        from airflow_provider_deflow.chain.escrow import Escrow

        return Escrow(self.chain.web3, self.chain.network.address("Escrow"))

    def decimals(self, token: str) -> int:
        from airflow_provider_deflow.chain.tokens import decimals

        if token not in self._decimals:
            try:
                self._decimals[token] = decimals(self.chain.web3, token)
            except ChainError:
                return _USUAL_DECIMALS
        return self._decimals[token]

    def base_units(self, cost: float, token: str) -> int:
        """As many decimals as the token has are kept, as the real node rounds them."""
        from airflow_provider_deflow.chain.units import to_base_units

        decimals = self.decimals(token)
        rounded = float(f"{cost:.{decimals}f}")
        text = as_text(rounded)
        if "e" in text or not math.isfinite(cost):
            raise Refusal(
                400,
                f'invalid FixedNumber string value (argument="value", value={dumps(text)}, '
                f"code=INVALID_ARGUMENT, {_LIBRARY})",
            )
        return to_base_units(Decimal(text), decimals)

    def lock(
        self, job_id: str, payer: str, token: str, cost: float, seconds: float, retry_seconds: float
    ) -> str:
        amount = self.base_units(cost, token)
        try:
            available = self.escrow.funds(payer, token).available
        except ChainError:
            raise Refusal(400, "Cannot read properties of null (reading 'toString')") from None
        if available < amount:
            raise Refusal(400, f"User {payer} does not have enough funds")
        authorization = self._authorization(payer, token, retry_seconds)
        if authorization.current_locked_amount + amount > authorization.max_locked_amount:
            raise Refusal(400, "No valid escrow auths found(will go over limit)")
        if not seconds.is_integer():
            raise Refusal(
                400,
                f"The number {as_text(seconds)} cannot be converted to a BigInt because it is not an integer",
            )
        if authorization.max_lock_seconds < seconds:
            raise Refusal(400, "No valid escrow auths found(maxLockSeconds too low)")
        if authorization.current_locks + 1 > authorization.max_lock_counts:
            raise Refusal(400, "No valid escrow auths found(too many active locks)")
        try:
            return self.escrow.create_lock(self.sender, lock_id(job_id), payer, token, amount, int(seconds))
        except TransactionFailed as error:
            raise Refusal(400, self._library_words(error)) from error
        except ChainUnreachable as error:
            raise Refusal(400, f"could not coalesce error (code=UNKNOWN_ERROR, {_LIBRARY})") from error

    def _authorization(self, payer: str, token: str, retry_seconds: float) -> Authorization:
        """Looked for twice, since one that was just made may not be seen yet."""
        payee = self.sender.address
        found: list[Authorization] = []
        for attempt in range(2):
            if attempt:
                time.sleep(retry_seconds)
            try:
                found = self.escrow.authorizations(payer, payee, token)
            except ChainError:
                found = []
            if len(found) == 1:
                return found[0]
        raise Refusal(
            400,
            f"No escrow auths found for: chain={self.chain.chain_id}, token={token}, payer={payer}, "
            f"nodeAddress={payee}. Found {len(found)} authorizations.",
        )

    def _library_words(self, error: TransactionFailed) -> str:
        if "insufficient funds" in error.words.lower():
            return "Node insufficient gas funds. If you are the node owner, please add gas funds to the node."
        reason = error.words.removeprefix("execution reverted").lstrip(": ")
        transaction = {"data": error.call, "from": self.sender.address, "to": self.escrow.address}
        revert = {"args": [reason], "name": "Error", "signature": "Error(string)"}
        return (
            f'execution reverted: {dumps(reason)} (action="estimateGas", data={dumps(error.data)}, '
            f"reason={dumps(reason)}, transaction={_shown(transaction)}, invocation=null, "
            f"revert={_shown(revert)}, code=CALL_EXCEPTION, {_LIBRARY})"
        )


class Payments:
    """All chains that the node is paid on."""

    def __init__(self, settings: NodeSettings, identity: Identity, chains: Chains) -> None:
        self._claim_seconds = settings.claim_duration_timeout
        self._retry_seconds = 0.5 * settings.tick_seconds
        self._payee = identity.address
        self._chains = {one.chain_id: _PaidChain(one, identity.private_key) for one in chains}

    def escrow_address(self, chain_id: Any) -> str | None:
        """Contracts are looked up by a number only, though text finds the fees too."""
        if not isinstance(chain_id, (int, float)) or chain_id not in self._chains:
            return None
        try:
            return self._chains[int(chain_id)].chain.network.address("Escrow")
        except WrongChain:
            return None

    def least_lock_seconds(self, duration: Any) -> Any:
        return plus(duration, self._claim_seconds)

    async def amount(self, cost: float, chain_id: int, token: str) -> int:
        chain = self._chains[chain_id]
        return await chain.chain.ask(chain.base_units, cost, token)

    async def lock(
        self, job_id: str, payer: str, chain_id: Any, token: str, cost: float, seconds: float
    ) -> str:
        """Lock what the job may cost; the hash of the transaction, which is sent but not yet in a block."""
        if self.escrow_address(chain_id) is None:
            raise Refusal(400, "Failed to initialize escrow contract")
        chain = self._chains[chain_id]
        return await chain.chain.ask(
            chain.lock, job_id, payer, token, cost, float(seconds), self._retry_seconds
        )

    async def locks(self, chain_id: int) -> list[Lock]:
        """All that are held for the node now, whoever pays."""
        chain = self._chains[chain_id]
        return await chain.chain.ask(lambda: chain.escrow.locks(self._payee))

    async def claim(self, chain_id: int, claims: Sequence[Claim]) -> str:
        chain = self._chains[chain_id]
        return await chain.chain.ask(lambda: chain.escrow.claim(chain.sender, claims))

    async def cancel_expired(self, chain_id: int, locks: Sequence[Lock]) -> str:
        chain = self._chains[chain_id]
        return await chain.chain.ask(lambda: chain.escrow.cancel_expired(chain.sender, self._payee, locks))


def lock_id(job_id: str) -> int:
    """A job's number in the escrow; its `jobIdHash` is the same in hexadecimal."""
    return int.from_bytes(hashlib.sha256(job_id.encode()).digest())


def _shown(value: dict[str, Any]) -> str:
    return "{ " + ", ".join(f"{dumps(key)}: {_member(member)}" for key, member in value.items()) + " }"


def _member(value: Any) -> str:
    return f"[ {', '.join(map(dumps, value))} ]" if isinstance(value, list) else dumps(value)
