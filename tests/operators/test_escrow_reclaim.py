# SPDX-License-Identifier: Apache-2.0
"""The task that brings expired locks back, by Airflow's connections, on a real chain and MongoDB."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_deflow.chain.escrow import Escrow, Funds
from airflow_provider_deflow.chain.escrow_account import EscrowAccount
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.operators.escrow_reclaim import EscrowReclaimOperator
from airflow_provider_deflow.stack import mongod
from tests import services

pytestmark = pytest.mark.chain

ONE = 10**18


@pytest.fixture
def payer(chain: services.Chain, mongo_uri: str, monkeypatch: pytest.MonkeyPatch) -> Sender:
    key = "0x" + secrets.token_hex(32)
    payer = Sender(chain.web3, key)
    chain.give_gas(payer.address)
    chain.send(0, chain.at("OceanToken", chain.fee_token).functions.transfer(payer.address, 5 * ONE))
    extra = {
        "rpc_url": chain.rpc_url,
        "chain_id": chain.chain_id,
        "address_file": str(chain.address_file),
    }
    wallet = {"conn_type": "ocean_wallet", "password": key, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_PAYER", json.dumps(wallet))
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", mongod.airflow_connection(mongo_uri))
    return payer


def reclaim(**arguments: Any) -> list[dict[str, str]]:
    return EscrowReclaimOperator(task_id="reclaim", wallet_conn_id="payer", **arguments).execute({})  # type: ignore[typeddict-item]


def test_expired_locks_come_back_once(chain: services.Chain, payer: Sender):
    payee = Sender(chain.web3, "0x" + secrets.token_hex(32))
    chain.give_gas(payee.address)
    account = EscrowAccount(payer, Network.find(chain.chain_id, chain.address_file))
    account.deposit(chain.fee_token, 5 * ONE)
    account.authorize(chain.fee_token, payee.address, 5 * ONE, 10_000, 5)
    escrow = Escrow(chain.web3, chain.addresses["Escrow"])
    for job, seconds in ((21, 1), (22, 9000)):
        payee.confirm(escrow.create_lock(payee, job, payer.address, chain.fee_token, ONE, seconds))
    assert reclaim(payees=[payee.address], dry_run_only=True) == []
    while not account.expired([payee.address], chain.fee_token):
        time.sleep(0.2)
        chain.ask("evm_mine")

    would, came, again = reclaim(dry_run_only=True), reclaim(), reclaim()

    expected = {"payee": payee.address, "job_id": "21", "token": chain.fee_token, "amount": str(ONE)}
    assert would == came == [expected]
    assert again == []
    assert escrow.funds(payer.address, chain.fee_token) == Funds(4 * ONE, ONE)


def test_a_wallet_without_a_chain_is_not_tried_again(payer: Sender, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW_CONN_PAYER", json.dumps({"conn_type": "ocean_wallet", "password": "x"}))

    with pytest.raises(AirflowFailException, match="Put rpc_url and chain_id into its extra"):
        reclaim()
