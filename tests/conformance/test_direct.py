# SPDX-License-Identifier: Apache-2.0
"""Commands as JSON bodies: the same replies without a content type, and refusals as bare text."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.conformance.session import API, Account, Node, Run
from tests.conformance.test_auth import MISMATCH, NO_AUTH

UNKNOWN = "0" * 64


def bare(reply: requests.Response) -> tuple[int, str]:
    assert "content-type" not in reply.headers
    return reply.status_code, reply.text


def test_a_nonce_needs_a_true_address_here(stranger: Account):
    known = stranger.node.direct("nonce", address=stranger.address)
    garbage = stranger.node.direct("nonce", address="garbage")

    assert (known.status_code, known.text) == (200, "0")
    assert known.headers["content-type"] == "text/plain; charset=utf-8"
    assert bare(garbage) == (400, 'Parameter : "address" is not a valid web3 address')


def test_a_token_is_made_used_and_ended(stranger: Account):
    node = stranger.node
    token = node.direct("createAuthToken", **stranger.signed("createAuthToken", key="address")).json()[
        "token"
    ]
    request = stranger.start_request("1", environment="nowhere-0", nonce=None, signature=None)

    def use() -> tuple[int, str]:
        return bare(node.direct("freeStartCompute", **request, authorization=token))

    assert use() == (500, "Invalid C2D Environment")
    signed = stranger.signed("invalidateAuthToken", key="address")
    assert node.direct("invalidateAuthToken", **signed, token=token).json() == {"success": True}
    assert use() == (401, "Invalid token")


def test_a_job_is_stopped_and_every_error_has_its_words(finished: Run, stranger: Account):
    def stop(who: Account, job_id: str, **fields: Any) -> requests.Response:
        return who.node.direct("stopCompute", **{**who.signed("stopCompute"), **fields}, jobId=job_id)

    cluster = finished.job_id.split("-")[0]
    assert stop(stranger, finished.job_id).json() == []
    assert stop(finished.who, f"{cluster}-{UNKNOWN}").json() == []
    # Over its own route each of these is an internal error.
    assert bare(stop(stranger, f"0x00-{UNKNOWN}")) == (500, "Invalid C2D Environment")
    assert bare(stop(stranger, finished.job_id, **stranger.signed("x"))) == MISMATCH
    without = finished.who.node.direct(
        "stopCompute", consumerAddress=finished.who.address, jobId=finished.job_id
    )
    assert bare(without) == NO_AUTH


def test_status_has_words_for_its_errors_too(finished: Run):
    node = finished.who.node

    assert bare(node.direct("getComputeStatus", jobId=f"0x00-{UNKNOWN}")) == (
        500,
        "C2D Engine not found by hash: 0x00",
    )
    assert bare(node.direct("getComputeStatus")) == (
        400,
        'Missing one of ["jobId","consumerAddress","agreementId"]',
    )


def test_a_live_log_that_is_over_is_not_found(finished: Run):
    fields = {"jobId": finished.job_id, **finished.who.signed("getComputeStreamableLogs")}

    reply = finished.who.node.direct("getComputeStreamableLogs", **fields)

    assert bare(reply) == (404, "Job not found or not running")


def test_file_info_takes_the_file_in_a_field(node: Node):
    file = {"type": "url", "url": "http://localhost:9/x", "method": "GET"}

    (info,) = node.direct("fileInfo", file=file, type="url").json()

    assert (info["valid"], info["name"]) == (True, "x")


@pytest.mark.usefixtures("buckets")
def test_buckets_are_listed(alice: Account):
    signed = alice.signed("persistentStorageGetBuckets")
    reply = alice.node.direct("persistentStorageGetBuckets", owner=alice.address, **signed)

    assert (reply.status_code, "content-type" in reply.headers) == (200, False)
    assert {bucket["owner"] for bucket in reply.json()} <= {alice.address}


def test_an_unknown_route_below_the_services_is_none(node: Node):
    assert node.request("PUT", f"{API}/freeCompute").status_code == 404
