# SPDX-License-Identifier: Apache-2.0
"""What every token says about itself, whoever deployed it."""

from __future__ import annotations

from web3 import Web3
from web3.exceptions import Web3Exception

from airflow_provider_deflow.chain.contracts import contract
from airflow_provider_deflow.errors import WrongChain


def decimals(web3: Web3, token: str) -> int:
    try:
        return int(contract(web3, "ERC20Template", token).functions.decimals().call())
    except Web3Exception as error:
        raise WrongChain(
            f"there is no token at {token} on this chain — {error}; correct the address"
        ) from error
