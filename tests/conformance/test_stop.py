# SPDX-License-Identifier: Apache-2.0
"""Stopping a job, and following its log meanwhile."""

from __future__ import annotations

import requests

from tests.conformance import archives, programs
from tests.conformance.session import API, Account, Run, frames
from tests.conformance.stories import Stopped

UNKNOWN = "0" * 64
ERROR = (500, "Internal Server Error")


def said(reply: requests.Response) -> tuple[int, str]:
    return reply.status_code, reply.text


def test_a_stop_answers_with_the_job_as_it_still_is(stopped: Stopped):
    assert (stopped.stop["status"], stopped.stop["stopRequested"]) == (40, True)
    assert (stopped.stop["results"], stopped.stop["jobId"]) == (None, stopped.run.bare_id)


def test_a_stopped_job_was_killed_and_keeps_its_output(stopped: Stopped):
    job = stopped.run.final

    assert (job["status"], job["terminationDetails"]) == (71, {"exitCode": 137, "OOMKilled": False})
    assert job["stopRequested"] is True
    assert [entry["type"] for entry in job["results"]] == [
        "imageLog",
        "configurationLog",
        "algorithmLog",
        "output",
    ]


def test_an_algorithm_may_end_by_itself_when_it_is_stopped(alice: Account):
    run = alice.start(programs.CATCHES_SIGTERM).wait_until_running()
    _wait_for_first_word(run)

    run.stop()
    run.wait()

    assert (run.final["status"], run.exit_code) == (71, 0)
    assert archives.contents(run.result("output")) == {}


def _wait_for_first_word(run: Run) -> None:
    with run.who.live_logs(run.job_id, stream=True) as reply:
        next(reply.iter_content(None))


def test_only_the_owner_stops(stopped: Stopped):
    assert (stopped.strangers_stop.status_code, stopped.strangers_stop.json()) == (200, [])
    assert stopped.after_strangers_stop["stopRequested"] is False


def test_a_job_that_is_not_there_is_an_empty_list(finished: Run):
    cluster = finished.job_id.split("-")[0]
    reply = finished.who.stop(f"{cluster}-{UNKNOWN}")

    assert (reply.status_code, reply.json()) == (200, [])


def test_every_error_is_an_internal_error(stopped: Stopped):
    who, job_id = stopped.run.who, stopped.run.job_id
    path = f"{API}/compute"
    signed = {**who.signed("stopCompute"), "jobId": job_id}

    assert said(who.stop(stopped.run.bare_id)) == ERROR
    assert said(who.stop(f"0x00-{stopped.run.bare_id}")) == ERROR
    assert said(who.node.request("PUT", path, params={"jobId": job_id})) == ERROR
    # A body is not looked at.
    assert said(who.node.request("PUT", path, json=signed)) == ERROR


def test_a_token_stops_too(stopped: Stopped):
    who = stopped.run.who
    token = who.node.post(f"{API}/auth/token", who.signed("createAuthToken", key="address")).json()["token"]

    reply = who.node.request(
        "PUT",
        f"{API}/compute",
        params={"jobId": stopped.run.job_id, "consumerAddress": who.address},
        headers={"authorization": token},
    )

    assert [job["jobId"] for job in reply.json()] == [stopped.run.bare_id]


def test_there_is_no_way_to_delete_a_job(finished: Run):
    who = finished.who
    query = {**who.signed("stopCompute"), "jobId": finished.job_id}

    assert said(who.node.request("DELETE", f"{API}/compute", params=query)) == (404, "Not yet implemented!")


def test_a_live_log_is_framed_from_the_first_word_to_the_end(stopped: Stopped):
    heard = frames(stopped.live)

    assert b"".join(line for stream, line in heard if stream == 1) == b"line 0\nline 1\nline 2\nline 3\n"
    assert b"".join(line for stream, line in heard if stream == 2) == b"warn 0\nwarn 1\nwarn 2\nwarn 3\n"
    assert frames(stopped.run.result("algorithmLog")) == heard
    for reply in stopped.followed:
        assert "content-type" not in reply.headers
        assert reply.headers["transfer-encoding"] == "chunked"


def test_anybody_who_signs_may_read_a_live_log(stopped: Stopped):
    assert stopped.strangers_live == stopped.live


def test_there_is_no_live_log_before_or_after(stopped: Stopped, finished: Run):
    for run in (stopped.run, finished):
        reply = run.who.live_logs(run.job_id)
        assert said(reply) == (404, "Job not found or not running")
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert said(finished.who.live_logs(f"0x00-{finished.bare_id}")) == (500, "Invalid C2D Environment")


def test_log_frames_hold_lines_of_text(silent: Run):
    log = silent.log()

    assert {stream for stream, _ in log} == {1}
    # Each newline ends a frame, and 16 KB do.
    assert log[0] == (1, bytes(range(11)))
    assert [len(part) for _, part in log] == [11, 16384 + 2 * 128, 16384, 7478]
    # What is no text is lost.
    lost = "\ufffd".encode() * 128
    assert b"".join(part for _, part in log) == bytes(range(128)) + lost + b"x" * 40000 + b"\n"
