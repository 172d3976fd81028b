# SPDX-License-Identifier: Apache-2.0
"""The traps of a real Ocean Node, one by one, under the numbers that our documents use for them.

What a node cannot be made to do from outside is provoked on local nodes with settings of their own; such a
test says so, and shows what a client must tolerate. From 14 on they are in test_traps_from_14.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.conformance.files import Files
from tests.conformance.session import API, Account, Node, Run, account
from tests.conformance.stories import Stopped
from tests.conformance.test_auth import PASSED, knock, nonce_of
from tests.conformance.test_output import output
from tests.local_ocean_node.running import KEYS

# More requests than this are not sent to find a node's limit.
MOST_REQUESTS = 35


def first_account(node: Node) -> Account:
    return account(node, KEYS[0], node.environments()[0]["id"])


def wait_for(condition: Callable[[], bool], node: Node) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        node.pause()


def test_trap_01_success_shows_as_71_first(finished: Run):
    assert (finished.final["status"], finished.exit_code) == (71, 0)
    assert 70 not in finished.statuses
    assert finished.final["dateFinished"]


def test_trap_02_70_and_71_do_not_mean_success(failed: Run, own_node: Callable[..., Node], files: Files):
    assert (failed.final["status"], failed.exit_code) == (71, 3)

    # The payment cron comes once an hour: not waited for on a real node.
    who = first_account(own_node(claim_interval_seconds=0.5))
    refused = {"type": "url", "url": f"{files.url}/reject/o.tar", "method": "POST"}
    leaves_a_file = "open('/data/outputs/lost.txt', 'w').write('lost')"
    not_uploaded = who.run(leaves_a_file, output=output(who, remoteStorage=refused))
    # At 62 until then; exit code 0 is all that is told afterwards, and its file is nowhere.
    wait_for(lambda: who.node.status(not_uploaded.job_id)["status"] == 70, who.node)
    job = not_uploaded.poll()
    assert (job["statusText"], job["terminationDetails"]["exitCode"]) == ("Job finished", 0)
    assert "/reject/o.tar" in files.refused
    assert "output" not in [result["type"] for result in job["results"]]

    never_ran = who.run(
        "", algorithm={"meta": {"rawcode": "1", "container": who.node.container("/no/such/program")}}
    )
    wait_for(lambda: who.node.status(never_ran.job_id)["status"] == 70, who.node)
    assert never_ran.poll()["terminationDetails"]["exitCode"] is None


def test_trap_03_timeout_and_stop_look_alike(timed_out: Run, stopped: Stopped, silent: Run):
    for run in (timed_out, stopped.run):
        assert (run.final["status"], run.exit_code) == (71, 137)
    assert (timed_out.final["stopRequested"], stopped.run.final["stopRequested"]) == (False, True)
    # A stop that comes too late says so of a job that was not stopped.
    assert silent.final["stopRequested"] is False
    assert silent.stop()["stopRequested"] is True
    assert (silent.poll()["stopRequested"], silent.exit_code) == (True, 0)


def test_trap_04_a_bare_id_is_no_filter(finished: Run, failed: Run, viewer: Account):
    reply = viewer.node.get(f"{API}/compute", jobId=finished.bare_id)

    assert {finished.bare_id, failed.bare_id} <= {job["jobId"] for job in reply.json()}
    assert finished.job_id == f"{finished.who.environment.split('-')[0]}-{finished.bare_id}"


def test_trap_05_status_needs_no_signature_and_every_error_is_500(finished: Run):
    node = finished.who.node
    gone = f"{finished.job_id[:-64]}{'0' * 64}"
    wrong = node.get(f"{API}/compute", jobId=f"0x00-{finished.bare_id}")

    assert node.status(finished.job_id)["jobId"] == finished.bare_id
    assert (wrong.status_code, wrong.text) == (500, "Internal Server Error")
    assert node.get(f"{API}/compute", jobId=gone).json() == []


def test_trap_06_logs_are_docker_frames_but_for_docker_errors(failed: Run, not_started: Run):
    assert failed.result("algorithmLog") == b"\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\4err\n"
    assert not_started.text("algorithmLog").startswith("(HTTP code 400) unexpected - failed to create")


def test_trap_07_results_have_no_length_and_no_ranges(finished: Run):
    who, entry = finished.who, finished.entry("output")
    whole = finished.result("output")

    ranged = who.result(finished.job_id, entry["index"], headers={"range": "bytes=100-199"})
    query = {"jobId": finished.job_id, "index": entry["index"], "offset": 512}
    offset = who.node.get(f"{API}/computeResult", **query, **who.signed("getComputeResult"))
    direct = who.node.direct("getComputeResult", **query, **who.signed("getComputeResult"))

    for reply in (ranged, offset):
        assert (reply.status_code, reply.content) == (200, whole)
        assert not {"content-length", "etag"} & {name.lower() for name in reply.headers}
    assert direct.content == whole[512:]


def test_trap_08_an_index_out_of_range_is_an_empty_reply(finished: Run):
    reply = finished.who.result(finished.job_id, 9)

    assert (reply.status_code, reply.content) == (200, b"")
    assert reply.headers["content-length"] == "0"
    assert "content-type" not in reply.headers


def test_trap_09_nonces_rise_per_address_text_and_race(stranger: Account):
    signed = stranger.signed("freeStartCompute")
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: knock(stranger, **signed), range(6)))

    # More than one may pass: it is not checked at once.
    assert replies.count(PASSED) >= 1
    refused = (401, f"nonce: {signed['nonce']} is not a valid nonce")
    assert {*replies} <= {PASSED, refused}
    assert knock(stranger, **signed) == refused
    assert nonce_of(stranger.node, stranger.address.lower()) == "0"


def test_trap_10_thirty_requests_a_minute(node: Node, given_url: str | None, request: pytest.FixtureRequest):
    if not given_url:
        node = request.getfixturevalue("own_node")(requests_per_minute=30)
    # Callers are told apart by what they say: this one is new.
    nobody, headers = {"userAddress": "0x"}, {"x-forwarded-for": f"203.0.113.{int(time.time()) % 250}"}

    answered = 0
    while (reply := requests.get(f"{node.url}{API}/nonce", params=nobody, headers=headers)).ok:
        answered += 1
        if answered == MOST_REQUESTS:
            pytest.skip(f"this node's limit is above {MOST_REQUESTS} requests a minute")

    assert reply.status_code == 429
    assert given_url or answered == 30
    assert reply.text.startswith("Rate limit exceeded. Try again in ")
    assert "retry-after" not in {name.lower() for name in reply.headers}
    assert node.get(f"{API}/nonce", userAddress="0x").status_code == 200


def test_trap_11_a_body_of_100_kb_is_too_large(stranger: Account):
    taken = stranger.ask_for("#" * 95_000, environment="nowhere-0")
    refused = stranger.ask_for("#" * 102_400, environment="nowhere-0")

    assert (taken.status_code, taken.json()) == PASSED
    assert (refused.status_code, refused.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert "<pre>PayloadTooLargeError: request entity too large" in refused.text


def test_trap_12_nothing_is_idempotent(alice: Account):
    metadata = {"token": f"twice-{alice.next_nonce()}"}
    first, second = (alice.run("print(1)", metadata=metadata) for _ in range(2))

    listed = alice.node.get(f"{API}/compute", consumerAddress=alice.address).json()

    found = [job["jobId"] for job in listed if job["metadata"] == metadata]
    assert sorted(found) == sorted([first.bare_id, second.bare_id])


def test_trap_13_addresses_are_compared_as_text(finished: Run):
    who, lower = finished.who, finished.who.address.lower()
    signed = who.signed("getComputeResult", address=lower)
    result = who.node.get(f"{API}/computeResult", jobId=finished.job_id, index=0, **signed)

    assert who.node.get(f"{API}/compute", consumerAddress=lower).json() == []
    assert (result.status_code, result.text) == (
        500,
        f"{lower} is not authorized to get results for job with id {finished.bare_id}",
    )
