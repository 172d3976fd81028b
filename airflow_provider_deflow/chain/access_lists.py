# SPDX-License-Identifier: Apache-2.0
"""Access lists: contracts that say who belongs, by giving each a token."""

from __future__ import annotations

from web3 import Web3
from web3.exceptions import BadFunctionCallOutput, ContractLogicError

from airflow_provider_deflow.chain.contracts import contract


def is_on_list(web3: Web3, address: str, account: str) -> bool:
    """Nobody is on what is no access list."""
    try:
        functions = contract(web3, "AccessList", address).functions
        return int(functions.balanceOf(Web3.to_checksum_address(account)).call()) > 0
    except (BadFunctionCallOutput, ContractLogicError, ValueError):
        return False
