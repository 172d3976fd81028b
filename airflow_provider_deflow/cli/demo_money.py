# SPDX-License-Identifier: Apache-2.0
"""The demo's money: a node that is paid, an edge that is a published asset, and what the chain says of both.

Only where the stack has a chain; without one the example costs nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from airflow_provider_deflow.ledger.reservations import Reservations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_deflow.job_locks import PayingWallet
    from airflow_provider_deflow.ledger.reservations import Record
    from airflow_provider_deflow.ocean.outputs import ContentStore
    from airflow_provider_deflow.reconciliation import Account, Reconciled
    from airflow_provider_deflow.stack import Running
    from airflow_provider_deflow.stack.airflow_api import AirflowApi, RunState
    from airflow_provider_deflow.stack.development_chain import DevelopmentChain

PAID_NODE = "predict"
# The hospital's records go to whoever selects features, and to nobody else.
ASSET_EDGE = "prepare-a-select-features"
BUDGET = {"per_run": "5"}
# The local Ocean Node claims every few seconds.
CLAIMED_WITHIN_SECONDS = 90.0
_POLL_SECONDS = 0.5
_COIN_DECIMALS = 18


@dataclass(frozen=True, slots=True)
class Asset:
    """What an edge published, in this run or in an earlier one that handed over the same."""

    edge: str
    did: str
    gas: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run's payments came to; its `proof` has no differences when all is right."""

    payments: list[Account]
    proof: Reconciled
    assets: tuple[Asset, ...] = ()

    @property
    def in_record(self) -> dict[str, Any]:
        """For `run.json`: base units as text, which JSON's numbers are too small for."""
        told = [
            {name: str(value) if name in _AMOUNTS else value for name, value in asdict(one).items()}
            for one in self.payments
        ]
        assets = [{**asdict(one), "gas": str(one.gas)} for one in self.assets]
        return {"payments": told, "assets": assets, **asdict(self.proof)}

    @property
    def faults(self) -> list[str]:
        """What a demo would be wrong with."""
        held = [
            f"{one.task_id} holds {one.held} base units in the escrow" for one in self.payments if one.held
        ]
        return [*self.proof.differences, *held, *([] if self.proof.locks else ["no job was paid"])]

    def lines(self) -> list[str]:
        """A sentence for each payment, and for the proof."""
        told = [
            f"{one.edge} was published as {one.did}; gas {_whole(one.gas, _COIN_DECIMALS)} coins"
            for one in self.assets
        ]
        told += [_sentence(one) for one in self.payments]
        return [*told, self.proof.summary]


_AMOUNTS = ("reserved", "locked", "claimed", "refunded", "paid", "fees", "gas")


def with_money(document: dict[str, Any]) -> dict[str, Any]:
    """The example with one node paid and one edge an asset."""
    nodes = [
        {**node, "data": {**node["data"], "payment": {"mode": "paid"}}} if node["id"] == PAID_NODE else node
        for node in document["nodes"]
    ]
    edges = [
        {**edge, "data": {**edge["data"], "handover": "asset"}} if edge["id"] == ASSET_EDGE else edge
        for edge in document["edges"]
    ]
    return {**document, "nodes": nodes, "edges": edges, "budget": BUDGET}


def published(airflow: AirflowApi, state: RunState, store: ContentStore) -> dict[str, str]:
    """The DIDs of what the run's edges were published as, by edge."""
    found = {}
    for task in state.tasks:
        returned = airflow.xcom(state.run.dag_id, state.run.run_id, task.task_id) or {}
        if returned.get("mode") == "asset":
            with store.open(returned["handover"]) as document:
                found[task.task_id] = str(json.load(document)["did"])
    return found


def read(up: Running, run_id: str, key: str, dids: Mapping[str, str]) -> Cost:
    """What the run cost, once the Ocean Node has claimed it, held against the chain's events.

    `key` is that of the wallet that paid, `dids` are what edges published.
    """
    chain = up.chain
    assert chain is not None
    from airflow_provider_deflow.job_locks import Locks
    from airflow_provider_deflow.reconciliation import accounts, reconcile

    wallet = _wallet(chain, key)
    with Reservations.connected(up.mongo_uri) as reservations:
        locks = Locks(wallet, reservations, lambda _: None)

        def still_open() -> list[Record]:
            return [one for one in reservations.of_run_called(run_id) if locks.settle(one) == "held"]

        patience = Retrying(
            wait=wait_fixed(_POLL_SECONDS),
            stop=stop_after_delay(CLAIMED_WITHIN_SECONDS),
            retry=retry_if_result(bool),
            retry_error_callback=lambda _: None,
        )
        patience(still_open)
        records = reservations.of_run_called(run_id)
        others = reservations.of_payer(wallet.chain_id, wallet.address)
        assets = tuple(_asset(up, wallet, edge, did) for edge, did in dids.items())
        return Cost(accounts(records), reconcile(wallet, records, others), assets)


def _asset(up: Running, wallet: PayingWallet, edge: str, did: str) -> Asset:
    from airflow_provider_deflow.chain.data_nft import gas_spent
    from airflow_provider_deflow.ocean import asset_routes
    from airflow_provider_deflow.ocean.client import OceanNode

    with OceanNode(up.ocean_node_url) as ocean_node:
        document = ocean_node.ask(asset_routes.ddo(did))
    return Asset(edge, did, gas_spent(wallet.web3, str(document["nftAddress"])))


def _wallet(chain: DevelopmentChain, key: str) -> PayingWallet:
    from airflow_provider_deflow.chain.networks import Network
    from airflow_provider_deflow.chain.rpc import connect
    from airflow_provider_deflow.chain.transactions import Sender
    from airflow_provider_deflow.job_locks import PayingWallet

    sends = Sender(connect(chain.rpc_url, chain_id=chain.chain_id), key)
    escrow = Network.find(chain.chain_id, chain.address_file).address("Escrow")
    return PayingWallet(sends, chain.chain_id, escrow, frozenset(), "ocean_wallet_default")


def _sentence(one: Account) -> str:
    def whole(base_units: int) -> str:
        return _whole(base_units, one.decimals)

    gas = f"gas {_whole(one.gas, _COIN_DECIMALS)} coins"
    if one.kind == "order":
        return f"{one.task_id} ordered {one.did} for {whole(one.paid)} tokens; {gas}"
    return (
        f"{one.task_id} cost {whole(one.claimed)} tokens: {whole(one.locked)} were locked, "
        f"{whole(one.refunded)} came back; {gas}"
    )


def _whole(base_units: int, decimals: int) -> str:
    from airflow_provider_deflow.chain.units import to_tokens

    return f"{to_tokens(base_units, decimals).normalize():f}"
