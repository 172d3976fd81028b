# SPDX-License-Identifier: Apache-2.0
"""The traps of a real Ocean Node from 14 on; those before are in test_traps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_deflow.local_ocean_node.settings import ChainSettings, Fees
from tests.conformance import programs
from tests.conformance.files import Files
from tests.conformance.session import API, BUSY, Account, Node, Record, Run, is_refused_by_chance
from tests.conformance.stories import Queued
from tests.conformance.test_auth import MISMATCH, PASSED, knock
from tests.conformance.test_buckets import create, upload
from tests.conformance.test_files import encrypted_bytes
from tests.conformance.test_traps import first_account, wait_for
from tests.local_ocean_node.running import RECORDED_ENVIRONMENT, fast, running_ocean_node
from tests.services import Chain

FAULTS = "/_deflow/faults"


def test_trap_14_unknown_resources_are_ignored(finished: Run, environment: Record):
    # It asked for a gpu.
    assert environment["id"] == finished.started["environment"]
    assert "gpu" not in [entry["id"] for entry in finished.started["resources"]]
    assert finished.exit_code == 0


def test_trap_15_datasets_of_one_name_overwrite_each_other(alice: Account, files: Files):
    datasets = [{"fileObject": files.object(path)} for path in ("/n.txt", "/other/n.txt")]

    run = alice.run(programs.PRINTS_INPUTS, datasets=datasets)

    assert run.stdout() == "algoCustomData.json={}\nn.txt=second file, same name\n"


def test_trap_16_json_is_encrypted_as_object_object(stranger: Account):
    def encrypt(content: bytes, kind: str) -> bytes:
        return encrypted_bytes(stranger, content, {"content-type": kind})

    # ECIES adds the same to any text: 65 bytes of key, 16 of nonce, 16 of tag.
    assert len(encrypt(b"hello ocean", "application/octet-stream")) == 97 + len("hello ocean")
    for body in (b'{"a": 1}', b'{"a": 1, "b": [1, 2, 3, 4, 5, 6, 7, 8, 9]}'):
        assert len(encrypt(body, "application/json")) == 97 + len("[object Object]")


def test_trap_17_encrypted_datasets_fail_and_plain_ones_are_public(without_data: Run, files: Files):
    assert without_data.final["status"] == 31
    assert "Unable to get storage class for asset: " in without_data.text("configurationLog")
    assert listed_assets(without_data) == [{"fileObject": "0x04" + "ab" * 120}]

    plain = {"fileObject": files.object("/n.txt", headers={"x-api-key": "not a secret any more"})}
    run = without_data.who.run(programs.PRINTS_INPUTS, datasets=[plain])

    assert run.stdout() == "algoCustomData.json={}\nn.txt=42\n"
    assert listed_assets(run) == [plain]


def listed_assets(run: Run) -> Any:
    """As anybody reads them: the list is asked for without a signature."""
    listed = run.who.node.direct("jobs", consumerAddrs=[run.who.address]).json()
    (job,) = (job for job in listed if job["jobId"] == run.bare_id)
    return job["assets"]


def test_trap_18_file_info_calls_a_missing_file_valid(node: Node, files: Files):
    (info,) = node.post(f"{API}/fileInfo", files.object("/missing.csv")).json()

    assert (info["valid"], info["contentLength"]) == (True, "0")
    assert info["checksum"] == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_trap_20_a_restart_ends_what_is_being_pulled(given_url: str | None, tmp_path: Path):
    if given_url:
        pytest.skip("needs a node of its own to restart")
    with running_ocean_node(fast(tmp_path, tick_seconds=60)) as url:
        job = first_account(Node(url, "python:3.11-slim", poll_seconds=0.02)).start("print(1)")
        assert job.poll()["status"] == 10
    with running_ocean_node(fast(tmp_path)) as url:
        who = first_account(Node(url, "python:3.11-slim", poll_seconds=0.02))
        again = Run(who, job.started).wait()

    assert (again.final["status"], again.final["statusText"]) == (11, "Pulling algorithm image failed")


def test_trap_20_other_fees_are_another_environment_and_the_jobs_of_the_old_one_are_dropped(
    given_url: str | None, tmp_path: Path, request: pytest.FixtureRequest
):
    if given_url:
        pytest.skip("needs a node of its own to restart")
    chain: Chain = request.getfixturevalue("chain")
    chains = (ChainSettings(chain.chain_id, chain.rpc_url, chain.address_file, index=False),)
    fees = (Fees(chain.chain_id, chain.fee_token, (("cpu", 1),)),)
    priced = (replace(RECORDED_ENVIRONMENT, fees=fees),)
    with running_ocean_node(fast(tmp_path, chains=chains)) as url:
        run = first_account(Node(url, "python:3.11-slim", poll_seconds=0.02)).run("print(1)")
    settings = fast(tmp_path, chains=chains, environments=priced, expiry_interval_seconds=1)
    with running_ocean_node(settings) as url:
        who = first_account(Node(url, "python:3.11-slim", poll_seconds=0.02))
        wait_for(lambda: who.node.get(f"{API}/compute", jobId=run.job_id).json() == [], who.node)
        gone = who.result(run.job_id, 0)

    assert who.environment != run.started["environment"]
    assert who.environment.split("-")[0] == run.started["environment"].split("-")[0]
    assert (gone.status_code, gone.text) == (500, f"Cannot find job with id {run.bare_id}")


def test_trap_21_results_expire_with_their_job(own_node: Callable[..., Node]):
    short = replace(RECORDED_ENVIRONMENT, storage_expiry=0)
    who = first_account(own_node(environments=(short,), expiry_interval_seconds=1))
    run = who.start("print(1)")

    # It may be gone before anybody sees its end.
    wait_for(lambda: who.node.get(f"{API}/compute", jobId=run.job_id).json() == [], who.node)

    gone = who.result(run.job_id, 0)
    assert (gone.status_code, gone.text) == (500, f"Cannot find job with id {run.bare_id}")
    assert who.stop(run.job_id).json() == []


def test_trap_22_a_queued_job_ignores_its_stop(queued: Queued):
    assert (queued.stop["status"], queued.stop["stopRequested"]) == (1, True)
    assert (queued.after_stop["status"], queued.after_stop["dateFinished"]) == (1, None)
    # It was killed once it ran.
    assert queued.run.exit_code == 137
    assert float(queued.run.final["algoStartTimestamp"]) > 0


def test_trap_23_an_engine_may_stand_still_for_good(own_node: Callable[..., Node]):
    """A real engine cannot be wedged at will, this one can. All answers stay as they are."""
    node = own_node(environments=(replace(RECORDED_ENVIRONMENT, cpu=1),), test_routes=True)
    node.request("PUT", FAULTS, json=[{"what": "wedge"}])
    who = first_account(node)
    run = who.start(programs.SLEEPS).wait(until=lambda record: record["status"] == 20)

    stop = run.stop()
    refused = who.ask_for()
    waits = who.start("print(1)", queueMaxWaitTime=600)
    ticks_that_moved_nothing(node, 6)

    before, after = run.seen[-1], run.poll()
    assert (stop["stopRequested"], stop["status"]) == (True, 20)
    assert after == {**before, "stopRequested": True}
    assert refused.json().startswith(BUSY)
    assert waits.poll()["status"] == 1
    # It was the engine and nothing else: all go on with it.
    node.request("DELETE", FAULTS)
    assert (run.wait().final["status"], run.exit_code) == (71, 137)
    assert waits.wait().exit_code == 0


def ticks_that_moved_nothing(node: Node, times: int) -> None:
    """Wait until a wedged engine has passed by its jobs so many times."""

    def passed() -> int:
        (rule,) = node.get(FAULTS).json()
        return int(rule["met"])

    begin = passed()
    wait_for(lambda: passed() >= begin + times, node)


def test_trap_24_a_good_signature_may_be_refused_once(stranger: Account):
    """One in 256: the node drops leading zero bytes of the hash that was signed."""
    nonce = stranger.next_nonce()
    while not is_refused_by_chance(f"{stranger.address}{nonce}freeStartCompute"):
        nonce += 1

    assert knock(stranger, **stranger.signed("freeStartCompute", nonce=nonce)) == MISMATCH
    assert knock(stranger) == PASSED


@pytest.mark.usefixtures("buckets")
def test_trap_25_bucket_files_can_be_linked_among_the_inputs(alice: Account, files: Files):
    bucket = create(alice, label="trap 25").json()["bucketId"]
    upload(alice, bucket, "m.txt", b"from a bucket")
    algorithm = {
        "meta": {"rawcode": programs.LINKS_BUCKET_FILES, "container": alice.node.container()},
        "envs": {"SETTINGS": '{"a": [1, 2]}'},
    }
    in_bucket = {"type": "nodePersistentStorage", "bucketId": bucket, "fileName": "m.txt"}
    datasets = [{"fileObject": in_bucket}, {"fileObject": files.object("/n.txt?version=3")}]

    run = alice.run("", algorithm=algorithm, datasets=datasets)

    assert run.stdout().splitlines() == [
        "algoCustomData.json={}",
        "m.txt=from a bucket",
        "n.txt=42",
        "bucket file is read-only",
        "['algoCustomData.json', 'n.txt'] []",
        '{"a": [1, 2]}',
    ]
