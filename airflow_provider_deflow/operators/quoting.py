# SPDX-License-Identifier: Apache-2.0
"""What nodes would lock and order, asked of their Ocean Nodes and of the chain before anything is paid.

An Ocean Node takes few requests a minute and a graph may have many nodes, so nodes that ask for the same are
quoted once, and each Ocean Node lists its environments once. What a job computes, and with which inputs,
costs nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from airflow_provider_deflow import asset_checks, job_request, order_books, order_quotes
from airflow_provider_deflow.graphs import graph as graphs
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook, worker_client
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.operators.start import PaidWith, chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from airflow_provider_deflow.chain.networks import Network
    from airflow_provider_deflow.job_locks import PayingWallet
    from airflow_provider_deflow.job_payments import Amount
    from airflow_provider_deflow.ledger.reservations import Token
    from airflow_provider_deflow.ocean import choosing
    from airflow_provider_deflow.ocean.assets import UsedAsset
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeEnvironment, JobRequest

# Measured on the contracts of `ocean-contracts`, rounded up: approve, deposit, authorise.
GAS_OF_A_START = 50_000 + 140_000 + 150_000
# Likewise: the order itself, after a datatoken was taken for nothing, or approved and bought.
GAS_OF_AN_ORDER = {"had": 190_000, "dispensed": 190_000 + 120_000, "bought": 190_000 + 50_000 + 260_000}


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

    def gas_wei(self) -> int:
        """About what the first start of a wallet costs, at the fee that the chain says now."""
        return GAS_OF_A_START * int(self.wallet.web3.eth.gas_price)


@dataclass(frozen=True, slots=True)
class QuotedOrder:
    """One order that has to be placed; `what` names it, whichever nodes it is for."""

    what: str
    did: str
    datatoken: str
    ocean_node: str
    how: Literal["had", "dispensed", "bought"]
    amount: int
    token: Token
    wallet: PayingWallet

    def gas_wei(self) -> int:
        """About, at the fee that the chain says now."""
        return GAS_OF_AN_ORDER[self.how] * int(self.wallet.web3.eth.gas_price)


@dataclass(frozen=True)
class Quotes:
    """The quotes of one graph, whose budget names `fee_token`; `say` is told what is chosen, and why."""

    fee_token: str | None
    say: Callable[[str], None]
    _known: dict[Hashable, QuotedNode] = field(default_factory=dict, init=False)
    # By the Ocean Node's URL.
    _listed: dict[str, list[ComputeEnvironment]] = field(default_factory=dict, init=False)
    # None for one that is valid already.
    _orders: dict[str, QuotedOrder | None] = field(default_factory=dict, init=False)

    def of(self, node: graphs.ComputeData, defaults: graphs.Defaults, policy: choosing.Policy) -> QuotedNode:
        """Asked for now, or before for a node that asks for the same. Nothing is sent to the chain."""
        asked = _asked(node, defaults, policy)
        if asked not in self._known:
            self._known[asked] = self._quote(node, defaults, policy)
        return self._known[asked]

    def orders_of(self, node: graphs.ComputeData, defaults: graphs.Defaults) -> list[QuotedOrder]:
        """What has to be ordered for what the node names by DID; nothing that is ordered already.

        Raises `AssetNotUsable` when it cannot be used.
        """
        if not graphs.dids_of(node):
            return []
        from airflow_provider_deflow.chain.access_lists import is_on_list
        from airflow_provider_deflow.hooks.paying import looking_wallet

        hook = OceanWalletHook(node.wallet or defaults.wallet)
        network, wallet = hook.network(), looking_wallet(hook.wallet_conn_id)
        connection = OceanNodeHook(node.ocean_node or defaults.ocean_node).settings()
        wallet.require_trust(connection.url)
        with worker_client(connection, hook.signer()) as ocean_node:
            used = asset_checks.usable(
                ocean_node, node, wallet.address, lambda at, account: is_on_list(wallet.web3, at, account)
            )
            environment = self._environments(ocean_node)[0]
            longest = node.max_duration_seconds or defaults.max_duration_seconds
            request = job_request.build(node, (), environment, longest, None, used)
            asking = order_quotes.asking_for(ocean_node, request, wallet.chain_id)
            names = {
                one.did: order_books.order_of(
                    wallet.address, asking.consumer, one.datatoken, one.service_index
                )
                for one in used
            }
            if any(names[one.did] not in self._orders for one in used):
                self._quote_orders(ocean_node, request, asking, wallet, network, names)
        found = [self._orders[name] for name in names.values()]
        return [one for one in found if one]

    def _quote_orders(
        self,
        ocean_node: OceanNode,
        request: JobRequest,
        asking: order_quotes.Asking,
        wallet: PayingWallet,
        network: Network,
        names: Mapping[str, str],
    ) -> None:
        for asset in request.assets:
            order_quotes.require_ours(wallet, network, asset)
        last = {
            one.did: order_quotes.last_order(wallet, network, one, asking.consumer) for one in request.assets
        }
        quotes = order_quotes.of_assets(ocean_node, request, asking, last)
        for asset in request.assets:
            name, quote = names[asset.did], quotes[asset.did]
            if name in self._orders:
                continue
            if quote.order:
                self._orders[name] = None
                continue
            order_quotes.fee(asset, quote, asking.consumer)
            self._orders[name] = self._priced(asset, name, ocean_node.url, wallet, network)

    def _priced(
        self, asset: UsedAsset, name: str, url: str, wallet: PayingWallet, network: Network
    ) -> QuotedOrder:
        from airflow_provider_deflow.chain import tokens
        from airflow_provider_deflow.ledger.reservations import Token

        kept = sum(1 for one in self._orders.values() if one and _uses_up(one, asset.datatoken, wallet))
        price = order_quotes.price(wallet, network, asset.datatoken, self.fee_token, kept)
        address = price.token or network.address("Ocean")
        token = Token(wallet.chain_id, address, tokens.decimals(wallet.web3, address))
        return QuotedOrder(name, asset.did, asset.datatoken, url, price.how, price.amount, token, wallet)

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
            listed = self._environments(ocean_node)
            offer, terms = chosen(
                ocean_node, node, wallet.address, longest, policy, self.say, paid_with, listed
            )
            seconds = int(offer.max_duration_seconds)
            request = job_request.build(node, (), offer.environment, seconds, terms)
            return QuotedNode(connection.url, offer, quoted(ocean_node, wallet, request), wallet)

    def _environments(self, ocean_node: OceanNode) -> list[ComputeEnvironment]:
        if ocean_node.url not in self._listed:
            self._listed[ocean_node.url] = ocean_node.environments()
        return self._listed[ocean_node.url]


def _uses_up(one: QuotedOrder, datatoken: str, wallet: PayingWallet) -> bool:
    """Whether an order takes a datatoken that the wallet has, so that another one cannot."""
    return (one.how, one.datatoken, one.wallet.address) == ("had", datatoken, wallet.address)


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
