# SPDX-License-Identifier: Apache-2.0
"""Escrow events and access lists that the node read from a real chain, beside what was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from airflow_provider_deflow.chain.escrow import Claim, Escrow
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.local_ocean_node.settings import ChainSettings
from tests.local_ocean_node.publishing import until
from tests.local_ocean_node.running import Consumer, consumer, fast, recordings, running_ocean_node, shape
from tests.services import KEYS, Chain

pytestmark = pytest.mark.chain

EVENTS = "/api/services/escrow/events"
LISTS = "/api/services/accesslists"
NOBODY = "0x1BcB8e569EedAb4668e55145Cfeaf190902d3CF2"
ONE = 10**18


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, chain: Chain) -> Iterator[str]:
    served = ChainSettings(chain.chain_id, chain.rpc_url, chain.address_file)
    with running_ocean_node(fast(tmp_path_factory.mktemp("events"), chains=(served,))) as url:
        yield url


@pytest.fixture
def alice(url: str) -> Consumer:
    return consumer(url, 1)


def same_as_recorded(reply: requests.Response, name: str) -> Any:
    recorded = recordings("escrow-routes")[name]["response"]
    assert reply.status_code == recorded["status"], reply.text
    assert reply.headers["content-type"] == recorded["headers"]["content-type"]
    if "text" in recorded["body"]:
        assert reply.text == recorded["body"]["text"]
        return None
    assert shape(reply.json()) == shape(recorded["body"]["json"])
    return reply.json()


@pytest.fixture(scope="module")
def payee(chain: Chain) -> str:
    """Account 6 locked three of the deposits of account 5: claimed one, let one expire; one is left."""
    payer, payee = chain.web3.eth.accounts[5], chain.web3.eth.accounts[6]
    escrow, token = chain.at("Escrow"), chain.at("OceanToken", chain.fee_token)
    calls = escrow.functions
    chain.send(5, token.functions.approve(escrow.address, 9 * ONE))
    chain.send(5, calls.deposit(chain.fee_token, 9 * ONE))
    chain.send(5, calls.authorize(chain.fee_token, payee, 9 * ONE, 1000, 10))
    for job, seconds in ((1, 1000), (2, 1), (3, 1000)):
        chain.send(6, calls.createLock(job, chain.fee_token, payer, ONE, seconds))
    contract = Escrow(chain.web3, escrow.address)
    sender = Sender(chain.web3, KEYS[6])
    sender.confirm(contract.claim(sender, [Claim(1, chain.fee_token, payer, ONE, b"proof")]))
    chain.pass_time(2)
    expired = [lock for lock in contract.locks(payee) if lock.job_id == 2]
    sender.confirm(contract.cancel_expired(sender, payee, expired))
    chain.send(5, calls.withdraw([chain.fee_token], [ONE]))
    return str(payee)


def events(alice: Consumer, **query: Any) -> Any:
    return alice.get(EVENTS, **query).json()


def test_escrow_events_are_a_ledger(alice: Consumer, chain: Chain, payee: str):
    until(lambda: events(alice, eventType="Withdraw", payer=chain.web3.eth.accounts[5]))

    for name, kind in {
        "escrow-events-type": "Deposit",
        "escrow-events-lock": "Lock",
        "escrow-events-claimed": "Claimed",
        "escrow-events-canceled": "Canceled",
        "escrow-events-withdraw": "Withdraw",
    }.items():
        found = same_as_recorded(alice.get(EVENTS, eventType=kind), name)
        assert {event["eventType"] for event in found} == {kind}
    (auth,) = events(alice, payee=payee, eventType="Auth")
    assert (auth["maxLockedAmount"], auth["maxLockSeconds"], auth["maxLockCounts"]) == (
        str(9 * ONE),
        "1000",
        "10",
    )
    recorded = recordings("escrow-routes")["escrow-events-page"]["response"]["body"]["json"][0]
    assert shape(auth) == shape(recorded)
    locks = events(alice, payee=payee, eventType="Lock")
    assert [(lock["jobId"], lock["amount"], lock["payee"]) for lock in locks] == [
        (job, str(ONE), payee.lower()) for job in ("1", "2", "3")
    ]
    (claimed,) = events(alice, jobId="1", eventType="Claimed", payee=payee)
    assert claimed["proof"] == f"0x{b'proof'.hex()}"


def test_escrow_events_are_filtered_and_paged(alice: Consumer, chain: Chain, payee: str):
    until(lambda: events(alice, eventType="Withdraw", payer=chain.web3.eth.accounts[5]))
    locks = events(alice, payee=payee.upper().replace("0X", "0x"), eventType="Lock")

    assert events(alice, payee=payee, eventType="Lock", offset=1, size=1) == locks[1:2]
    assert events(alice, txId=locks[0]["txHash"]) == locks[:1]
    assert events(alice, chainId=chain.chain_id, jobId="3", payee=payee) == locks[2:]
    assert events(alice, chainId=1) == []
    same_as_recorded(alice.get(EVENTS, payer=NOBODY), "escrow-events-none")
    same_as_recorded(alice.get(EVENTS, chainId="x"), "escrow-events-bad-chain")
    unknown = alice.get(EVENTS, eventType="ReLock")
    assert (unknown.status_code, unknown.text) == (
        400,
        "eventType must be one of: Auth, Lock, Claimed, Canceled, Deposit, Withdraw",
    )


def test_access_lists_of_a_wallet(alice: Consumer, chain: Chain):
    first, second = chain.web3.eth.accounts[7], chain.web3.eth.accounts[8]
    factory = chain.at("AccessListFactory").functions
    made = factory.deployAccessListContract("friends", "FRD", False, alice.address, [first], ["x"])
    receipt = chain.send(1, made)
    address = until(lambda: alice.get(LISTS, wallet=first).json())[-1]["contractAddress"]
    functions = chain.at("AccessList", chain.web3.to_checksum_address(address)).functions

    chain.send(1, functions.mint(second, "y"))

    (found,) = until(lambda: alice.get(LISTS, wallet=second).json())
    assert alice.get(f"{LISTS}/{chain.chain_id}/{address}").json() == found
    assert (found["name"], found["symbol"], found["transferable"]) == ("friends", "FRD", False)
    assert found["deploymentTxId"] == receipt["transactionHash"].to_0x_hex()
    assert [user["wallet"] for user in found["users"]] == [first.lower(), second.lower()]
    chain.send(1, functions.burn(found["users"][0]["tokenId"]))
    until(lambda: not alice.get(LISTS, wallet=first, chainId=chain.chain_id).json())


@pytest.mark.parametrize(
    ("path", "query", "name"),
    [
        ("", {"wallet": NOBODY}, "access-list-wallet"),
        ("", {}, "access-list-no-wallet"),
        ("", {"wallet": "x"}, "access-list-bad-wallet"),
        ("/8996/0x1111111111111111111111111111111111111111", {}, "access-list-unknown"),
        ("/1e19/0x00", {}, "access-list-unknown"),
    ],
)
def test_access_lists_that_are_not_there(alice: Consumer, path: str, query: dict, name: str):
    same_as_recorded(alice.get(f"{LISTS}{path}", **query), name)


def test_events_are_a_direct_command_too(alice: Consumer, payee: str):
    found = until(lambda: alice.direct("getEscrowEvents", payee=payee, eventType="Lock").json())

    assert found == events(alice, payee=payee, eventType="Lock")
