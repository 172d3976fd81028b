# SPDX-License-Identifier: Apache-2.0
"""What a wallet may sign at all, asked before every signature.

Ocean's contracts on one chain, those that Ocean's factory made, and of these only what publishing, ordering
and paying need. Of every other token nothing but an approval for one of these contracts. So whatever a
graph, a DDO or an Ocean Node says, money goes nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from eth_abi.abi import decode
from web3 import Web3

from airflow_provider_deflow.chain.contracts import artifact, contract
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.errors import PolicyRefused

# By the contract whose ABI has it.
METHODS: Mapping[str, tuple[str, ...]] = {
    "ERC721Factory": (
        "createNftWithErc20",
        "createNftWithErc20WithDispenser",
        "createNftWithErc20WithFixedRate",
    ),
    "ERC721Template": ("setMetaData", "setMetaDataState", "setMetaDataAndTokenURI", "createERC20"),
    "ERC20Template": ("approve", "mint", "startOrder", "reuseOrder", "createDispenser", "createFixedRate"),
    "ERC20TemplateEnterprise": ("buyFromFreAndOrder", "buyFromDispenserAndOrder"),
    "Dispenser": ("dispense", "activate", "deactivate"),
    "FixedRateExchange": ("buyDT", "setRate", "toggleExchangeState"),
    "Escrow": ("deposit", "authorize", "withdraw", "cancelExpiredLock", "cancelExpiredLocks", "bundle"),
}
_APPROVE = "approve"
_SELECTOR_BYTES = 4


class Policy:
    """For one network. `max_value` is the most of the chain's own coin that one transaction may send, and
    `max_approvals` (token → base units) the most that may be approved of a token; both in base units.
    """

    def __init__(
        self, network: Network, *, max_value: int = 0, max_approvals: Mapping[str, int] | None = None
    ) -> None:
        self.chain_id = network.chain_id
        self._network = network
        self._max_value = max_value
        self._max_approvals = {token.lower(): most for token, most in (max_approvals or {}).items()}
        self._fixed = {address.lower() for address in _addresses(network.addresses)}
        # Of Ocean's factory; what it made once it has made for ever.
        self._made: set[str] = set()

    def check(self, web3: Web3, transaction: Mapping[str, Any]) -> None:
        """Raises `PolicyRefused`, saying what is not allowed and why."""
        if transaction["chainId"] != self.chain_id:
            raise _refused(
                f"it is for chain {transaction['chainId']}", f"only chain {self.chain_id} is allowed"
            )
        if (value := int(transaction.get("value") or 0)) > self._max_value:
            raise _refused(f"it sends {value} wei", f"at most {self._max_value} are allowed")
        if not (to := transaction.get("to")):
            raise _refused("it deploys a contract", "only calls of Ocean's contracts are allowed")
        data = bytes(Web3.to_bytes(hexstr=transaction["data"]))
        method = _methods().get(data[:_SELECTOR_BYTES])
        if method is None:
            raise _refused(
                f"it calls 0x{data[:_SELECTOR_BYTES].hex()} of {to}",
                "only what publishing, ordering and paying need is allowed",
            )
        if method == _APPROVE:
            self._check_approval(web3, str(to), data[_SELECTOR_BYTES:])
        elif not self._is_oceans(web3, str(to)):
            raise _refused(
                f"it calls {method} of {to}",
                f"that is no contract of Ocean on chain {self.chain_id}, nor made by Ocean's factory",
            )

    def _check_approval(self, web3: Web3, token: str, arguments: bytes) -> None:
        spender, amount = decode(["address", "uint256"], arguments)
        if not self._is_oceans(web3, spender):
            raise _refused(
                f"it lets {Web3.to_checksum_address(spender)} spend of token {token}",
                f"that is no contract of Ocean on chain {self.chain_id}, nor made by Ocean's factory",
            )
        most = self._max_approvals.get(token.lower())
        if most is not None and amount > most:
            raise _refused(f"it approves {amount} base units of token {token}", f"at most {most} are allowed")

    def _is_oceans(self, web3: Web3, address: str) -> bool:
        lower = address.lower()
        if lower in self._fixed or lower in self._made:
            return True
        factory = contract(web3, "ERC721Factory", self._network.address("ERC721Factory")).functions
        checksummed = Web3.to_checksum_address(address)
        if factory.erc20List(checksummed).call() or factory.erc721List(checksummed).call() == checksummed:
            self._made.add(lower)
            return True
        return False


def _refused(what: str, why: str) -> PolicyRefused:
    return PolicyRefused(
        f"the transaction is not signed: {what} — {why}. Whoever asked for it is mistaken, or not a friend"
    )


def _addresses(found: Mapping[str, Any]) -> set[str]:
    return {
        one
        for value in found.values()
        for one in (value.values() if isinstance(value, Mapping) else [value])
        if isinstance(one, str)
    }


@cache
def _methods() -> dict[bytes, str]:
    """Selector → name. Older forms of a method that take fewer arguments are not in the ABIs we have."""
    found = {}
    for name, methods in METHODS.items():
        for entry in artifact(name)["abi"]:
            if entry["type"] == "function" and entry["name"] in methods:
                signature = f"{entry['name']}({','.join(map(_kind, entry['inputs']))})"
                found[bytes(Web3.keccak(text=signature)[:_SELECTOR_BYTES])] = entry["name"]
    return found


def _kind(field: Mapping[str, Any]) -> str:
    if not field["type"].startswith("tuple"):
        return str(field["type"])
    return f"({','.join(map(_kind, field['components']))}){field['type'].removeprefix('tuple')}"
