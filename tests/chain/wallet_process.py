# SPDX-License-Identifier: Apache-2.0
"""Sends approvals in a process of its own, and may be killed in the middle of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, NoReturn

import pymongo
from pymongo.database import Database

from airflow_provider_deflow.chain.contracts import contract
from airflow_provider_deflow.chain.delivery import Patience
from airflow_provider_deflow.chain.lanes import Lane, Slot
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.policy import Policy
from airflow_provider_deflow.chain.rpc import connect
from airflow_provider_deflow.chain.wallet import Wallet
from airflow_provider_deflow.ledger.lanes import MongoLanes
from airflow_provider_deflow.signing import KeySigner


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("dead")


class DeadlyLanes(MongoLanes):
    def __init__(self, database: Database[dict[str, Any]], dies: str) -> None:
        super().__init__(database)
        self._dies = dies

    def add(self, lane: Lane, slot: Slot) -> bool:
        if self._dies == "signed":
            die()
        added = super().add(lane, slot)
        if self._dies == "kept":
            die()
        return added


def approve(todo: dict[str, Any]) -> list[str]:
    """The hashes of what was confirmed."""
    web3 = connect(todo["rpc_url"])
    database = pymongo.MongoClient[dict[str, Any]](todo["mongo_uri"])[todo["database"]]
    network = Network.find(web3.eth.chain_id, Path(todo["address_file"]))
    lanes = DeadlyLanes(database, todo["dies"])
    wallet = Wallet(web3, KeySigner(todo["key"]), lanes, Policy(network), patience=Patience())
    token = contract(web3, "OceanToken", network.address("Ocean"))
    hashes = [
        wallet.send(token.functions.approve(network.address("Escrow"), amount), purpose=f"approve {amount}")
        for amount in todo["amounts"]
    ]
    if todo["dies"] == "sent":
        die()
    return [wallet.confirm(one)["transactionHash"].hex() for one in hashes]
