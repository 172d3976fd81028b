# SPDX-License-Identifier: Apache-2.0
"""Prices, locks and paid jobs, on a chain that the suite can read."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.conformance import archives, local_nodes
from tests.conformance.on_chain.money import TOKENS, Chain, Payer, lock_number
from tests.conformance.session import API, Account, Node, Record, Run, account
from tests.conformance.test_paid_refusals import initialize, paid_start, said
from tests.conformance.test_traps import wait_for
from tests.local_ocean_node.running import running_ocean_node

WRITES = "open('/data/outputs/p.txt', 'w').write('paid')"


@pytest.fixture(scope="session")
def buyer(node: Node, key: str, priced: Record) -> Account:
    return account(node, key, priced["id"])


@pytest.fixture(scope="session")
def least(priced: Record) -> list[Record]:
    """Of every resource the least, as asked for."""
    return [{"id": entry["id"], "amount": entry["min"]} for entry in priced["resources"]]


def price_per_minute(priced: Record, chain_id: int, resources: list[Record]) -> float:
    amounts = {entry["id"]: entry["amount"] for entry in resources}
    (fees, *_) = priced["fees"][str(chain_id)]
    return sum(entry["price"] * amounts.get(entry["id"], 0) for entry in fees["prices"])


def payment(payer: Payer, **fields: Any) -> Record:
    return {"chainId": payer.chain.chain_id, "token": payer.token, **fields}


def quote(buyer: Account, payer: Payer, least: list[Record], **fields: Any) -> Record:
    reply = initialize(buyer, payment=payment(payer, resources=least), **fields)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def test_a_price_is_for_whole_minutes(buyer: Account, payer: Payer, priced: Record, least: list[Record]):
    reply = quote(buyer, payer, least, maxJobDuration=priced["minJobDuration"] + 1)
    minutes = math.ceil((priced["minJobDuration"] + 1) / 60)
    per_minute = price_per_minute(priced, payer.chain.chain_id, least)

    assert list(reply) == ["algorithm", "datasets", "payment"]
    assert (reply["algorithm"], reply["datasets"]) == ({"validOrder": False}, [])
    assert list(reply["payment"]) == [
        "escrowAddress",
        "payee",
        "chainId",
        "minLockSeconds",
        "token",
        "amount",
    ]
    assert reply["payment"]["escrowAddress"] == payer.chain.escrow_address
    assert (reply["payment"]["payee"], reply["payment"]["token"]) == (payer.payee, payer.token)
    assert int(reply["payment"]["amount"]) == int(per_minute * minutes * TOKENS)


def test_a_lock_is_as_long_as_the_job_may_wait_and_run(
    buyer: Account, payer: Payer, priced: Record, least: list[Record]
):
    def seconds(**fields: Any) -> Any:
        return quote(buyer, payer, least, **fields)["payment"]["minLockSeconds"]

    base = seconds(maxJobDuration=60)
    most = priced["maxJobDuration"]
    assert seconds(maxJobDuration=60, queueMaxWaitTime=300) == base + 300
    assert seconds(maxJobDuration=most * 10) == base + most - 60
    assert seconds(maxJobDuration=None) == base + most - 60
    # Text is put in front of the rest: no wait, and the time to claim.
    assert seconds(maxJobDuration="120") == f"1200{base - 60}"


def test_a_price_is_refused(buyer: Account, payer: Payer, priced: Record):
    most = {entry["id"]: entry["max"] for entry in priced["resources"]}["cpu"]
    other = payment(payer, chainId=1, resources=[])
    too_many = payment(payer, resources=[{"id": "cpu", "amount": most + 1}])
    lower = payment(payer, token=payer.token.lower(), resources=[])

    assert said(initialize(buyer, payment=other)) == (500, "Invalid C2D Environment")
    assert said(initialize(buyer, payment=too_many)) == (
        500,
        f"Error: Not enough cpu resources. Requested {most + 1}, but max is {most}",
    )
    assert said(initialize(buyer, payment=lower)) == (
        500,
        f"This compute env does not accept payments on chain: {payer.chain.chain_id} "
        f"using token {payer.token.lower()}",
    )


def test_an_algorithm_by_url_has_no_price(buyer: Account, payer: Payer):
    file = {"type": "url", "url": "http://localhost:9/algo.py", "method": "GET"}
    algorithm = {"fileObject": file, "meta": {"container": buyer.node.container()}}

    assert said(initialize(buyer, algorithm=algorithm, payment=payment(payer, resources=[]))) == (
        500,
        "Failed to retrieve algorithm checksums. Both container and files checksums are required.",
    )


def test_a_start_without_funds_is_refused(stranger: Account, payer: Payer, priced: Record):
    assert paid_start(stranger, environment=priced["id"], payment=payment(payer)) == (
        400,
        f"User {stranger.address} does not have enough funds",
    )


def test_more_than_there_is_is_refused(buyer: Account, payer: Payer, priced: Record):
    most = {entry["id"]: entry["max"] for entry in priced["resources"]}["cpu"]
    resources = [{"id": "cpu", "amount": most + 1}]

    # Without the word `Error` that a free start has.
    assert paid_start(buyer, payment=payment(payer), resources=resources) == (
        400,
        f"Not enough cpu resources. Requested {most + 1}, but max is {most}",
    )


def test_an_authorisation_must_be_wide_enough(buyer: Account, payer: Payer):
    def refusal() -> tuple[int, Any]:
        return paid_start(buyer, payment=payment(payer))

    try:
        payer.authorize(seconds=60)
        assert refusal() == (400, "No valid escrow auths found(maxLockSeconds too low)")
        payer.authorize(locks=0)
        assert refusal() == (400, "No valid escrow auths found(too many active locks)")
        payer.authorize(amount=1)
        assert refusal() == (400, "No valid escrow auths found(will go over limit)")
    finally:
        payer.authorize()


@pytest.fixture(scope="module")
def paid(buyer: Account, payer: Payer) -> Run:
    algorithm = {"meta": {"rawcode": WRITES, "container": buyer.node.container()}}
    status, reply = paid_start(buyer, algorithm=algorithm, payment=payment(payer), metadata={"of": "paid"})
    assert status == 200, reply
    return Run(buyer, reply[0]).wait()


def test_a_paid_job_runs_with_a_lock(paid: Run, payer: Payer, priced: Record, least: list[Record]):
    job = paid.started

    assert (job["isFree"], job["status"], job["payment"]["cost"]) == (False, 10, 0)
    assert list(job["payment"]) == ["chainId", "token", "lockTx", "claimTx", "cancelTx", "cost"]
    assert (job["payment"]["claimTx"], job["payment"]["cancelTx"]) == (None, None)
    receipt = payer.chain.web3.eth.wait_for_transaction_receipt(job["payment"]["lockTx"])
    assert receipt["status"] == 1
    assert int(job["jobIdHash"], 16) == lock_number(paid.bare_id)
    lock = payer.lock_of(paid.bare_id)
    if lock is None:
        pytest.skip("the payment cron has just claimed the lock")
    assert lock.amount == int(price_per_minute(priced, payer.chain.chain_id, least) * TOKENS)
    assert payer.funds.locked >= lock.amount


def test_a_paid_job_ends_as_a_free_one(paid: Run):
    assert (paid.final["status"], paid.exit_code) == (71, 0)
    assert archives.contents(paid.result("output")) == {"outputs/p.txt": b"paid"}


def test_a_failed_job_is_paid_by_the_minute_and_the_rest_returns(
    given_url: str | None, request: pytest.FixtureRequest, paid_on: Chain, key: str
):
    if given_url:
        pytest.skip("the payment cron of a running node comes once an hour; runs on local Ocean Nodes only")
    folder = request.getfixturevalue("tmp_path_factory").mktemp("claiming")
    settings = local_nodes.recorded(folder, request.getfixturevalue("one_chain"), claim_interval_seconds=1)
    with running_ocean_node(settings) as url:
        node = Node(url, "python:3.11-slim", poll_seconds=0.05)
        environment = node.environments()[0]
        token = environment["fees"][str(paid_on.chain_id)][0]["feeToken"]
        payer = Payer(paid_on, key, token, environment["consumerAddress"])
        if payer.funds.available < 10 * TOKENS:
            payer.deposit()
        payer.authorize()
        before = payer.funds.available

        run = _paid_run(account(node, key, environment["id"]), payer, "raise SystemExit(1)", seconds=120)
        wait_for(lambda: node.status(run.job_id)["status"] == 70, node)

        job = node.status(run.job_id)
        assert (job["terminationDetails"]["exitCode"], job["payment"]["cost"]) == (1, 1)
        assert job["payment"]["claimTx"]
        assert payer.lock_of(run.bare_id) is None
        assert before - payer.funds.available == 1 * TOKENS


def _paid_run(buyer: Account, payer: Payer, code: str, seconds: int) -> Run:
    algorithm = {"meta": {"rawcode": code, "container": buyer.node.container()}}
    status, reply = paid_start(buyer, algorithm=algorithm, payment=payment(payer), maxJobDuration=seconds)
    assert status == 200, reply
    return Run(buyer, reply[0]).wait()


def test_by_direct_command_a_price_is_raw_text(buyer: Account, payer: Payer, least: list[Record]):
    reply = buyer.node.direct(
        "initializeCompute",
        environment=buyer.environment,
        consumerAddress=buyer.address,
        algorithm={"meta": {"rawcode": "1", "container": buyer.node.container()}},
        datasets=[],
        maxJobDuration=60,
        payment=payment(payer, resources=least),
    )

    assert (reply.status_code, "content-type" in reply.headers) == (200, False)
    assert int(reply.json()["payment"]["amount"]) > 0


def test_environments_of_the_chain_are_filtered(node: Node, priced: Record, paid_on: Chain):
    listed = node.get(f"{API}/computeEnvironments", chainId=paid_on.chain_id).json()

    assert priced["id"] in [one["id"] for one in listed]


def test_a_free_only_environment_has_no_price(payer: Payer, stranger: Account):
    for found in stranger.node.environments():
        if found["fees"] is None:
            break
    else:
        pytest.skip("every environment of this node has fees")

    reply = initialize(stranger, environment=found["id"], payment=payment(payer, resources=[]))
    assert said(reply) == (500, "Invalid C2D Environment")


def test_an_environment_of_price_zero_runs_no_paid_jobs(buyer: Account, payer: Payer):
    fees = str(payer.chain.chain_id)
    for found in buyer.node.environments():
        if fees in (found["fees"] or {}) and not any(
            one["price"] for one in found["fees"][fees][0]["prices"]
        ):
            break
    else:
        pytest.skip("no environment of this node has a price of zero")

    status, words = paid_start(buyer, environment=found["id"], payment=payment(payer))
    assert (status, words[:36]) == (400, 'execution reverted: "Invalid amount"')
