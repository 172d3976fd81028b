# SPDX-License-Identifier: Apache-2.0
"""The chains that the node serves, each with the way to it and the places of Ocean's contracts.

A node without chains imports nothing of them. Whoever asks a chain does it by `Chain.ask`, in one of a few
threads that are the chain's own: the loop serves requests meanwhile, and an endpoint that is silent holds
up neither archives nor other chains.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_deflow.local_ocean_node.settings import ChainSettings

if TYPE_CHECKING:
    from web3 import Web3

    from airflow_provider_deflow.chain.networks import Network

T = TypeVar("T")

# The node's users wait for the answer, and the node asks again by its own clocks.
_TIMEOUT_SECONDS = 10.0
_THREADS = 4


@dataclass(frozen=True, slots=True)
class Chain:
    """One of them; nothing is asked of it yet."""

    settings: ChainSettings
    network: Network
    web3: Web3
    threads: ThreadPoolExecutor

    @property
    def chain_id(self) -> int:
        return self.settings.chain_id

    @classmethod
    def open(cls, settings: ChainSettings) -> Chain:
        from airflow_provider_deflow.chain.networks import Network
        from airflow_provider_deflow.chain.rpc import connect

        network = Network.find(settings.chain_id, settings.address_file)
        web3 = connect(settings.rpc_url, timeout_seconds=_TIMEOUT_SECONDS, read_attempts=1)
        return cls(settings, network, web3, ThreadPoolExecutor(_THREADS, f"chain-{settings.chain_id}"))

    async def ask(self, question: Callable[..., T], *arguments: Any) -> T:
        """In a thread, for what talks to the chain."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, question, *arguments)


class Chains:
    """All of them, by id."""

    def __init__(self, settings: tuple[ChainSettings, ...]) -> None:
        self._chains = {one.chain_id: Chain.open(one) for one in settings}

    def get(self, chain_id: Any) -> Chain | None:
        """By a number, or by its text as requests may have it."""
        try:
            return self._chains.get(int(chain_id))
        except (TypeError, ValueError, OverflowError):
            return None

    def close(self) -> None:
        """What is being asked is not waited for."""
        for chain in self:
            chain.threads.shutdown(wait=False, cancel_futures=True)

    def __iter__(self) -> Iterator[Chain]:
        return iter(self._chains.values())
