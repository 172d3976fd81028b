# SPDX-License-Identifier: Apache-2.0
"""An account's escrow as a document of base units, and as text in whole tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_deflow.chain.escrow_account import EscrowAccount
    from airflow_provider_deflow.chain.wallet import Wallet

Document = dict[str, Any]


def document(wallet: Wallet, account: EscrowAccount, token: str) -> Document:
    """All amounts in base units, as text: they are beyond what JSON's readers take as numbers."""
    from airflow_provider_deflow.chain import tokens

    funds = account.funds(token)
    now = int(wallet.web3.eth.get_block("latest")["timestamp"])
    return {
        "account": wallet.address,
        "chain_id": wallet.web3.eth.chain_id,
        "escrow": account.escrow.address,
        "token": token,
        "gas_money": str(wallet.balance()),
        "outside": str(tokens.balance(wallet.web3, token, wallet.address)),
        "available": str(funds.available),
        "locked": str(funds.locked),
        "authorizations": [
            {name: value if name == "payee" else str(value) for name, value in asdict(one).items()}
            for one in account.authorizations(token)
        ],
        "locks": [
            {
                "payee": held.payee,
                "job_id": str(held.lock.job_id),
                "amount": str(held.lock.amount),
                "expires_at": datetime.fromtimestamp(held.lock.expiry, UTC).isoformat(),
                "is_expired": held.is_expired(now),
            }
            for held in account.held(account.payees(token), token)
        ],
    }


def account(found: Document, written: Callable[[int], str]) -> str:
    """For people; `written` gives an amount in whole tokens."""
    return "\n".join(_lines(found, written))


def _lines(found: Document, written: Callable[[int], str]) -> Iterator[str]:
    from airflow_provider_deflow.chain.units import to_tokens

    gas_money = to_tokens(int(found["gas_money"]), 18).normalize()
    yield f"account    {found['account']} on chain {found['chain_id']}, {gas_money:f} of its coin for gas"
    yield f"escrow     {found['escrow']}"
    yield f"available  {written(int(found['available']))}"
    yield f"locked     {written(int(found['locked']))}"
    yield f"outside    {written(int(found['outside']))}"
    for one in found["authorizations"]:
        yield (
            f"payee      {one['payee']} may lock {written(int(one['max_locked_amount']))} in "
            f"{one['max_lock_counts']} locks of at most {one['max_lock_seconds']} s; has locked "
            f"{written(int(one['current_locked_amount']))} in {one['current_locks']}"
        )
    for one in found["locks"]:
        end = "expired" if one["is_expired"] else "until"
        yield f"lock       {written(int(one['amount']))} by {one['payee']}, {end} {one['expires_at']}"
        yield f"           job {one['job_id']}"
    if any(one["is_expired"] for one in found["locks"]):
        yield "`deflow escrow reclaim` brings back what is expired."
