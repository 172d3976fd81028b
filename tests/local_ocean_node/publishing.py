# SPDX-License-Identifier: Apache-2.0
"""Assets on a test's chain, published and ordered in plain contract calls."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import requests

from airflow_provider_deflow.chain.data_nft import DataNft, MetadataFlags, MetadataState, NewAsset, create
from airflow_provider_deflow.chain.datatoken import Datatoken, ProviderFee
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.local_ocean_node.ddos import did_of
from airflow_provider_deflow.signing import KeySigner
from tests.local_ocean_node.running import Consumer
from tests.services import KEYS, Chain

T = TypeVar("T")

FOR_EVERYBODY = {
    "allowRawAlgorithm": True,
    "allowNetworkAccess": False,
    "publisherTrustedAlgorithmPublishers": ["*"],
    "publisherTrustedAlgorithms": [],
}


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def until(ask: Callable[[], T | None], seconds: float = 30) -> T:
    """What `ask` gives once it gives something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.02)
    raise AssertionError("nothing came")


@dataclass(frozen=True)
class Asset:
    """A published one."""

    did: str
    data_nft: str
    datatoken: str
    ddo: dict[str, Any]
    transaction: str

    @property
    def service_id(self) -> str:
        return str(self.ddo["services"][0]["id"])


@dataclass(frozen=True)
class Publisher:
    """Account 4 of the chain, with an Ocean Node to encrypt for and be indexed by."""

    chain: Chain
    url: str

    @cached_property
    def network(self) -> Network:
        return Network.find(self.chain.chain_id, self.chain.address_file)

    @cached_property
    def sender(self) -> Sender:
        return Sender(self.chain.web3, KEYS[4])

    @cached_property
    def consumer(self) -> Consumer:
        return Consumer(self.url, KeySigner(KEYS[4]))

    def encrypt(self, content: bytes) -> bytes:
        reply = requests.post(
            f"{self.url}/api/services/encrypt",
            data=content,
            headers={"content-type": "application/octet-stream"},
            params=self.consumer.signed("encrypt"),
        )
        assert reply.status_code == 200, reply.text
        return bytes.fromhex(reply.text[2:])

    def draft(
        self,
        *files: dict[str, Any],
        kind: str = "dataset",
        service: str = "compute",
        metadata: dict[str, Any] | None = None,
        dispenser: bool = False,
        **fields: Any,
    ) -> Asset:
        """Contracts and a DDO that nobody has been told of yet; `fields` are the DDO's."""
        made = create(self.sender, self.network, NewAsset("data", "DAT", dispenser=dispenser))
        secret = {
            "datatokenAddress": made.datatoken,
            "nftAddress": made.data_nft,
            "files": list(files),
        }
        did = did_of(made.data_nft, self.chain.chain_id)
        ddo = {
            "@context": ["https://w3id.org/did/v1"],
            "id": did,
            "version": "4.1.0",
            "chainId": self.chain.chain_id,
            "nftAddress": made.data_nft,
            "metadata": {
                "created": "2026-11-21T20:00:00Z",
                "updated": "2026-11-21T20:00:00Z",
                "type": kind,
                "name": "data",
                "description": "größe 数据",
                "author": "account 4",
                "license": "https://example.org/terms",
                "tags": ["test"],
                **(metadata or {}),
            },
            "services": [
                {
                    "id": hashlib.sha256(did.encode()).hexdigest(),
                    "type": service,
                    "files": f"0x{self.encrypt(compact(secret).encode()).hex()}",
                    "datatokenAddress": made.datatoken,
                    "serviceEndpoint": self.url,
                    "timeout": 86400,
                    **({"compute": FOR_EVERYBODY} if service == "compute" else {}),
                }
            ],
            **fields,
        }
        return Asset(did, made.data_nft, made.datatoken, ddo, "")

    def announce(self, asset: Asset, ddo: dict[str, Any] | None = None, *, encrypted: bool = True) -> Asset:
        """Say what it is on the chain."""
        ddo = ddo or asset.ddo
        text = compact(ddo).encode()
        if encrypted:
            data, flags, digest = self.encrypt(text), MetadataFlags.ENCRYPTED, hashlib.sha256(text)
        else:
            data, flags, digest = text, MetadataFlags.PLAIN, hashlib.sha256(f"0x{text.hex()}".encode())
        transaction = self.announce_bytes(asset, data, digest.digest(), flags)
        return Asset(asset.did, asset.data_nft, asset.datatoken, ddo, transaction)

    def announce_bytes(self, asset: Asset, data: bytes, digest: bytes, flags: MetadataFlags) -> str:
        data_nft = DataNft(self.chain.web3, asset.data_nft)
        transaction = data_nft.set_metadata(self.sender, data, digest, flags=flags, decryptor_url=self.url)
        self.sender.confirm(transaction)
        return transaction

    def publish(self, *files: dict[str, Any], encrypted: bool = True, **draft: Any) -> Asset:
        """And wait until the Ocean Node knows it."""
        asset = self.announce(self.draft(*files, **draft), encrypted=encrypted)
        until(lambda: self.indexed(asset.did))
        return asset

    def set_state(self, asset: Asset, state: MetadataState) -> None:
        self.sender.confirm(DataNft(self.chain.web3, asset.data_nft).set_state(self.sender, state))

    def indexed(self, did: str) -> dict[str, Any] | None:
        reply = requests.get(f"{self.url}/api/aquarius/assets/ddo/{did}")
        return reply.json() if reply.status_code == 200 else None

    def state(self, **query: str) -> dict[str, Any] | None:
        reply = requests.get(f"{self.url}/api/aquarius/state/ddo", params=query)
        return reply.json() if reply.status_code == 200 else None

    def order(self, asset: Asset, buyer: Sender, consumer: str, fee: dict[str, Any], index: int = 0) -> str:
        """One datatoken of the publisher's, spent by `buyer` for `consumer`; the transaction's hash."""
        datatoken = Datatoken(self.chain.web3, asset.datatoken)
        self.sender.confirm(datatoken.mint(self.sender, buyer.address))
        transaction = datatoken.start_order(buyer, consumer, index, ProviderFee.from_reply(fee))
        buyer.confirm(transaction)
        return transaction
