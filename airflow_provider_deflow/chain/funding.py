# SPDX-License-Identifier: Apache-2.0
"""The escrow made ready for one more lock of a payee: enough there, and just enough allowed.

Each step is taken only when the chain says that it is missing, and counts only when the chain says that
it is there. A purpose is used once, so a step that has to be repeated (somebody revoked or withdrew) gets
the next number; a process that comes after a killed one begins at the first, and finds what that sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from web3 import Web3
from web3.exceptions import Web3Exception
from web3.types import TxReceipt

from airflow_provider_deflow.chain.contracts import contract
from airflow_provider_deflow.chain.escrow import Authorization, Escrow
from airflow_provider_deflow.chain.tokens import decimals
from airflow_provider_deflow.chain.transactions import Sends
from airflow_provider_deflow.chain.units import to_tokens
from airflow_provider_deflow.errors import ChainError, TooFewTokens, TransactionFailed

# Of one step: the chain may be read behind a transaction that it has, and others may undo a step.
_ATTEMPTS = 4
_LAG_SECONDS = 30.0
_LAG_POLL_SECONDS = 0.5

Tell = Callable[[str, TxReceipt], None]


@dataclass(frozen=True, slots=True)
class Need:
    """One lock that a payee is to make: `amount` base units of `token`, for `seconds`."""

    payee: str
    token: str
    amount: int
    seconds: int


class Shared(Protocol):
    """The payer's funds, which locks of other payees are paid of too."""

    def turn(self) -> AbstractContextManager[None]:
        """Alone with the funds for the block."""

    def promised(self) -> int:
        """How much of what is available is for locks of others."""

    def waiting(self) -> int:
        """How much others, who wait for their turn, are about to bring in."""


class _Alone:
    def turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    def promised(self) -> int:
        return 0

    def waiting(self) -> int:
        return 0


ALONE = _Alone()


def make_ready(
    escrow: Escrow, sends: Sends, need: Need, purpose: str, tell: Tell, shared: Shared = ALONE
) -> None:
    """Deposit and authorise what `need` misses; `tell` hears of each transaction.

    Raises `TooFewTokens`, before anything is sent, when the account has not enough.
    """
    with shared.turn():
        _fund(escrow, sends, need, purpose, tell, shared)
    _allow(escrow, sends, need, purpose, tell)


def _fund(escrow: Escrow, sends: Sends, need: Need, purpose: str, tell: Tell, shared: Shared) -> None:
    missing = _missing(escrow, sends, need, shared)
    if missing > 0:
        _require_tokens(escrow, sends, need, missing)
    failed: TransactionFailed | None = None
    for number in range(_ATTEMPTS):
        if missing <= 0:
            return
        # With what the next ones need, which then send nothing; as far as the account has it.
        beyond = _balance(sends.web3, need.token, sends.address) - missing
        missing += max(min(shared.waiting(), beyond), 0)
        try:
            _deposit(escrow, sends, need.token, missing, f"{purpose} deposit {number}", tell)
        except TransactionFailed as error:
            # Perhaps of a process before us, and then what it missed may be there by now.
            failed = error
        missing = _missing(escrow, sends, need, shared)
    if missing > 0:
        raise failed or _does_not_stay("deposit", need)


def _missing(escrow: Escrow, sends: Sends, need: Need, shared: Shared) -> int:
    """Beside what is promised to others; looked at until none of them locked meanwhile."""
    promised = shared.promised()
    while True:
        available = escrow.funds(sends.address, need.token).available
        before, promised = promised, shared.promised()
        if before == promised:
            return need.amount - max(available - promised, 0)


def _allow(escrow: Escrow, sends: Sends, need: Need, purpose: str, tell: Tell) -> None:
    for number in range(_ATTEMPTS):
        authorization = authorization_of(escrow, sends.address, need.payee, need.token)
        if _allows(authorization, need):
            return
        _authorize(
            escrow,
            sends,
            need.payee,
            need.token,
            (
                authorization.current_locked_amount + need.amount,
                need.seconds,
                authorization.current_locks + 1,
            ),
            f"{purpose} authorize {number}",
            tell,
        )
    raise _does_not_stay("authorisation", need)


