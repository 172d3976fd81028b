# SPDX-License-Identifier: Apache-2.0
"""What an asset with a dispenser costs on the chain: as DeFlow publishes it, beside a transaction per step.

Peer: data NFT, datatoken, dispenser and metadata made one after the other, as ocean.py's building blocks do.
On a development chain that mines at once, so seconds are the sender's own; a real chain adds a block for each
transaction.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from airflow_provider_deflow.chain.contracts import contract
from airflow_provider_deflow.chain.data_nft import DataNft, MetadataFlags, NewAsset, create
from airflow_provider_deflow.chain.events import events_in
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.transactions import Sender
from tests import services

RUNS = 5
# As long as an encrypted DDO with one service.
DOCUMENT = bytes(1500)
_NOBODY = "0x" + "0" * 40
_ONE = 10**18


def rows() -> Mapping[str, tuple[int, int, float]]:
    """Transactions, gas and seconds (the best of a few) of each way."""
    with tempfile.TemporaryDirectory() as folder, services.chain(Path(folder)) as chain:
        network = Network.find(chain.chain_id, chain.address_file)
        return {
            "one for the contracts": _best(chain, lambda sender: _together(sender, network)),
            "one for each step": _best(chain, lambda sender: _apart(sender, network)),
        }


def _best(chain: services.Chain, publish: Callable[[_Counting], None]) -> tuple[int, int, float]:
    found = []
    for _ in range(RUNS):
        sender = _Counting(chain.web3, services.KEYS[4])
        began = time.monotonic()
        publish(sender)
        found.append((sender.transactions, sender.gas, time.monotonic() - began))
    return min(found, key=lambda one: one[2])


class _Counting(Sender):
    transactions = 0
    gas = 0

    def confirm(self, transaction_hash: str) -> Any:
        receipt = super().confirm(transaction_hash)
        self.transactions += 1
        self.gas += receipt["gasUsed"]
        return receipt


def _together(sender: _Counting, network: Network) -> None:
    made = create(sender, network, NewAsset("data", "DAT", dispenser=True, token_uri=f"deflow:{'0' * 64}"))
    _describe(sender, made.data_nft)


def _apart(sender: _Counting, network: Network) -> None:
    def done(call: Any, event: str = "") -> str:
        receipt = sender.confirm(sender.send(call))
        return str(events_in(sender.web3, receipt, event)[0].args["newTokenAddress"]) if event else ""

    factory = contract(sender.web3, "ERC721Factory", network.address("ERC721Factory")).functions
    owner = sender.address
    data_nft = done(
        factory.deployERC721Contract("data", "DAT", 1, _NOBODY, _NOBODY, f"deflow:{'0' * 64}", True, owner),
        "NFTCreated",
    )
    template = contract(sender.web3, "ERC721Template", data_nft).functions
    accounts = [owner, owner, _NOBODY, network.address("Ocean")]
    datatoken = done(template.createERC20(1, ["data", "DAT"], accounts, [10**24, 0], []), "TokenCreated")
    token = contract(sender.web3, "ERC20Template", datatoken).functions
    done(token.createDispenser(network.address("Dispenser"), _ONE, _ONE, True, _NOBODY))
    _describe(sender, data_nft)


def _describe(sender: _Counting, data_nft: str) -> None:
    digest = hashlib.sha256(DOCUMENT).digest()
    sent = DataNft(sender.web3, data_nft).set_metadata(
        sender, DOCUMENT, digest, flags=MetadataFlags.ENCRYPTED, decryptor_url="http://node.test:8001"
    )
    sender.confirm(sent)
