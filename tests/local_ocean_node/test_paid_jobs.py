# SPDX-License-Identifier: Apache-2.0
"""Paid jobs from the lock to the claim: stages in the recorded shape, what is billed, what comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from web3.logs import DISCARD

from airflow_provider_deflow.chain.escrow import abi
from airflow_provider_deflow.local_ocean_node.settings import Fees
from tests import services
from tests.local_ocean_node.paying import ONE, PAID_ONLY, Payer, environments, paid, running_paid_node
from tests.local_ocean_node.running import recordings, running_ocean_node, shape

pytestmark = pytest.mark.chain

JOBS = recordings("paid-jobs")
# Of what is claimed, a thousandth goes to the community.
NODE_S_SHARE = 999
SOON = {"claim_interval_seconds": 0.2}


@pytest.fixture(scope="module")
def url(chain: services.Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A node that does not claim while the tests last."""
    with running_paid_node(chain, paid(chain, tmp_path_factory.mktemp("node"))) as url:
        yield url


@pytest.fixture(scope="module")
def claiming_url(chain: services.Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_paid_node(chain, paid(chain, tmp_path_factory.mktemp("claiming"), **SOON)) as url:
        yield url


@pytest.fixture(scope="module")
def unclaimed(url: str, chain: services.Chain) -> Payer:
    payer = Payer.at(url, chain, 1)
    payer.deposit()
    payer.authorize()
    return payer


@pytest.fixture(scope="module")
def claimed(claiming_url: str, chain: services.Chain) -> Payer:
    payer = Payer.at(claiming_url, chain, 2)
    payer.deposit()
    payer.authorize()
    return payer


def test_a_paid_job_has_the_recorded_shape_at_every_stage(unclaimed: Payer):
    code = "import time; open('/data/outputs/o.txt', 'w').write('paid'); time.sleep(0.5)"

    job = unclaimed.start_paid(code, maxJobDuration=120, metadata={"token": "paid-1"})
    running = unclaimed.wait_until_running(job["jobId"])
    ended = unclaimed.wait_for(job["jobId"])

    assert shape([job]) == recorded_shape("paid-raw-start")
    assert shape([{**running, "results": []}]) == shape([{**recorded("paid-raw-at-40"), "results": []}])
    assert shape([ended]) == recorded_shape("paid-raw-final")
    assert (ended["status"], ended["isFree"], ended["payment"]) == (71, False, job["payment"])
    assert [result["type"] for result in ended["results"]] == [
        result["type"] for result in recorded("paid-raw-final")["results"]
    ]
    assert b"paid" in unclaimed.result(job["jobId"], "output")


def test_a_settled_job_has_the_recorded_shape(claimed: Payer):
    job = claimed.start_paid(maxJobDuration=120, metadata={"token": "paid-1"})

    settled = wait_until_settled(claimed, job)

    assert shape([settled]) == recorded_shape("paid-raw-settled")
    assert settled["payment"]["lockTx"] == job["payment"]["lockTx"]
    assert settled["payment"]["cost"] == recorded("paid-raw-settled")["payment"]["cost"]


def test_a_claim_takes_the_started_minutes_and_returns_the_rest(claimed: Payer):
    available, locked = claimed.funds()
    earned = claimed.earned()

    job = claimed.start_paid(maxJobDuration=600)
    settled = wait_until_settled(claimed, job)
    receipt = wait_for_receipt(claimed, settled)

    assert settled["payment"]["cost"] == 1
    assert receipt["from"] == claimed.payee
    assert claimed.funds() == (available - ONE, locked)
    assert claimed.earned() - earned == ONE * NODE_S_SHARE // 1000


def test_the_record_of_a_claimed_job_is_public_for_ever(claimed: Payer):
    job = claimed.start_paid("raise SystemExit(3)", metadata={"token": "for all to see"})

    receipt = wait_for_receipt(claimed, wait_until_settled(claimed, job))

    claims = claimed.escrow.events.Claimed().process_receipt(receipt, errors=DISCARD)
    (proof,) = (
        claim["args"]["proof"] for claim in claims if claim["args"]["jobId"] == int(job["jobIdHash"], 16)
    )
    record = json.loads(proof)
    assert list(record) == list(recorded("paid-raw-final"))
    assert (record["status"], record["results"]) == (71, None)
    assert record["metadata"] == {"token": "for all to see"}
    assert record["terminationDetails"]["exitCode"] == 3


@pytest.mark.parametrize(
    ("code", "fields", "ending"),
    [
        pytest.param("raise SystemExit(1)", {}, {"exitCode": 1, "OOMKilled": False}, id="failed"),
        pytest.param(
            "import time; time.sleep(60)",
            {"maxJobDuration": 1},
            {"exitCode": 137, "OOMKilled": False},
            id="timed-out",
        ),
        pytest.param(
            "print()",
            {"algorithm": "no-such-program"},
            {"exitCode": None, "OOMKilled": None},
            id="never-started",
        ),
    ],
)
def test_a_job_that_ended_badly_is_billed_all_the_same(claimed: Payer, code: str, fields: dict, ending: dict):
    if fields.get("algorithm"):
        container = {"image": "python", "tag": "3.11", "checksum": "", "entrypoint": fields["algorithm"]}
        fields = {"algorithm": {"meta": {"rawcode": code, "container": container}}}

    settled = wait_until_settled(claimed, claimed.start_paid(code, **fields))

    assert settled["status"] == 70
    assert settled["payment"]["cost"] == 1
    assert settled["terminationDetails"] == ending


def test_a_stopped_job_is_billed(claimed: Payer):
    job = claimed.start_paid("import time; time.sleep(60)")
    claimed.wait_until_running(job["jobId"])
    claimed.stop(job["jobId"])

    settled = wait_until_settled(claimed, job)

    assert (settled["stopRequested"], settled["payment"]["cost"]) == (True, 1)


def test_several_jobs_are_claimed_at_once(chain: services.Chain, tmp_path: Path):
    settings = paid(chain, tmp_path)
    with running_paid_node(chain, settings) as url:
        payer = Payer.at(url, chain, 2)
        payer.authorize()
        jobs = [payer.start_paid() for _ in range(2)]
        for job in jobs:
            payer.wait_for(job["jobId"])
    with running_ocean_node(paid(chain, tmp_path, **SOON)) as url:
        payer = Payer.at(url, chain, 2)
        settled = [wait_until_settled(payer, job) for job in jobs]

    assert len({job["payment"]["claimTx"] for job in settled}) == 1


def test_a_job_that_cannot_be_settled_spoils_no_other(chain: services.Chain, tmp_path: Path):
    """Its price per minute is one that the real node's chain library cannot write down."""
    main, *others = environments(chain.fee_token)
    fees = (Fees(services.CHAIN_ID, chain.fee_token, (("cpu", 5e-8),)),)
    settings = paid(chain, tmp_path, environments=(replace(main, fees=fees), *others), **SOON)
    with running_paid_node(chain, settings) as url:
        payer = Payer.at(url, chain, 2)
        payer.authorize()
        payer.deposit(10)
        unpayable = payer.start_paid(maxJobDuration=3600)
        payer.wait_for(unpayable["jobId"])

        settled = wait_until_settled(payer, payer.start_paid(at=PAID_ONLY))
        free = wait_until_settled(payer, {"jobId": payer.start()})

        assert settled["payment"]["cost"] == 3
        assert free["payment"] is None
        assert payer.status(unpayable["jobId"])["status"] == 71


def test_a_job_that_waits_in_the_queue_is_locked_already(unclaimed: Payer):
    before = len(unclaimed.locks())

    job = unclaimed.start_paid(queueMaxWaitTime=30)

    assert job["status"] == 1
    wait_for_receipt(unclaimed, job, "lockTx")
    assert len(unclaimed.locks()) == before + 1
    assert unclaimed.wait_for(job["jobId"])["status"] == 71


def test_a_lock_beyond_its_time_goes_back_to_the_payer(chain: services.Chain, tmp_path: Path):
    """The node was away for longer than the lock."""
    settings = paid(chain, tmp_path, claim_duration_timeout=1)
    with running_paid_node(chain, settings) as url:
        payer = Payer.at(url, chain, 2)
        payer.authorize()
        available, _ = payer.funds()
        job = payer.start_paid(maxJobDuration=1)
        payer.wait_for(job["jobId"])
        (lock,) = payer.locks()
    wait_until_past(payer, lock[3])
    with running_ocean_node(paid(chain, tmp_path, **SOON)) as url:
        payer = Payer.at(url, chain, 2)
        settled = wait_until_settled(payer, job)
        wait_for_receipt(payer, settled, "cancelTx")

        assert (settled["payment"]["claimTx"], settled["payment"]["cost"]) == (None, 0)
        assert payer.locks() == []
        assert payer.funds()[0] == available


def test_a_lock_of_a_job_that_nobody_knows_goes_back_too(chain: services.Chain, tmp_path: Path):
    settings = paid(chain, tmp_path, claim_duration_timeout=1, **SOON)
    with running_paid_node(chain, settings) as url:
        payer = Payer.at(url, chain, 2)
        payer.authorize()
        available, _ = payer.funds()
        assert payer.ask_to_pay(maxJobDuration=1, outputBucketId="no-uuid").status_code == 400
        assert len(payer.locks()) == 1
        deadline = time.monotonic() + 30
        while payer.locks() and time.monotonic() < deadline:
            time.sleep(0.1)

        assert payer.locks() == []
        assert payer.funds()[0] == available


def test_while_the_chain_does_not_answer_jobs_become_finished_unpaid(chain: services.Chain, tmp_path: Path):
    """As a real node does: it takes locks that it cannot read for none."""
    settings = paid(chain, tmp_path)
    (of_chain,) = settings.chains
    dead = type(of_chain)(of_chain.chain_id, "http://127.0.0.1:9", of_chain.address_file)
    with running_paid_node(chain, settings) as url:
        payer = Payer.at(url, chain, 2)
        payer.authorize()
        job = payer.start_paid()
        payer.wait_for(job["jobId"])
    with running_ocean_node(paid(chain, tmp_path, chains=(dead,), **SOON)) as url:
        payer = Payer.at(url, chain, 2)
        settled = wait_until_settled(payer, job)

        assert (settled["payment"]["claimTx"], settled["payment"]["cancelTx"]) == ("nolock", "nolock")
        assert len(payer.locks()) == 1


def test_after_a_restart_a_queued_job_is_paid_and_one_that_ran_stays_locked(
    chain: services.Chain, tmp_path: Path
):
    """What ends at 32 is never claimed: its lock goes back when it expires."""
    with running_paid_node(chain, paid(chain, tmp_path)) as url:
        payer = Payer.at(url, chain, 2)
        payer.authorize()
        running = [payer.start_paid("import time; time.sleep(60)") for _ in range(2)]
        queued = payer.start_paid(queueMaxWaitTime=600)
        for job in running:
            payer.wait_until_running(job["jobId"])
        assert payer.status(queued["jobId"])["status"] == 1
    with running_ocean_node(paid(chain, tmp_path, **SOON)) as url:
        payer = Payer.at(url, chain, 2)
        settled = wait_until_settled(payer, queued)
        wait_for_receipt(payer, settled)
        ended = [payer.wait_for(job["jobId"]) for job in running]

        assert (settled["payment"]["cost"], settled["payment"]["lockTx"]) == (1, queued["payment"]["lockTx"])
        assert [job["status"] for job in ended] == [32, 32]
        assert [job["payment"] for job in ended] == [job["payment"] for job in running]
        assert {lock[0] for lock in payer.locks()} == {int(job["jobIdHash"], 16) for job in running}


def test_a_job_is_paid_in_the_earlier_form_of_the_escrow_too(chain: services.Chain, tmp_path: Path):
    """As public networks have it today; the node tells which it is by the contract's code."""
    addresses = {**chain.addresses, "Escrow": services.earlier_escrow(chain)}
    address_file = tmp_path / "address.json"
    address_file.write_text(json.dumps({"development": addresses}))
    earlier = replace(chain, addresses=addresses, address_file=address_file)
    with running_paid_node(earlier, paid(earlier, tmp_path / "node", **SOON)) as url:
        payer = Payer.at(url, earlier, 2)
        payer.deposit(5)
        payer.authorize()
        job = payer.start_paid(maxJobDuration=120)
        (locked,) = raw_locks(payer)
        settled = wait_until_settled(payer, job)
        wait_for_receipt(payer, settled)

        assert (locked[0], locked[2]) == (int(job["jobIdHash"], 16), 2 * ONE)
        assert settled["payment"]["cost"] == 1
        assert payer.funds() == (4 * ONE, 0)


def test_a_listing_shows_what_was_paid_to_everybody(unclaimed: Payer):
    job = unclaimed.start_paid()
    unclaimed.wait_for(job["jobId"])

    listed = unclaimed.direct("jobs", consumerAddrs=[unclaimed.address]).json()

    (found,) = (one for one in listed if job["jobId"].endswith(one["jobId"]))
    assert (found["isFree"], found["payment"]) == (False, job["payment"])


def raw_locks(payer: Payer) -> list:
    escrow = payer.chain.web3.eth.contract(payer.escrow.address, abi=abi(later=False))
    return list(escrow.functions.getLocks(payer.chain.fee_token, payer.address, payer.payee).call())


def wait_until_settled(payer: Payer, job: dict) -> dict:
    payer.wait_for(job["jobId"])
    deadline = time.monotonic() + 60
    while (found := payer.status(job["jobId"]))["status"] != 70:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def wait_for_receipt(payer: Payer, job: dict, kind: str = "claimTx"):
    receipt = payer.chain.web3.eth.wait_for_transaction_receipt(job["payment"][kind], poll_latency=0.05)
    assert receipt["status"] == 1
    return receipt


def wait_until_past(payer: Payer, timestamp: int) -> None:
    while min(time.time(), payer.chain.web3.eth.get_block("pending")["timestamp"]) <= timestamp:
        time.sleep(0.1)


def recorded(name: str) -> dict:
    (job,) = JOBS[name]["response"]["body"]["json"]
    return dict(job)


def recorded_shape(name: str):
    return shape(JOBS[name]["response"]["body"]["json"])
