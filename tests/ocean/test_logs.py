# SPDX-License-Identifier: Apache-2.0
"""Docker's frames taken apart, however the network cuts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_deflow.ocean.logs import LogLine, last_lines, lines_of


def frame(stream: int, text: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(text).to_bytes(4, "big") + text


def test_a_recorded_live_log_has_its_lines_and_streams(recorded):
    body = recorded.body("live-logs", "logs-follow")
    frames = recorded("live-logs", "logs-follow")["response"]["body"]["frames"]
    assert list(lines_of([body])) == [
        LogLine("stdout" if stream == 1 else "stderr", text.removesuffix("\n")) for stream, text in frames
    ]


@pytest.mark.parametrize(
    "name",
    [
        "exit3-result-algorithmLog",
        "live-result-algorithmLog",
        "build-result-algorithmLog",
        "algo-file-result-algorithmLog",
    ],
)
def test_cut_anywhere_a_log_has_the_same_lines(recorded, name):
    body = recorded.body("jobs", name)
    whole = list(lines_of([body]))
    assert whole
    for size in (1, 2, 3, 7, 8, 9):
        assert list(lines_of(body[at : at + size] for at in range(0, len(body), size))) == whole


def test_the_log_of_a_container_that_could_not_start_is_plain_text(recorded):
    lines = list(lines_of([recorded.body("jobs", "no-start-result-algorithmLog")]))
    assert lines[0].stream == "stdout"
    assert lines[0].text.startswith("(HTTP code 400) unexpected - failed to create shim task")


def test_a_line_and_a_letter_may_span_frames():
    data = frame(1, "grö".encode()[:3]) + frame(2, b"warn\n") + frame(1, "ö".encode()[1:] + b"\xc3\x9fe\n")
    assert list(lines_of([data])) == [LogLine("stderr", "warn"), LogLine("stdout", "größe")]


def test_a_line_is_told_as_soon_as_it_is_whole():
    told = lines_of(iter([frame(1, b"first\nsec"), frame(1, b"ond\n")]))
    assert next(told) == LogLine("stdout", "first")


def test_what_has_no_newline_at_its_end_is_a_line():
    assert list(lines_of([frame(1, b"a\nb"), frame(2, b"c")])) == [
        LogLine("stdout", "a"),
        LogLine("stdout", "b"),
        LogLine("stderr", "c"),
    ]


def test_empty_lines_stay_and_carriage_returns_go():
    assert [line.text for line in lines_of([frame(1, b"a\r\n\n\xffb\n")])] == ["a", "", "�b"]


def test_a_cut_frame_gives_what_came():
    assert list(lines_of([frame(1, b"whole\ncut off")[:-4]])) == [
        LogLine("stdout", "whole"),
        LogLine("stdout", "cut"),
    ]
    assert list(lines_of([frame(1, b"x\n") + b"\x01\x00\x00"])) == [LogLine("stdout", "x")]


def test_a_line_without_end_is_cut_so_that_memory_is_bounded():
    lines = list(lines_of([frame(1, b"x" * 200_000)]))
    assert [len(line.text) for line in lines] == [65536, 65536, 65536, 3392]


def test_nothing_gives_nothing():
    assert list(lines_of([])) == []
    assert list(lines_of([b""])) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2]),
            st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=30),
        ),
        max_size=8,
    ),
    st.integers(1, 40),
)
def test_each_stream_keeps_its_text(frames, cut):
    data = b"".join(frame(stream, text.encode()) for stream, text in frames)
    lines = list(lines_of(data[at : at + cut] for at in range(0, len(data), cut)))
    for number, stream in ((1, "stdout"), (2, "stderr")):
        whole = "".join(text for from_, text in frames if from_ == number)
        expected = whole.split("\n")
        if expected[-1] == "":
            expected.pop()
        assert [line.text for line in lines if line.stream == stream] == expected


def test_of_a_long_log_the_end_is_kept():
    lines = (LogLine("stdout", f"{number:04}") for number in range(1000))
    kept = last_lines(lines, 15)
    assert [line.text for line in kept] == ["… 997 earlier lines are left out", "0997", "0998", "0999"]
    assert last_lines(iter([LogLine("stdout", "x" * 50)]), 15) == [LogLine("stdout", "x" * 50)]
