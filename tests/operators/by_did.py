# SPDX-License-Identifier: Apache-2.0
"""Assets of a publisher, which a task of another wallet uses by DID; counted on the chain itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow.sdk import DAG

from airflow_provider_deflow.chain.events import Event, events_of
from airflow_provider_deflow.hooks.paying import looking_wallet
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.publishing.publisher import Published
from airflow_provider_deflow.reconciliation import accounts, reconcile
from tests.operators.paid import Paid
from tests.publishing_parts import Publishing, algorithm, dataset, file_object

FREE = {"kind": "free"}


@dataclass(frozen=True)
class ByDid:
    """Who publishes, who uses, and where the files are."""

    paying: Paid
    publishing: Publishing
    files: str

    def dataset(
        self, trusted: tuple[str, ...] = (), price: dict[str, str] | None = None, **changes: Any
    ) -> Published:
        """Some numbers, open to any algorithm by DID unless some are trusted."""
        trust = {"trusted_algorithms": trusted} if trusted else {"trusted_publishers": ["*"]}
        service = {
            "type": "compute",
            "files": [file_object(f"{self.files}/n.txt")],
            "compute": {**trust, **changes.pop("compute", {})},
            "timeout_seconds": changes.pop("timeout_seconds", 86_400),
        }
        description = dataset(services=[service], price=price or FREE, **changes)
        return self.publishing.publish(description, _fresh("dataset"))

    def algorithm(self, **changes: Any) -> Published:
        """It prints what it finds in n.txt, and writes it to an output."""
        description = algorithm(f"{self.files}/algo.py", price=FREE, **changes)
        return self.publishing.publish(description, _fresh("algorithm"))

    def said(self, asset: Published, *names: str) -> list[Event]:
        """What the asset's datatoken said of the wallet that uses it."""
        web3 = self.paying.chain.web3
        found = events_of(web3, asset.datatoken, 0, web3.eth.block_number, *names)
        return [one for one in found if one.args["payer"] == self.paying.address]

    def orders(self, *assets: Published) -> list[int]:
        """How often each was ordered."""
        return [len(self.said(asset, "OrderStarted")) for asset in assets]

    def kept(self) -> list[dict[str, Any]]:
        """What the ledger says of orders."""
        return [one for one in self.paying.reservations.of_run_called("") if one.get("kind") == "order"]

    def differences(self) -> list[str]:
        """Between the ledger, all of it, and the chain."""
        wallet = looking_wallet("ocean_wallet_default")
        return reconcile(wallet, self.paying.reservations.of_run_called("")).differences

    def gas_in_ledger(self) -> int:
        found = accounts(self.paying.reservations.of_run_called(""))
        return sum(one.gas for one in found)

    def gas(self) -> int:
        """All that the wallet had for gas and has not any more."""
        return 10**18 - int(self.paying.chain.web3.eth.get_balance(self.paying.address))

    def fee_tokens(self) -> int:
        """What the wallet has, in base units."""
        token = self.paying.chain.at("OceanToken", self.paying.chain.fee_token)
        return int(token.functions.balanceOf(self.paying.address).call())


def by_did(
    did: str | None, *datasets: str, budget: dict[str, str] | None = None, **node: Any
) -> OceanComputeOperator:
    with DAG("by_hand", schedule=None):
        return by_did_task("train", did, *datasets, budget=budget, **node)


def by_did_task(
    task_id: str, did: str | None, *datasets: str, budget: dict[str, str] | None = None, **node: Any
) -> OceanComputeOperator:
    return OceanComputeOperator(
        task_id=task_id, node=node_of(did, *datasets, **node), budget=budget, retries=2
    )


def node_of(did: str | None, *datasets: str, **node: Any) -> dict[str, Any]:
    """A node's data; without a DID of an algorithm it has code that does nothing."""
    code = {"code": "pass", "image": "python:3.11", "entrypoint": "python3 $ALGO"}
    return {
        "algorithm": {"did": did} if did else code,
        "datasets": [{"did": one} for one in datasets],
        "max_duration_seconds": 120,
        **node,
    }


_made: list[str] = []


def _fresh(kind: str) -> str:
    """A publisher's key that no other test has."""
    _made.append(kind)
    return f"{kind} {len(_made)}"
