# SPDX-License-Identifier: Apache-2.0
"""The chains that the node serves, each with the way to it and the places of Ocean's contracts.

A node without chains imports nothing of them. Whoever asks a chain does it in a thread: the loop serves
requests meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.local_ocean_node.settings import ChainSettings

if TYPE_CHECKING:
    from web3 import Web3

    from airflow_provider_deflow.chain.networks import Network


@dataclass(frozen=True, slots=True)
class Chain:
    """One of them; nothing is asked of it yet."""

    settings: ChainSettings
    network: Network
    web3: Web3

    @property
    def chain_id(self) -> int:
        return self.settings.chain_id

    @classmethod
    def open(cls, settings: ChainSettings) -> Chain:
        from airflow_provider_deflow.chain.networks import Network
        from airflow_provider_deflow.chain.rpc import connect

        network = Network.find(settings.chain_id, settings.address_file)
        return cls(settings, network, connect(settings.rpc_url))


class Chains:
    """All of them, by id."""

    def __init__(self, settings: tuple[ChainSettings, ...]) -> None:
        self._chains = {one.chain_id: Chain.open(one) for one in settings}

    def get(self, chain_id: Any) -> Chain | None:
        """By a number, or by its text as requests may have it."""
        try:
            return self._chains.get(int(chain_id))
        except (TypeError, ValueError):
            return None

    def __iter__(self) -> Iterator[Chain]:
        return iter(self._chains.values())
