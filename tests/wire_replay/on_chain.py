# SPDX-License-Identifier: Apache-2.0
"""What the recordings' accounts had done on the chain: assets published, tokens deposited and authorised."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import requests

from airflow_provider_deflow.chain.transactions import Sender
from tests.local_ocean_node.paying import ONE, Payer
from tests.local_ocean_node.publishing import Asset, Publisher, compact, until
from tests.services import KEYS, Chain
from tests.wire_replay.file_server import ALGORITHM
from tests.wire_replay.recordings import ALL, NOT_HTTP, read

BY_NAME = {recording.name: recording for recording in ALL}
TRANSACTIONS = {one["name"]: one["transaction"]["hash"] for one in read(NOT_HTTP) if "transaction" in one}
# Added by the index; the rest is what was published.
INDEXED = ("indexedMetadata", "datatokens")
FILE = {"type": "url", "url": "http://file.test:8098/n.txt", "method": "GET"}
FILES = {
    "algo-one": [{**FILE, "url": "http://file.test:8098/algo.py"}],
    "data-trust": [FILE],
    "data-nobody": [FILE],
    "data-access": [
        {**FILE, "url": "http://file.test:8098/data.csv"},
        {**FILE, "url": "http://file.test:8098/other/n.txt"},
    ],
    "data-denied": [FILE],
}
# The sha256 of the algorithm's file, in the DDOs of those who trust it.
ALGORITHM_SHA256 = "73023270ac1f657dde49524845ba1132ed3782b3d161c66eaeb89da0562ad037"
# What account 5 ordered: the asset, and the transactions that did.
ORDERS = {
    "algo-one": (TRANSACTIONS["order-compute-algo-one"],),
    "data-trust": (
        TRANSACTIONS["order-compute-data-trust"],
        # An order used again; only its hash is known.
        "0x947f4f232dbdbfb4feecf6e6f601012b4d03b6b0284f3737ab1e5f1214b9c874",
    ),
    "data-access": (TRANSACTIONS["order-download"],),
}
BUYER = 5
# Published without encryption, in a transaction of which only the hash is known.
CLEAR = {"data-nobody": "0x71e4c3b774e824ee84f915aa941cd317879e3d218a814c6c429ec7007a3adccc"}


def recorded_ddo(asset: str) -> dict[str, Any]:
    told = {
        "algo-one": lambda: BY_NAME["ddo-get-algorithm"].reply["json"],
        "data-trust": lambda: BY_NAME["ddo-get"].reply["json"],
        "data-access": lambda: BY_NAME["ddo-metadata"].reply["json"],
        "data-nobody": lambda: BY_NAME["validate-data-nobody"].asked["ddo"],
        "data-denied": lambda: BY_NAME["validate-data-denied"].asked["ddo"],
    }[asset]()
    return {key: value for key, value in told.items() if key not in INDEXED}


@dataclass(frozen=True)
class OnChain:
    """The chain of the tests as one Ocean Node and the recordings' accounts use it."""

    chain: Chain
    url: str
    names: dict[str, str]

    @cached_property
    def assets(self) -> dict[str, str]:
        """Published when they are first needed: names of what they were, and what they are here."""
        found = {ALGORITHM_SHA256: hashlib.sha256(ALGORITHM).hexdigest()}
        publisher = Publisher(self.chain, self.url)
        published: dict[str, Asset] = {}
        for name, files in FILES.items():
            ddo = recorded_ddo(name)
            draft = publisher.draft(*self._local(files, found))
            (service,) = ddo["services"]
            found |= {
                ddo["id"]: draft.did,
                ddo["nftAddress"]: draft.data_nft,
                service["datatokenAddress"]: draft.datatoken,
                service["files"]: draft.ddo["services"][0]["files"],
            }
            asset = publisher.announce(draft, self._local(ddo, found), encrypted=name not in CLEAR)
            transaction = CLEAR.get(name) or TRANSACTIONS[f"publish-{name}-metadata"]
            found[transaction] = asset.transaction
            published[name] = asset
            if name == "data-trust":
                found |= self._encrypted(publisher, asset)
            until(lambda: publisher.indexed(draft.did))  # noqa: B023 - it is waited for here
        for name, transactions in ORDERS.items():
            for transaction in transactions:
                found[transaction] = self._order(publisher, published[name], published["algo-one"])
        return found

    def _encrypted(self, publisher: Publisher, asset: Asset) -> dict[str, str]:
        """The DDO as it can be decrypted without the chain, and its hash."""
        asked = BY_NAME["decrypt-document"].asked
        text = compact(asset.ddo).encode()
        return {
            asked["encryptedDocument"]: f"0x{publisher.encrypt(text).hex()}",
            asked["documentHash"]: f"0x{hashlib.sha256(text).hexdigest()}",
        }

    def _order(self, publisher: Publisher, asset: Asset, algorithm: Asset) -> str:
        """By the buyer for himself, or for the node that will compute with it."""
        buyer = Payer.at(self.url, self.chain, BUYER)
        sender = Sender(self.chain.web3, KEYS[BUYER])
        (service,) = asset.ddo["services"]
        if service["type"] == "access":
            query = {
                "documentId": asset.did,
                "serviceId": asset.service_id,
                "consumerAddress": buyer.address,
            }
            fee = requests.get(f"{self.url}/api/services/initialize", params=query).json()["providerFee"]
            return publisher.order(asset, sender, buyer.address, fee)
        environment, *_ = buyer.environments()
        is_algorithm = asset is algorithm
        request = {
            "environment": environment["id"],
            "consumerAddress": buyer.address,
            "algorithm": {"documentId": algorithm.did, "serviceId": algorithm.service_id},
            "datasets": [] if is_algorithm else [{"documentId": asset.did, "serviceId": asset.service_id}],
            "maxJobDuration": 60,
            "payment": {"chainId": self.chain.chain_id, "token": self.chain.fee_token},
        }
        reply = buyer.post("/api/services/initializeCompute", request)
        assert reply.status_code == 200, reply.text
        told = reply.json()
        fee = (told["algorithm"] if is_algorithm else told["datasets"][0])["providerFee"]
        return publisher.order(asset, sender, environment["consumerAddress"], fee)

    def settle_by_hand(self) -> None:
        """What account 6 did with locks of its own: one claimed in part, one cancelled; a withdrawal."""
        payer, payee = Payer.at(self.url, self.chain, BUYER), Payer.at(self.url, self.chain, 6)
        token, escrow = self.chain.fee_token, payer.escrow.functions
        payer.deposit(50)
        self.chain.send(BUYER, escrow.authorize(token, payee.address, 10 * ONE, 1000, 5))
        first = int(time.time() * 1000)
        for job, seconds in ((first, 500), (first + 1, 1)):
            self.chain.send(6, escrow.createLock(job, token, payer.address, ONE, seconds))
        self.chain.send(6, escrow.claimLock(first, token, payer.address, ONE // 2, b"", 0, []))
        self.chain.pass_time(5)
        self.chain.send(6, escrow.cancelExpiredLock(first + 1, token, payer.address, payee.address))
        self.chain.send(BUYER, escrow.withdraw([token], [ONE]))

    def fund(self, account: int, *, locks: int) -> None:
        """Something in the escrow, and so many locks that the node may hold at a time."""
        payer = Payer.at(self.url, self.chain, account)
        payer.deposit(50)
        payer.authorize(100, 100_000, locks)

    def _local(self, value: Any, found: dict[str, str]) -> Any:
        text = json.dumps(value)
        for theirs, ours in {**self.names, **found}.items():
            text = text.replace(theirs, ours)
        return json.loads(text)
