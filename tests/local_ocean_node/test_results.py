# SPDX-License-Identifier: Apache-2.0
"""Fetching results: who may, which index, and that ranges are not honoured."""

from __future__ import annotations

import pytest
import requests

from tests.local_ocean_node.running import Consumer, consumer, recordings


@pytest.fixture(scope="module")
def finished(node_url: str):
    who = consumer(node_url)
    code = "import os\nprint('hello')\nopen('/data/outputs/data', 'wb').write(os.urandom(3_000_000))"
    job_id, _ = who.run(code, additionalViewers=[consumer(node_url, 2).address])
    return who, job_id


def fetch(who: Consumer, job_id: str, index: object, **options: object) -> requests.Response:
    query = {**who.signed("getComputeResult"), "jobId": job_id, "index": index}
    return requests.get(f"{who.url}/api/services/computeResult", params=query, **options)


@pytest.mark.parametrize(
    ("index", "content_type"),
    [
        (0, "text/plain; charset=utf-8"),
        (1, "text/plain; charset=utf-8"),
        (2, "text/plain; charset=utf-8"),
        (3, "application/octet-stream"),
    ],
)
def test_a_result_is_a_stream_without_a_length(finished, index: int, content_type: str):
    who, job_id = finished

    reply = fetch(who, job_id, index)

    assert (reply.status_code, reply.headers["content-type"]) == (200, content_type)
    assert reply.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in reply.headers
    assert "etag" not in reply.headers
    assert len(reply.content) == who.status(job_id)["results"][index]["filesize"]


def test_an_index_beyond_the_results_is_an_empty_200(finished):
    who, job_id = finished

    reply = fetch(who, job_id, 9)

    assert (reply.status_code, reply.content) == (200, b"")
    assert reply.headers["content-length"] == "0"
    assert "content-type" not in reply.headers


def test_range_and_offset_are_ignored(finished):
    who, job_id = finished
    whole = fetch(who, job_id, 3).content

    ranged = fetch(who, job_id, 3, headers={"range": "bytes=100-199"})
    query = {**who.signed("getComputeResult"), "jobId": job_id, "index": 3, "offset": 100}
    offset = who.get("/api/services/computeResult", **query)

    assert (ranged.status_code, ranged.content) == (200, whole)
    assert (offset.status_code, offset.content) == (200, whole)


def as_text(data: bytes) -> bytes:
    """As a real node's direct command sends bytes: as text, in the pieces that it reads a file in."""
    pieces = (data[at : at + 65536] for at in range(0, len(data), 65536))
    return b"".join(piece.decode("utf-8", "replace").encode() for piece in pieces)


def test_the_direct_command_honours_an_offset_for_outputs_only_and_spoils_bytes(finished):
    who, job_id = finished
    whole, log = fetch(who, job_id, 3).content, fetch(who, job_id, 2).content

    def direct(index: int) -> requests.Response:
        signed = who.signed("getComputeResult")
        return who.direct("getComputeResult", **signed, jobId=job_id, index=index, offset=1000)

    assert direct(3).content == as_text(whole[1000:])
    assert direct(3).content != whole[1000:]
    assert direct(3).headers["content-type"] == "application/octet-stream"
    assert direct(2).content == log


def test_a_viewer_may_and_a_stranger_may_not(finished):
    who, job_id = finished
    viewer, stranger = consumer(who.url, 2), consumer(who.url, 3)

    refused = fetch(stranger, job_id, 0)

    assert fetch(viewer, job_id, 0).status_code == 200
    assert (refused.status_code, refused.text) == (
        500,
        f"{stranger.address} is not authorized to get results for job with id {job_id.split('-')[1]}",
    )


def test_the_owner_in_lower_case_is_a_stranger(finished):
    who, job_id = finished
    lower = who.address.lower()
    recorded = recordings("results")["result-owner-lowercase"]["response"]
    token = _token(who)

    reply = requests.get(
        f"{who.url}/api/services/computeResult",
        params={"jobId": job_id, "index": 0, "consumerAddress": lower},
        headers={"authorization": token},
    )

    assert reply.status_code == recorded["status"]
    assert reply.text == f"{lower} is not authorized to get results for job with id {job_id.split('-')[1]}"


def test_results_are_there_while_it_runs_under_other_indexes(finished):
    who, _ = finished
    job_id = who.start("import time; time.sleep(60)")
    who.wait_until_running(job_id)

    results = who.status(job_id)["results"]
    who.stop(job_id)

    assert [(result["index"], result["type"]) for result in results] == [
        (0, "imageLog"),
        (1, "configurationLog"),
    ]
    who.wait_for(job_id)


def _token(who: Consumer) -> str:
    signed = who.signed("createAuthToken")
    signed["address"] = signed.pop("consumerAddress")
    return str(who.post("/api/services/auth/token", signed).json()["token"])


@pytest.mark.parametrize(
    ("viewers", "status", "words"),
    [
        ("{bob}", 200, None),
        (7, 500, "jobs[0].additionalViewers.includes is not a function"),
        (None, 500, "{bob} is not authorized to get results for job with id {job}"),
    ],
)
def test_viewers_are_not_checked_before_somebody_looks(
    alice: Consumer, bob: Consumer, viewers, status, words
):
    given = viewers.format(bob=bob.address) if isinstance(viewers, str) else viewers
    job_id, _ = alice.run("print(1)", additionalViewers=given)
    query = {**bob.signed("getComputeResult"), "jobId": job_id, "index": 0}

    reply = bob.get("/api/services/computeResult", **query)

    assert reply.status_code == status
    if words:
        assert reply.text == words.format(bob=bob.address, job=job_id.split("-")[1])
