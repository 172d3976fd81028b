# SPDX-License-Identifier: Apache-2.0
"""What every token says about itself, whoever deployed it, and paying a contract with one."""

from __future__ import annotations

from typing import Any

from web3 import Web3
from web3.exceptions import Web3Exception

from airflow_provider_deflow.chain.contracts import contract
from airflow_provider_deflow.chain.transactions import Sends
from airflow_provider_deflow.chain.units import to_tokens
from airflow_provider_deflow.errors import InsufficientFunds, TransactionFailed, WrongChain


def decimals(web3: Web3, token: str) -> int:
    try:
        return int(contract(web3, "ERC20Template", token).functions.decimals().call())
    except Web3Exception as error:
        raise WrongChain(
            f"there is no token at {token} on this chain — {error}; correct the address"
        ) from error


def symbol(web3: Web3, token: str) -> str:
    """Empty where the token has none."""
    try:
        return str(contract(web3, "ERC20Template", token).functions.symbol().call())
    except Web3Exception:
        return ""


def balance(web3: Web3, token: str, account: str) -> int:
    """What the account has of it, in base units."""
    held = contract(web3, "ERC20Template", token).functions.balanceOf(Web3.to_checksum_address(account))
    return int(held.call())


def written(web3: Web3, token: str, base_units: int) -> str:
    """An amount for people: whole tokens, and which."""
    symbol = contract(web3, "ERC20Template", token).functions.symbol().call()
    return f"{to_tokens(base_units, decimals(web3, token)).normalize():f} {symbol}"


def pay(sends: Sends, call: Any, token: str, amount: int, *, purpose: str = "") -> str:
    """Send `call`, whose contract takes `amount` of `token` from the sender; the transaction's hash.

    The contract is approved for exactly that, when it has to be. Raises `InsufficientFunds`.
    """
    try:
        # First of all: for a purpose that was paid already nothing has to be there.
        return sends.send(call, purpose=purpose)
    except TransactionFailed:
        if _allowance(sends, token, call.address) >= amount:
            raise
    has = balance(sends.web3, token, sends.address)
    if has < amount:
        raise InsufficientFunds(
            f"{sends.address} has {written(sends.web3, token, has)}, and {call.fn_name} of {call.address} "
            f"takes {written(sends.web3, token, amount)} — send it "
            f"{written(sends.web3, token, amount - has)} (token {token})"
        )
    approval = contract(sends.web3, "ERC20Template", token).functions.approve(call.address, amount)
    # Other amounts, as after the price has changed, are approved anew.
    sends.confirm(sends.send(approval, purpose=purpose and approving_for(purpose, amount)))
    return sends.send(call, purpose=purpose)


def approving_for(purpose: str, amount: int) -> str:
    """The purpose of the approval, which is a transaction of its own."""
    return f"{purpose}: approve {amount}"


def _allowance(sends: Sends, token: str, spender: str) -> int:
    functions = contract(sends.web3, "ERC20Template", token).functions
    return int(functions.allowance(Web3.to_checksum_address(sends.address), spender).call())
