# SPDX-License-Identifier: Apache-2.0
"""What paid nodes would lock, asked of their Ocean Nodes before anything is paid.

An Ocean Node takes few requests a minute and a graph may have many nodes, so nodes that ask for the same are
quoted once, and each Ocean Node lists its environments once. What a job computes, and with which inputs,
costs nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_deflow import job_request
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook, worker_client
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.operators.start import PaidWith, chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from airflow_provider_deflow.graphs import graph as graphs
    from airflow_provider_deflow.job_locks import PayingWallet
    from airflow_provider_deflow.job_payments import Amount
    from airflow_provider_deflow.ocean import choosing
    from airflow_provider_deflow.ocean.compute import ComputeEnvironment


@dataclass(frozen=True, slots=True)
class QuotedNode:
    """What a paid node would lock now, and where."""

    ocean_node: str
    offer: choosing.Offer
    amount: Amount
    wallet: PayingWallet

    @property
    def locked(self) -> int:
        """In base units of the fee token."""
        return self.amount.quote.amount

    @property
    def minutes(self) -> int:
        """As many as are locked for: every started one, and at least the environment's least."""
        longest = max(self.offer.max_duration_seconds, self.offer.environment.min_duration_seconds)
        return math.ceil(longest / 60)


@dataclass(frozen=True)
class Quotes:
    """The quotes of one graph, whose budget names `fee_token`; `say` is told what is chosen, and why."""

    fee_token: str | None
    say: Callable[[str], None]
    _known: dict[Hashable, QuotedNode] = field(default_factory=dict, init=False)
    _listed: dict[str, list[ComputeEnvironment]] = field(default_factory=dict, init=False)

    def of(self, node: graphs.ComputeData, defaults: graphs.Defaults, policy: choosing.Policy) -> QuotedNode:
        """Asked for now, or before for a node that asks for the same. Nothing is sent to the chain."""
        asked = _asked(node, defaults, policy)
        if asked not in self._known:
            self._known[asked] = self._quote(node, defaults, policy)
        return self._known[asked]

    def _quote(
        self, node: graphs.ComputeData, defaults: graphs.Defaults, policy: choosing.Policy
    ) -> QuotedNode:
        from airflow_provider_deflow.hooks.paying import looking_wallet
        from airflow_provider_deflow.job_payments import quoted

        wallet_conn_id = node.wallet or defaults.wallet
        wallet = looking_wallet(wallet_conn_id)
        connection = OceanNodeHook(node.ocean_node or defaults.ocean_node).settings()
        wallet.require_trust(connection.url)
        longest = node.max_duration_seconds or defaults.max_duration_seconds
        node = job_request.without_assets(node)
        with worker_client(connection, OceanWalletHook(wallet_conn_id).signer()) as ocean_node:
            paid_with = PaidWith(wallet.chain_id, self.fee_token)
            if connection.url not in self._listed:
                self._listed[connection.url] = ocean_node.environments()
            listed = self._listed[connection.url]
            offer, terms = chosen(
                ocean_node, node, wallet.address, longest, policy, self.say, paid_with, listed
            )
            seconds = int(offer.max_duration_seconds)
            request = job_request.build(node, (), offer.environment, seconds, terms)
            return QuotedNode(connection.url, offer, quoted(ocean_node, wallet, request), wallet)


def _asked(node: graphs.ComputeData, defaults: graphs.Defaults, policy: choosing.Policy) -> Hashable:
    """All of a node that its price and its environment depend on."""
    return (
        node.ocean_node or defaults.ocean_node,
        node.wallet or defaults.wallet,
        node.environment,
        policy,
        node.max_duration_seconds or defaults.max_duration_seconds,
        tuple(sorted(node.compute_resources.items())),
        getattr(node.algorithm, "image", None),
    )
