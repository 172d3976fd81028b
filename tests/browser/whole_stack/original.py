# SPDX-License-Identifier: Apache-2.0
"""A document of the original DeFlow, what it names being there: an Ocean Node, algorithms and data by DID."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow_provider_deflow import signing
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.rpc import connect
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.ocean.asset_description import AssetDescription
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.publishing.publisher import Publisher
from airflow_provider_deflow.stack.development_chain import PUBLISHER_KEY
from tests.e2e.conftest import Deployment
from tests.publishing_parts import Memory, algorithm, dataset

SAMPLE = Path(__file__).parents[2] / "graphs" / "drawings" / "deflow-experiment.json"
# What reached a node, and a line of its own: the last one has seen every way through the graph.
ALGORITHM = b"""\
import os
lines = []
for name in sorted(os.listdir("/data/inputs")):
    if name != "algoCustomData.json":
        lines += open("/data/inputs/" + name).read().split()
open("/data/outputs/lines.txt", "w").write("\\n".join([*lines, "node"]))
"""
DATA = b"row\n"
# 1 → 2, 4; 3 → 4; 4 → 5, 2; 5 → 2. Nodes 1 and 3 read a row each and add a line.
LINES_IN_THE_END = 2 + 5 + 6 + 1


def document(deployment: Deployment, files: str) -> dict[str, Any]:
    """The sample; its assets are published and cost nothing, their files are at the address `files`."""
    free = {"kind": "free"}
    service = {
        "type": "compute",
        "files": [{"type": "url", "url": f"{files}/rows.txt", "method": "GET"}],
        "compute": {"trusted_publishers": ["*"]},
    }
    algorithm_did = _published(deployment, algorithm(f"{files}/lines.py", price=free))
    dataset_did = _published(deployment, dataset(services=[service], price=free))
    environment = deployment.ocean_node.environments()[0].id
    drawn: dict[str, Any] = json.loads(SAMPLE.read_text())
    for node in drawn["nodes"]:
        data = node["data"]
        data.update(
            ocean_node_address=deployment.up.ocean_node_url,
            compute_env_id=environment,
            algorithm_id=algorithm_did,
        )
        if "dataasset_id" in data:
            data["dataasset_id"] = dataset_did
    return drawn


def _published(deployment: Deployment, description: AssetDescription) -> str:
    chain = deployment.up.chain
    assert chain is not None, "this needs a chain: mark the test's file with `chain`"
    signer = signing.KeySigner(PUBLISHER_KEY)
    publisher = Publisher(
        ocean_node=OceanNode(deployment.up.ocean_node_url, signer, requests_per_minute=600),
        wallet=Sender(connect(chain.rpc_url, chain_id=chain.chain_id), PUBLISHER_KEY),
        network=Network.find(chain.chain_id, chain.address_file),
        memory=Memory(),
        say=print,
        indexed_within_seconds=30,
    )
    return publisher.publish(description, str(description)).did
