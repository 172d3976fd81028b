# SPDX-License-Identifier: Apache-2.0
"""Reading results: by index, whole, by whom."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.conformance.session import API, Account, Run
from tests.conformance.stories import Stopped
from tests.conformance.test_auth import MISMATCH, NO_AUTH

UNKNOWN = "0" * 64


def refusal(reply: requests.Response) -> tuple[int, str]:
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    return reply.status_code, reply.text


def missing(field: str) -> tuple[int, str]:
    return 400, (
        f'Missing one ( "{field}" ) or more required field(s) for command: "getComputeResult". '
        "Required fields: jobId,index"
    )


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("imageLog", "text/plain; charset=utf-8"),
        ("configurationLog", "text/plain; charset=utf-8"),
        ("algorithmLog", "text/plain; charset=utf-8"),
        ("output", "application/octet-stream"),
    ],
)
def test_a_result_is_as_long_as_status_says(finished: Run, kind: str, content_type: str):
    entry = finished.entry(kind)

    reply = finished.who.result(finished.job_id, entry["index"])

    assert (reply.status_code, reply.headers["content-type"]) == (200, content_type)
    assert reply.headers["transfer-encoding"] == "chunked"
    assert not {"content-length", "etag", "accept-ranges"} & {name.lower() for name in reply.headers}
    assert len(reply.content) == entry["filesize"]


def test_a_log_can_be_read_while_the_job_runs(stopped: Stopped):
    reply = stopped.log_while_running

    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert reply.text.startswith("Writing algocustom data to '/data/inputs/algoCustomData.json'\n")


def test_the_algorithms_log_may_come_after_the_end(finished: Run, failed: Run, silent: Run, timed_out: Run):
    """So an index that was read with the end may name another result a moment later."""
    for run in (finished, failed, silent, timed_out):
        first = next(record for record in run.seen if record["dateFinished"])
        kinds = [entry["type"] for entry in first["results"]]

        expected = ["imageLog", "configurationLog", "algorithmLog", "output"]
        assert kinds in (expected, [kind for kind in expected if kind != "algorithmLog"])
        assert [entry["type"] for entry in run.final["results"]] == expected


def test_an_index_must_be_there_and_not_negative(finished: Run):
    who = finished.who
    no_index = who.node.get(f"{API}/computeResult", jobId=finished.job_id, **who.signed("getComputeResult"))
    no_job = who.node.get(f"{API}/computeResult", index=0, **who.signed("getComputeResult"))

    assert refusal(no_index) == missing("index")
    assert refusal(no_job) == missing("jobId")
    assert refusal(who.result(finished.job_id, -1)) == (400, "Invalid result index")
    assert refusal(who.result(finished.job_id, "x")) == (400, "Invalid result index")


def test_ids_of_no_job_are_refused(finished: Run):
    who, cluster = finished.who, finished.job_id.split("-")[0]

    assert refusal(who.result(finished.bare_id, 0)) == (500, "Invalid C2D Environment")
    assert refusal(who.result(f"0x00-{finished.bare_id}", 0)) == (500, "Invalid C2D Environment")
    assert refusal(who.result(f"{cluster}-{UNKNOWN}", 0)) == (500, f"Cannot find job with id {UNKNOWN}")


def test_only_the_owner_and_the_viewers_may_read(finished: Run, viewer: Account, stranger: Account):
    def words(address: str) -> tuple[int, str]:
        return (
            500,
            f"{address} is not authorized to get results for job with id {finished.bare_id}",
        )

    assert viewer.result(finished.job_id, 0).status_code == 200
    assert refusal(stranger.result(finished.job_id, 0)) == words(stranger.address)


def test_reading_needs_a_signature_of_its_own(finished: Run, stranger: Account):
    def get(**fields: Any) -> requests.Response:
        return stranger.node.get(f"{API}/computeResult", jobId=finished.job_id, index=0, **fields)

    assert refusal(get(consumerAddress=finished.who.address)) == NO_AUTH
    assert refusal(get(**finished.who.signed("stopCompute"))) == MISMATCH


def test_a_token_reads_for_a_named_address(finished: Run):
    who = finished.who
    signed = who.signed("createAuthToken", key="address")
    headers = {"authorization": who.node.post(f"{API}/auth/token", signed).json()["token"]}
    query = {"jobId": finished.job_id, "index": 0}

    def get(**fields: Any) -> requests.Response:
        return who.node.request("GET", f"{API}/computeResult", params={**query, **fields}, headers=headers)

    assert get(consumerAddress=who.address).status_code == 200
    assert refusal(get()) == (
        500,
        f"null is not authorized to get results for job with id {finished.bare_id}",
    )


def test_by_direct_command(finished: Run):
    who = finished.who
    fields = {"jobId": finished.job_id, "index": 0, **who.signed("getComputeResult")}
    reply = who.node.direct("getComputeResult", **fields)
    without = {**fields, **who.signed("getComputeResult")}
    del without["index"]
    incomplete = who.node.direct("getComputeResult", **without)

    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert reply.content == finished.result("imageLog")
    assert (incomplete.status_code, incomplete.text) == missing("index")
    assert "content-type" not in incomplete.headers


def test_an_offset_by_direct_command_counts_for_outputs(finished: Run):
    who, whole = finished.who, finished.result("output")

    def tail_of(kind: str, offset: int) -> bytes:
        index = finished.entry(kind)["index"]
        fields = {"jobId": finished.job_id, "index": index, "offset": offset}
        return who.node.direct("getComputeResult", **fields, **who.signed("getComputeResult")).content

    assert tail_of("output", 512) == whole[512:]
    assert tail_of("imageLog", 5) == finished.result("imageLog")


def test_by_direct_command_outputs_that_are_no_text_are_ruined(failed: Run):
    who, whole = failed.who, failed.result("output")
    fields = {"jobId": failed.job_id, "index": failed.entry("output")["index"]}

    reply = who.node.direct("getComputeResult", **fields, **who.signed("getComputeResult"))

    # Every byte that is no UTF-8 came out as the replacement character.
    assert len(reply.content) == len(whole) + 2 * 128
    assert "\ufffd".encode() * 128 in reply.content
