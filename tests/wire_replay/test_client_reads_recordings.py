# SPDX-License-Identifier: Apache-2.0
"""Every reply that was recorded of a real Ocean Node, read by our client: a value, or the right error.

No network: a reply's status and body go to the functions that both clients share. A recording that no
rule knows fails by its name.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_deflow.errors import HostileArchive, UnexpectedReply
from airflow_provider_deflow.ocean import exchange, refusals
from airflow_provider_deflow.ocean.compute import ComputeJob
from airflow_provider_deflow.ocean.logs import LogLine, lines_of
from airflow_provider_deflow.ocean.outputs import ContentStore, unpack
from tests.wire_replay import client_values
from tests.wire_replay.client_refusals import REFUSALS
from tests.wire_replay.client_routes import route_of
from tests.wire_replay.recordings import ALL, Recording

URL = "http://node.test:8001"
STREAMED = ("job result", "live logs", "download")
# The lock time of one who asked with a text for a number: "120" and 3600 seconds put together.
NOT_TAKEN = {"init-duration-text": "'minLockSeconds' must be a whole number"}


def of(recordings: list[Recording]):
    return pytest.mark.parametrize("recording", recordings, ids=str)


REFUSED = [recording for recording in ALL if recording.status >= 400]
ANSWERED = [recording for recording in ALL if recording.status < 400]


def test_every_refusal_that_has_a_rule_was_recorded():
    assert set(REFUSALS) == {recording.name for recording in REFUSED}


@of(REFUSED)
def test_a_refusal_is_the_right_error(recording: Recording):
    route = route_of(recording)
    words = refusals.words_of(recording.body)

    if route is None:
        error = refusals.classify(recording.status, words, "a route", URL)
    else:
        error = exchange.refusal(route, URL, recording.status, recording.body)

    assert type(error) is REFUSALS[recording.name], str(error)
    assert URL in str(error)
    assert words in str(error)


@of(ANSWERED)
def test_an_answer_is_the_right_value(recording: Recording):
    route = route_of(recording)
    if route is None:
        assert recording.status in (200, 204)
    elif route.name in STREAMED:
        types = ("text/plain", "text/csv", "application/octet-stream", "")
        assert recording.content_type.split(";")[0] in types
    elif recording.name in NOT_TAKEN:
        with pytest.raises(UnexpectedReply, match=NOT_TAKEN[recording.name]):
            exchange.answer(route, URL, recording.body)
    else:
        value = exchange.answer(route, URL, recording.body)
        client_values.check(recording, route.name, value)


LOGS = [recording for recording in ALL if "frames" in recording.reply]


@of(LOGS)
def test_a_log_has_the_lines_of_its_frames(recording: Recording):
    streams = {1: "stdout", 2: "stderr"}
    said = {1: "", 2: ""}
    for stream, text in recording.reply["frames"]:
        said[stream] += text

    lines = list(lines_of([recording.body]))

    for stream, text in said.items():
        assert [line.text for line in lines if line.stream == streams[stream]] == text.splitlines()
    assert all(isinstance(line, LogLine) for line in lines)


# What is in the outputs, or why they are refused.
OUTPUTS: dict[str, list[str] | str] = {
    "contract-output": "hard.json",
    "user-stop-result-output": ["early.txt"],
    "timeout-result-output": ["early.txt"],
    "algo-file-result-output": ["answer.txt"],
    "paid-raw-result-output": ["o.txt"],
}
ARCHIVES = [
    recording
    for recording in ALL
    if recording.request["path"].endswith("/computeResult")
    and "octet-stream" in recording.content_type
    and recording.is_whole
]


@of(ARCHIVES)
def test_outputs_are_unpacked_or_refused(recording: Recording, tmp_path: Path):
    expected = OUTPUTS[recording.name]
    store = ContentStore(tmp_path)

    if isinstance(expected, str):
        with pytest.raises(HostileArchive, match=expected):
            unpack(io.BytesIO(recording.body), store)
    else:
        outputs = unpack(io.BytesIO(recording.body), store)
        assert [file.name for file in outputs.files] == expected
        assert outputs.archive_size == len(recording.body)


# How each story ended for one who watched it from the start.
SUCCEEDED = """
success live build algo-file same-names url-headers quota bytes-out slow-pull queue-run one-free paid-raw
paid-reuse free-did output-url output-url-plain bucket-job
"""
STOPPED = "user-stop stop-in-pull queued filler-1 filler-2"
FAILED = """
create-failed upload-to-container-failed outputs-lost exit3 no-start oom oom-late data-404 timeout
pull-failed encrypted-fileobject private-image-no-challenge one-job
"""
STORIES = {
    **dict.fromkeys(SUCCEEDED.split(), "succeeded"),
    **dict.fromkeys(STOPPED.split(), "stopped"),
    **dict.fromkeys(FAILED.split(), "failed"),
    # Only its start was recorded.
    "one-free-queued": None,
}
# Their outputs went elsewhere, which only the one who started them knows.
SENT_ELSEWHERE = {"output-url", "output-url-plain", "bucket-job"}


def told_jobs(series: str) -> list[ComputeJob]:
    """Each look at the story's jobs, those after the payment cron last."""
    looks = sorted(
        (recording for recording in ALL if recording.series == series),
        key=lambda recording: recording.file == "jobs-settled",
    )
    bodies = [recording.reply.get("json") for recording in looks if recording.status == 200]
    lists = [body for body in bodies if isinstance(body, list) and len(body) == 1]
    return [ComputeJob.from_reply(jobs[0]) for jobs in lists if "jobId" in jobs[0]]


def test_every_story_has_an_end():
    with_jobs = {recording.series for recording in ALL if recording.series and told_jobs(recording.series)}
    assert with_jobs == set(STORIES)


@pytest.mark.parametrize("series", STORIES)
def test_a_story_ended_as_it_did(series: str):
    seen: dict[str, ComputeJob] = {}
    for job in told_jobs(series):
        seen[job.job_id] = job.seen_after(seen.get(job.job_id))
    ends = [replace(job, output_expected=False) if series in SENT_ELSEWHERE else job for job in seen.values()]

    assert {job.outcome for job in ends} == {STORIES[series]}
