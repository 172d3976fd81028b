# SPDX-License-Identifier: Apache-2.0
"""Assets that the suite publishes on a node's chain and orders there."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

from airflow_provider_deflow.chain.data_nft import DataNft, MetadataFlags, NewAsset, create
from airflow_provider_deflow.chain.datatoken import Datatoken, ProviderFee
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.transactions import Sender
from tests.conformance.on_chain.money import Chain
from tests.conformance.session import Account, Node, Record
from tests.conformance.test_files import encrypted_bytes

FOR_EVERYBODY = {
    "allowRawAlgorithm": True,
    "allowNetworkAccess": False,
    "publisherTrustedAlgorithmPublishers": ["*"],
    "publisherTrustedAlgorithms": [],
}


@dataclass(frozen=True)
class Asset:
    """A published one, with one service."""

    ddo: Record
    data_nft: str
    datatoken: str
    transaction: str

    @property
    def did(self) -> str:
        return str(self.ddo["id"])

    @property
    def service(self) -> dict[str, str]:
        """As a start or an order names it."""
        return {"documentId": self.did, "serviceId": self.ddo["services"][0]["id"]}


class Publisher:
    """One account that publishes and orders; the node encrypts for itself."""

    def __init__(self, chain: Chain, key: str, who: Account) -> None:
        self._chain = chain
        self._sender = Sender(chain.web3, key)
        self._network = Network.find(chain.chain_id, chain.address_file)
        self._who = who

    def publish(self, *files: Record, service: str, kind: str = "dataset", clear: bool = False) -> Asset:
        made = create(self._sender, self._network, NewAsset("conformance", "CNF"))
        secret = {"datatokenAddress": made.datatoken, "nftAddress": made.data_nft, "files": list(files)}
        ddo = self._ddo(made.data_nft, made.datatoken, self._encrypted(secret), service, kind)
        text = compact(ddo)
        if clear:
            data, flags, digest = text, MetadataFlags.PLAIN, hashlib.sha256(f"0x{text.hex()}".encode())
        else:
            data = encrypted_bytes(self._who, text)
            flags, digest = MetadataFlags.ENCRYPTED, hashlib.sha256(text)
        transaction = DataNft(self._chain.web3, made.data_nft).set_metadata(
            self._sender, data, digest.digest(), flags=flags, decryptor_url=self._who.node.url
        )
        self._sender.confirm(transaction)
        return Asset(ddo, made.data_nft, made.datatoken, transaction)

    def order(self, asset: Asset, consumer: str, fee: Record) -> str:
        """Mint one datatoken and spend it for `consumer`; the transaction's hash."""
        datatoken = Datatoken(self._chain.web3, asset.datatoken)
        self._sender.confirm(datatoken.mint(self._sender, self._sender.address))
        transaction = datatoken.start_order(self._sender, consumer, 0, ProviderFee.from_reply(fee))
        self._sender.confirm(transaction)
        return transaction

    def _encrypted(self, secret: Record) -> str:
        return "0x" + encrypted_bytes(self._who, compact(secret)).hex()

    def _ddo(self, data_nft: str, datatoken: str, files: str, service: str, kind: str) -> Record:
        did = "did:op:" + hashlib.sha256(f"{data_nft}{self._chain.chain_id}".encode()).hexdigest()
        metadata: Record = {
            "created": "2026-11-21T20:00:00Z",
            "updated": "2026-11-21T20:00:00Z",
            "type": kind,
            "name": "conformance",
            "description": "conformance: größe 数据",
            "author": self._sender.address,
            "license": "https://example.org/terms",
            "tags": ["conformance"],
        }
        if kind == "algorithm":
            container = self._who.node.container(checksum="sha256:" + "00" * 32)
            metadata["algorithm"] = {"language": "python", "version": "0.1", "container": container}
        described: dict[str, Any] = {
            "id": hashlib.sha256(did.encode()).hexdigest(),
            "type": service,
            "name": "conformance",
            "description": "conformance",
            "files": files,
            "datatokenAddress": datatoken,
            "serviceEndpoint": self._who.node.url,
            "timeout": 86400,
        }
        if service == "compute":
            described["compute"] = FOR_EVERYBODY
        return {
            "@context": ["https://w3id.org/did/v1"],
            "id": did,
            "version": "4.1.0",
            "chainId": self._chain.chain_id,
            "nftAddress": data_nft,
            "metadata": metadata,
            "services": [described],
        }


def compact(value: Any) -> bytes:
    """As JSON.stringify writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def wait_until_indexed(node: Node, did: str) -> Record:
    """The DDO, once the node has seen it; a node looks every 30 seconds by default."""
    deadline = time.monotonic() + 120
    while (reply := node.get(f"/api/aquarius/assets/ddo/{did}")).status_code == 404:
        assert time.monotonic() < deadline, f"{did} was not indexed"
        node.pause()
    assert reply.status_code == 200, reply.text
    return dict(reply.json())
