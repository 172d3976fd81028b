# SPDX-License-Identifier: Apache-2.0
"""Ocean's contracts by name, with the ABIs and bytecode that the package `ocean-contracts` brings."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from web3 import Web3
from web3.contract import Contract


@cache
def artifact(name: str) -> dict[str, Any]:
    """What the compiler said about a contract: `abi`, `bytecode` and more."""
    # The distribution `ocean-contracts` installs a package of this name.
    content: dict[str, Any] = json.loads(resources.files("artifacts").joinpath(f"{name}.json").read_text())
    return content


def contract(web3: Web3, name: str, address: str) -> Contract:
    """The contract `name` that is deployed at `address`."""
    return web3.eth.contract(address=Web3.to_checksum_address(address), abi=artifact(name)["abi"])
