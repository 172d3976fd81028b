# SPDX-License-Identifier: Apache-2.0
"""A log that is followed: every line once, wherever the connection breaks and however the node cuts it."""

from __future__ import annotations

import contextlib
import itertools
import threading
import tracemalloc
from types import SimpleNamespace

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import client, log_following
from airflow_provider_deflow.ocean.log_following import Follower
from airflow_provider_deflow.ocean.logs import LogLine
from tests.ocean.test_client import COMPUTE, JOB, RESULT, STARTED, job_reply, without_log

LIVE = "/api/services/computeStreamableLogs"
NOT_RUNNING = (404, b"Job not found or not running")


def frame(stream: int, text: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(text).to_bytes(4, "big") + text


FRAMES = frame(1, b"one\ntwo\n") + frame(2, b"warn\n") + frame(1, b"three\n")
LINES = [
    LogLine("stdout", "one"),
    LogLine("stdout", "two"),
    LogLine("stderr", "warn"),
    LogLine("stdout", "three"),
]


def running(**changes) -> tuple[int, list[dict]]:
    return 200, [job_reply(status=40, dateFinished=None, results=[], **changes)]


def over(size: int) -> tuple[int, list[dict]]:
    job = job_reply()
    job["results"][0]["filesize"] = size
    return 200, [job]


@pytest.fixture
def node(scripted_node, signer, tmp_path, quick):
    with client.OceanNode(scripted_node.url, signer, state_folder=tmp_path, timeout_seconds=5) as node:
        yield node


@pytest.mark.parametrize("cut", range(len(FRAMES) + 1))
def test_cut_at_any_byte_each_line_comes_once(scripted_node, node, cut):
    """In the middle of a header, of a frame, of a line, of neither."""
    begun = scripted_node.chunked(FRAMES[:cut] or b"\x01", end=False)
    scripted_node.answer("GET", COMPUTE, running(), running(), over(len(FRAMES)))
    scripted_node.answer("GET", LIVE, begun, scripted_node.chunked(FRAMES))
    scripted_node.answer("GET", RESULT, scripted_node.chunked(FRAMES))
    assert list(node.follow_logs(JOB, 0)) == LINES
    assert scripted_node.paths().count(f"GET {LIVE}") == 2


def test_what_only_the_final_log_has_comes_last(scripted_node, node):
    """The container ended between two looks."""
    scripted_node.answer("GET", COMPUTE, running(), over(len(FRAMES)))
    scripted_node.answer("GET", LIVE, scripted_node.chunked(FRAMES[:14]))
    scripted_node.answer("GET", RESULT, scripted_node.chunked(FRAMES))
    told = list(node.follow_logs(JOB, 0))
    assert sorted(map(str, told)) == sorted(map(str, LINES))
    assert [line for line in told if line.stream == "stdout"] == [LINES[0], LINES[1], LINES[3]]


def test_a_job_that_has_not_started_is_waited_for(scripted_node, node):
    waits = []
    scripted_node.answer(
        "GET", COMPUTE, (200, [job_reply(status=20, dateFinished=None)]), running(), over(len(FRAMES))
    )
    scripted_node.answer("GET", LIVE, NOT_RUNNING)
    scripted_node.answer("GET", RESULT, scripted_node.chunked(FRAMES))
    assert list(log_following.follow(node, JOB, 7.0, waits.append)) == LINES
    assert waits == [7.0, 7.0]
    assert scripted_node.paths().count(f"GET {LIVE}") == 1


def test_lines_are_told_while_the_algorithm_runs(scripted_node, node):
    scripted_node.answer("GET", COMPUTE, running())
    scripted_node.answer("GET", LIVE, scripted_node.chunked(FRAMES[:14], end=False))
    lines = node.follow_logs(JOB, 0)
    assert next(lines) == LINES[0]
    lines.close()


def test_a_last_line_without_end_is_told(scripted_node, node):
    scripted_node.answer("GET", COMPUTE, over(20))
    scripted_node.answer("GET", RESULT, scripted_node.chunked(frame(1, b"no end")))
    assert list(node.follow_logs(JOB, 0)) == [LogLine("stdout", "no end")]


def test_a_final_log_that_is_cut_is_fetched_again(scripted_node, node):
    scripted_node.answer("GET", COMPUTE, over(len(FRAMES)))
    scripted_node.answer(
        "GET", RESULT, scripted_node.chunked(FRAMES[:11], end=False), scripted_node.chunked(FRAMES)
    )
    assert list(node.follow_logs(JOB, 0)) == LINES


def test_a_log_that_a_node_lists_a_moment_after_the_end_is_waited_for(scripted_node, node):
    waits = []
    early = 200, [without_log(algoStartTimestamp=STARTED)]
    scripted_node.answer("GET", COMPUTE, early, early, over(len(FRAMES)))
    scripted_node.answer("GET", RESULT, scripted_node.chunked(FRAMES))
    assert list(log_following.follow(node, JOB, 7.0, waits.append)) == LINES
    assert len(waits) == 2


@pytest.mark.parametrize(("started", "looks"), [(STARTED, 5), (None, 1)], ids=["lost", "never-ran"])
def test_a_log_that_never_comes_ends_the_following(scripted_node, node, started, looks):
    scripted_node.answer("GET", COMPUTE, (200, [without_log(algoStartTimestamp=started)]))
    assert list(node.follow_logs(JOB, 0)) == []
    assert scripted_node.paths() == [f"GET {COMPUTE}"] * looks


def test_a_job_that_vanished_or_wrote_nothing_has_no_more_lines(scripted_node, node):
    scripted_node.answer("GET", COMPUTE, (200, []))
    assert list(node.follow_logs(JOB, 0)) == []
    scripted_node.answer("GET", COMPUTE, over(0))
    assert list(node.follow_logs(JOB, 0)) == []


def test_a_node_that_is_away_for_a_while_is_waited_for(scripted_node, node):
    away = [(500, b"Internal Server Error")] * 9
    scripted_node.answer("GET", COMPUTE, *away, over(len(FRAMES)))
    scripted_node.answer("GET", RESULT, scripted_node.chunked(FRAMES))
    assert list(node.follow_logs(JOB, 0)) == LINES


def test_a_node_that_stays_away_is_given_up(scripted_node, node, monkeypatch):
    monkeypatch.setattr(log_following, "PATIENCE_SECONDS", -1.0)
    scripted_node.answer("GET", COMPUTE, (500, b"Internal Server Error"))
    with pytest.raises(errors.OceanNodeBusy):
        list(node.follow_logs(JOB, 0))


def silent(until: threading.Event):
    """Not even headers, as a node that waits for an algorithm's first word."""

    def reply(handler) -> None:
        until.wait(10)
        handler.close_connection = True

    return reply


def test_silence_is_no_failure(scripted_node, node, monkeypatch):
    """Asked again only after another look at the job."""
    monkeypatch.setattr(log_following, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(log_following, "PATIENCE_SECONDS", -1.0)
    ended = threading.Event()
    scripted_node.answer("GET", COMPUTE, running(), running(), over(len(FRAMES)))
    scripted_node.answer("GET", LIVE, silent(ended))
    scripted_node.answer("GET", RESULT, scripted_node.chunked(FRAMES))
    assert list(node.follow_logs(JOB, 0)) == LINES
    ended.set()
    assert scripted_node.paths().count(f"GET {LIVE}") == 2


def test_others_may_sign_while_an_algorithm_is_silent(scripted_node, node, signer, tmp_path):
    asked, ended = threading.Event(), threading.Event()

    def reply(handler) -> None:
        asked.set()
        silent(ended)(handler)

    scripted_node.answer("GET", COMPUTE, running(), over(0))
    scripted_node.answer("GET", LIVE, reply)
    scripted_node.answer("PUT", COMPUTE, (200, []))
    following = threading.Thread(target=lambda: list(node.follow_logs(JOB, 0)))
    following.start()
    assert asked.wait(10)
    with client.OceanNode(scripted_node.url, signer, state_folder=tmp_path) as other:
        other.stop(JOB.job_id)
    was_silent = not ended.is_set() and following.is_alive()
    ended.set()
    following.join()
    assert was_silent


def test_a_node_that_tells_the_status_but_not_the_log_is_not_given_up(scripted_node, node, monkeypatch):
    clock = itertools.count(0.0, log_following.PATIENCE_SECONDS)
    monkeypatch.setattr(log_following, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(log_following, "PATIENCE_SECONDS", log_following.PATIENCE_SECONDS * 2)
    scripted_node.answer("GET", COMPUTE, *[running()] * 5, over(len(FRAMES)))
    scripted_node.answer("GET", LIVE, (500, b"Internal Server Error"))
    scripted_node.answer("GET", RESULT, scripted_node.chunked(FRAMES))
    assert list(node.follow_logs(JOB, 0)) == LINES
    assert scripted_node.paths().count(f"GET {LIVE}") == 5


def test_another_refusal_than_not_running_is_told(scripted_node, node):
    scripted_node.answer("GET", COMPUTE, running())
    scripted_node.answer("GET", LIVE, (500, b"Invalid C2D Environment"))
    with pytest.raises(errors.RequestRejected, match="Invalid C2D Environment"):
        list(node.follow_logs(JOB, 0))


def test_a_log_that_begins_differently_is_said_once_and_goes_on():
    follower = Follower()
    assert [line.text for line in follower.feed([frame(1, b"aa\nbb\n")])] == ["aa", "bb"]
    again = [line.text for line in follower.feed([frame(1, b"xx\nbb\ncc\n")])]
    assert again == ["… stdout began differently than before: lines may be missing", "cc"]
    assert [line.text for line in follower.feed([frame(1, b"xx\nbb\ncc\ndd\n")])] == ["dd"]


class Cut(requests.ConnectionError):
    """The connection broke."""


def cut_off(data: bytes, size: int):
    yield from (data[at : at + size] for at in range(0, len(data), size))
    raise Cut


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.text(st.sampled_from("ab\nö"), max_size=12)), max_size=8),
    st.lists(st.integers(0, 150), max_size=5),
    st.integers(1, 30),
    st.integers(1, 7),
)
def test_however_often_it_is_cut_and_framed_anew_nothing_is_lost_or_doubled(texts, cuts, size, width):
    """Frames never come again as they were: each reply has frames of another width."""
    follower = Follower()
    lines: list[LogLine] = []
    for number, cut in enumerate([*cuts, None]):
        pieces = [
            (stream, text.encode()[at : at + width + number])
            for stream, text in texts
            for at in range(0, len(text.encode()), width + number)
        ]
        data = b"".join(frame(stream, piece) for stream, piece in pieces)
        with contextlib.suppress(Cut):
            lines.extend(follower.feed([data] if cut is None else cut_off(data[:cut], size)))
    lines.extend(follower.rest())
    for number, stream in ((1, "stdout"), (2, "stderr")):
        expected = "".join(text for from_, text in texts if from_ == number).split("\n")
        if expected[-1] == "":
            expected.pop()
        assert [line.text for line in lines if line.stream == stream] == expected


def test_memory_is_bounded():
    """Of what was given a length and a hash are kept, however long the log is."""
    block = frame(1, b"x" * 2000 + b"\n") * 30
    follower = Follower()
    tracemalloc.start()
    for _ in range(3):
        for _line in follower.feed(block for _ in range(50)):
            pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
