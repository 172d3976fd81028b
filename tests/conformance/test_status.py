# SPDX-License-Identifier: Apache-2.0
"""Status, lists by owner and the `jobs` command: all without a signature."""

from __future__ import annotations

import time

import requests

from tests.conformance.session import API, Account, Node, Run

UNKNOWN = "0" * 64
ERROR = (500, "Internal Server Error", "text/html; charset=utf-8")
STATUS_KEYS = [
    "owner",
    "did",
    "jobId",
    "dateCreated",
    "dateFinished",
    "status",
    "statusText",
    "results",
    "inputDID",
    "algoDID",
    "agreementId",
    "environment",
    "stopRequested",
    "resources",
    "isFree",
    "algoStartTimestamp",
    "algoStopTimestamp",
    "metadata",
    "additionalViewers",
    "terminationDetails",
    "payment",
    "algoDuration",
    "queueMaxWaitTime",
    "jobIdHash",
    "buildStartTimestamp",
    "buildStopTimestamp",
    "maxJobDuration",
]


def ask(node: Node, **query: str) -> requests.Response:
    return node.get(f"{API}/compute", **query)


def said(reply: requests.Response) -> tuple[int, str, str]:
    return reply.status_code, reply.text, reply.headers["content-type"]


def test_status_is_the_job_with_its_bare_id(finished: Run):
    reply = ask(finished.who.node, jobId=finished.job_id)
    (job,) = reply.json()

    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert list(job) == STATUS_KEYS
    assert job["jobId"] == finished.bare_id
    assert [job[name] for name in ("did", "inputDID", "algoDID", "agreementId")] == [None] * 4
    for name in ("owner", "environment", "metadata", "jobIdHash", "maxJobDuration", "dateCreated"):
        assert job[name] == finished.started[name]


def test_a_job_that_is_not_there_is_an_empty_list(finished: Run):
    cluster = finished.job_id.split("-")[0]

    assert ask(finished.who.node, jobId=f"{cluster}-{UNKNOWN}").json() == []


def test_every_error_is_an_internal_error(finished: Run):
    node = finished.who.node

    assert said(ask(node)) == ERROR
    assert said(ask(node, jobId=f"0x00-{finished.bare_id}")) == ERROR
    assert said(ask(node, consumerAddress="0x12")) == ERROR


def test_jobs_are_listed_by_their_owners_exact_address(finished: Run, stranger: Account):
    node, owner = finished.who.node, finished.who.address

    listed = ask(node, consumerAddress=owner).json()

    assert finished.bare_id in [job["jobId"] for job in listed]
    assert {job["owner"] for job in listed} == {owner}
    assert ask(node, consumerAddress=owner.lower()).json() == []
    assert ask(node, consumerAddress=stranger.address).json() == []


def test_owner_and_id_together_filter_by_both(finished: Run, stranger: Account):
    node = finished.who.node

    (job,) = ask(node, jobId=finished.job_id, consumerAddress=finished.who.address).json()

    assert job["jobId"] == finished.bare_id
    assert ask(node, jobId=finished.job_id, consumerAddress=stranger.address).json() == []


def test_an_agreement_has_no_jobs(node: Node):
    assert ask(node, agreementId="0x" + "11" * 32).json() == []


def test_status_by_direct_command(finished: Run):
    reply = finished.who.node.direct("getComputeStatus", jobId=finished.job_id)

    assert (reply.status_code, "content-type" in reply.headers) == (200, False)
    assert [job["jobId"] for job in reply.json()] == [finished.bare_id]


def test_the_jobs_command_shows_all_but_code_and_environment_to_everybody(finished: Run):
    reply = finished.who.node.direct("jobs", consumerAddrs=[finished.who.address])
    job = next(job for job in reply.json() if job["jobId"] == finished.bare_id)

    assert set(STATUS_KEYS) < set(job)
    assert set(job["algorithm"]) == {"meta", "algocustomdata"}
    assert set(job["algorithm"]["meta"]) == {"container"}
    assert job["containerImage"] == finished.who.node.image
    assert (job["assets"], job["results"]) == ([], None)
    assert (job["isRunning"], job["isStarted"]) == (False, False)
    assert job["clusterHash"] == finished.job_id.split("-")[0]


def test_the_jobs_command_filters(finished: Run, stranger: Account):
    node, owner = finished.who.node, [finished.who.address]
    later = str(int(time.time()) + 3600)

    assert node.direct("jobs", consumerAddrs=[stranger.address]).json() == []
    assert node.direct("jobs", consumerAddrs=owner, fromTimestamp=later).json() == []
    assert node.direct("jobs", consumerAddrs=owner, fromTimestamp="yesterday").json() == []
    since = node.direct("jobs", consumerAddrs=owner, fromTimestamp=finished.started["dateCreated"]).json()
    assert finished.bare_id in [job["jobId"] for job in since]