def revoke(escrow: Escrow, sends: Sends, payee: str, token: str, purpose: str, tell: Tell) -> bool:
    """Allow the payee no lock more; what is locked stays claimable. Whether anything was to be revoked."""
    for number in range(_ATTEMPTS):
        if authorization_of(escrow, sends.address, payee, token).max_locked_amount == 0:
            return number > 0
        _authorize(escrow, sends, payee, token, (0, 0, 0), f"{purpose} revoke {number}", tell)
    raise ChainError(
        f"the authorisation of {payee} comes back after it was revoked — who else uses the wallet?"
    )


def authorization_of(escrow: Escrow, payer: str, payee: str, token: str) -> Authorization:
    """What the payee may lock; nothing when it was never authorised."""
    found = escrow.authorizations(payer, payee, token)
    return found[0] if found else Authorization(payee, 0, 0, 0, 0, 0)


def _allows(authorization: Authorization, need: Need) -> bool:
    """As an Ocean Node checks before it locks."""
    return (
        authorization.current_locked_amount + need.amount <= authorization.max_locked_amount
        and need.seconds <= authorization.max_lock_seconds
        and authorization.current_locks + 1 <= authorization.max_lock_counts
    )


def _require_tokens(escrow: Escrow, sends: Sends, need: Need, missing: int) -> None:
    has = _balance(sends.web3, need.token, sends.address)
    if has >= missing:
        return
    digits = decimals(sends.web3, need.token)
    needs, there, in_escrow = (
        f"{to_tokens(amount, digits).normalize():f}" for amount in (need.amount, has, need.amount - missing)
    )
    raise TooFewTokens(
        f"{sends.address} has {there} tokens of {need.token}, and {in_escrow} in the escrow that no "
        f"other start needs ({escrow.address}); this job locks {needs}. Send it more, or lower "
        "max_duration_seconds."
    )


def _deposit(escrow: Escrow, sends: Sends, token: str, amount: int, purpose: str, tell: Tell) -> None:
    token_contract = contract(sends.web3, "ERC20Template", token)
    if _asked(token_contract.functions.allowance(sends.address, escrow.address)) < amount:
        _send(sends, token_contract.functions.approve(escrow.address, amount), f"{purpose} approve", tell)
    call = contract(sends.web3, "Escrow", escrow.address).functions.deposit(
        Web3.to_checksum_address(token), amount
    )
    _send(sends, call, purpose, tell)


def _authorize(
    escrow: Escrow,
    sends: Sends,
    payee: str,
    token: str,
    most: tuple[int, int, int],
    purpose: str,
    tell: Tell,
) -> None:
    call = contract(sends.web3, "Escrow", escrow.address).functions.authorize(
        Web3.to_checksum_address(token), Web3.to_checksum_address(payee), *most
    )
    _send(sends, call, purpose, tell)


def _send(sends: Sends, call: Any, purpose: str, tell: Tell) -> None:
    receipt = sends.confirm(sends.send(call, purpose=purpose))
    tell(purpose, receipt)
    # One of several endpoints behind an address may lag, and what it shows would be deposited twice.
    give_up_at = time.monotonic() + _LAG_SECONDS
    while sends.web3.eth.block_number < receipt["blockNumber"] and time.monotonic() < give_up_at:
        time.sleep(_LAG_POLL_SECONDS)


def _balance(web3: Web3, token: str, account: str) -> int:
    return _asked(
        contract(web3, "ERC20Template", token).functions.balanceOf(Web3.to_checksum_address(account))
    )


def _asked(call: Any) -> int:
    try:
        return int(call.call())
    except Web3Exception as error:
        raise ChainError(
            f"{call.fn_name} of {call.address} gave no answer — {error}; try again later"
        ) from error


def _does_not_stay(what: str, need: Need) -> ChainError:
    return ChainError(
        f"the {what} for a lock of {need.amount} base units of {need.token} by {need.payee} is not there "
        f"after {_ATTEMPTS} transactions — the RPC endpoint lags, or somebody else uses the wallet"
    )
