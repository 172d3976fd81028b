# SPDX-License-Identifier: Apache-2.0
"""Chains as data: an id, and where Ocean's contracts are.

An address file is what Ocean's deployments write: networks by name, each with its `chainId`. Names are
spelled in several ways, so a network is looked up by the id alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from airflow_provider_deflow.errors import SettingsError, WrongChain
from airflow_provider_deflow.signing import checksum_address

# Public pages of transactions, for those chains that Ocean's contracts are deployed on.
_EXPLORERS = {
    1: "https://etherscan.io",
    10: "https://optimistic.etherscan.io",
    56: "https://bscscan.com",
    137: "https://polygonscan.com",
    246: "https://explorer.energyweb.org",
    1285: "https://moonriver.moonscan.io",
    8453: "https://basescan.org",
    23294: "https://explorer.oasis.io/mainnet/sapphire",
    23295: "https://explorer.oasis.io/testnet/sapphire",
    11155111: "https://sepolia.etherscan.io",
    11155420: "https://sepolia-optimism.etherscan.io",
}


def transaction_url(chain_id: int, transaction_hash: str) -> str | None:
    """The page of a transaction; None where we know no explorer of the chain, such as one of one's own."""
    explorer = _EXPLORERS.get(chain_id)
    return f"{explorer}/tx/{transaction_hash}" if explorer else None


@dataclass(frozen=True, slots=True)
class Network:
    """One chain that Ocean's contracts are deployed on."""

    chain_id: int
    name: str
    # As in the address file: contract → address, and for templates number → address.
    addresses: Mapping[str, Any]

    @classmethod
    def find(cls, chain_id: int, address_file: Path | None = None) -> Network:
        """By its id, in `address_file` or else in the public networks of `ocean-contracts`."""
        for name, addresses in _networks(address_file).items():
            if addresses.get("chainId") == chain_id:
                return cls(chain_id, name, addresses)
        raise WrongChain(
            f"Ocean's contracts are not known on chain {chain_id} — "
            f"it is not in {address_file or 'the public networks'}; give an address file that has it"
        )

    def address(self, contract: str, template: int | None = None) -> str:
        """Where `contract` is; `template` selects one of several, by its number."""
        found = self.addresses.get(contract)
        if isinstance(found, Mapping):
            found = found.get(str(template or 1))
        if not isinstance(found, str):
            raise WrongChain(
                f"chain {self.chain_id} ({self.name}) has no {contract} — complete the address file"
            )
        return checksum_address(found)


def _networks(address_file: Path | None) -> dict[str, dict[str, Any]]:
    # The distribution `ocean-contracts` installs a package of this name.
    source = address_file or resources.files("addresses").joinpath("address.json")
    try:
        networks = json.loads(source.read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"the address file {address_file} cannot be read — {error}; "
            "it must be JSON as Ocean's deployments write it"
        ) from error
    if not isinstance(networks, dict) or not all(isinstance(one, dict) for one in networks.values()):
        raise SettingsError(f"the address file {address_file} is malformed — it must be networks by name")
    return networks
