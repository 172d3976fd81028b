# SPDX-License-Identifier: Apache-2.0
"""A publisher at a local Ocean Node on the tests' chain, and what the chain itself says of its assets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pymongo.database import Database

from airflow_provider_deflow.chain.delivery import Patience
from airflow_provider_deflow.chain.events import events_of
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.policy import Policy
from airflow_provider_deflow.chain.rpc import connect
from airflow_provider_deflow.chain.transactions import Sender, Sends
from airflow_provider_deflow.chain.wallet import Wallet
from airflow_provider_deflow.ledger.lanes import MongoLanes
from airflow_provider_deflow.ocean.asset_description import AssetDescription
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.publishing.publisher import Published, Publisher
from airflow_provider_deflow.signing import KeySigner
from tests.services import Chain

DATASET: dict[str, Any] = {
    "name": "Some numbers",
    "description": "größe 数据, and more",
    "author": "account 6",
    "license": "https://example.org/terms",
}
CONTAINER = {"image": "python", "tag": "3.11", "checksum": "sha256:" + "0" * 64}


class Memory(dict[str, Any]):
    """What outlives an attempt."""

    set = dict.__setitem__


def file_object(url: str) -> dict[str, str]:
    return {"type": "url", "url": url, "method": "GET"}


@dataclass
class Publishing:
    """One account that publishes."""

    chain: Chain
    url: str
    key: str
    # Where the account's lane is kept; None sends without remembering a purpose.
    database: Database[dict[str, Any]] | None = None
    said: list[str] = field(default_factory=list)

    @property
    def network(self) -> Network:
        return Network.find(self.chain.chain_id, self.chain.address_file)

    @property
    def address(self) -> str:
        return KeySigner(self.key).address

    def wallet(self, confirmed_within_seconds: float = 30) -> Sends:
        if self.database is None:
            return Sender(self.chain.web3, self.key)
        patience = Patience(
            in_flight_seconds=0.2, stuck_seconds=0.5, confirmed_within_seconds=confirmed_within_seconds
        )
        lanes = MongoLanes(self.database)
        signer, policy = KeySigner(self.key), Policy(self.network)
        return Wallet(connect(self.chain.rpc_url), signer, lanes, policy, patience=patience)

    def publisher(self, memory: Memory | None = None, **changes: Any) -> Publisher:
        node = OceanNode(changes.pop("url", self.url), KeySigner(self.key), requests_per_minute=1_000_000)
        return Publisher(
            ocean_node=node,
            wallet=changes.pop("wallet", None) or self.wallet(),
            network=self.network,
            memory=Memory() if memory is None else memory,
            say=self.said.append,
            **{"indexed_within_seconds": 20, **changes},
        )

    def publish(
        self, description: AssetDescription, key: str, memory: Memory | None = None, **changes: Any
    ) -> Published:
        return self.publisher(memory, **changes).publish(description, key)

    def indexed(self, did: str) -> dict[str, Any]:
        from airflow_provider_deflow.publishing import indexing

        found = indexing.document(OceanNode(self.url, requests_per_minute=1_000_000), did)
        assert found is not None
        return found

    def transactions(self) -> int:
        """How many the account has ever sent."""
        return int(self.chain.web3.eth.get_transaction_count(self.address))

    def sent_by(self, work: Callable[[], Any]) -> int:
        before = self.transactions()
        work()
        return self.transactions() - before

    def data_nfts(self, token_uri: str | None = None) -> list[str]:
        """All that Ocean's factory ever made for the account."""
        web3 = self.chain.web3
        by = [None, None, "0x" + self.address[2:].lower().rjust(64, "0")]
        factory = self.network.address("ERC721Factory")
        made = events_of(web3, factory, 0, web3.eth.block_number, "NFTCreated", indexed=by)
        return [
            str(event.args["newTokenAddress"])
            for event in made
            if token_uri in (None, event.args["tokenURI"])
        ]

    def metadata_said(self, data_nft: str) -> int:
        """How often the data NFT was described."""
        names = ("MetadataCreated", "MetadataUpdated")
        return len(events_of(self.chain.web3, data_nft, 0, self.chain.web3.eth.block_number, *names))

    def token_uri_of(self, data_nft: str) -> str:
        from airflow_provider_deflow.chain.data_nft import DataNft

        return DataNft(self.chain.web3, data_nft).token_uri()


def dataset(*urls: str, kind: str = "compute", **changes: Any) -> AssetDescription:
    services = [{"type": kind, "files": [file_object(url)]} for url in urls]
    return AssetDescription.of({**DATASET, "services": services, **changes})


def algorithm(url: str, **changes: Any) -> AssetDescription:
    return dataset(url, role="algorithm", algorithm={"container": CONTAINER}, **changes)
