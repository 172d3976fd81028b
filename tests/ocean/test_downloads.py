# SPDX-License-Identifier: Apache-2.0
"""Results whole in a file: proven by their size, fetched on where that is safe, and anew where not."""

from __future__ import annotations

import hashlib
import io
import json

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import client
from tests.ocean.test_client import COMPUTE, JOB, JOB_ID, RESULT, job_reply

DIRECT = "/directCommand"
BINARY = bytes(range(256)) * 1000
TEXT = ("größe, 数据\n" * 20_000).encode()


@pytest.fixture
def node(scripted_node, signer, tmp_path, quick):
    with client.OceanNode(
        scripted_node.url, signer, state_folder=tmp_path, timeout_seconds=5, requests_per_minute=6000
    ) as node:
        yield node


def as_a_node_sends_it(content: bytes) -> bytes:
    """By the command route everything goes out as text, in pieces of 64 KiB."""
    pieces = (content[at : at + 65536] for at in range(0, len(content), 65536))
    return b"".join(piece.decode("utf-8", "replace").encode() for piece in pieces)


def resumable(scripted_node, content: bytes, cut_after: list[int]):
    """A node that has `content` and breaks each of its first replies off; offsets are remembered."""
    offsets: list[int] = []
    cuts = list(cut_after)

    def answer(handler, begin: int, bytes_of_reply: bytes) -> None:
        offsets.append(begin)
        if cuts:
            scripted_node.chunked(bytes_of_reply[: cuts.pop(0)], end=False)(handler)
        else:
            scripted_node.chunked(bytes_of_reply)(handler)

    def usual(handler) -> None:
        answer(handler, 0, content)

    def by_command(handler) -> None:
        body = json.loads(scripted_node.asked[-1]["body"])
        assert body["command"] == "getComputeResult"
        assert (body["jobId"], body["index"]) == (JOB_ID, 1)
        assert {"consumerAddress", "nonce", "signature"} < set(body)
        answer(handler, body["offset"], as_a_node_sends_it(content[body["offset"] :]))

    scripted_node.answer("GET", COMPUTE, (200, [job_reply(len(content))]))
    scripted_node.answer("GET", RESULT, usual)
    scripted_node.answer("POST", DIRECT, by_command)
    return offsets


def fetched(node, content: bytes, result_type: str = "output") -> client.Download:
    file = io.BytesIO(b"kept")
    file.seek(4)
    download = node.download(JOB, result_type, file)
    assert file.getvalue() == b"kept" + content
    assert download == client.Download(len(content), hashlib.sha256(content).hexdigest())
    return download


@pytest.mark.parametrize("cut", [1, 4095, 4096, 4097, 100_000, len(TEXT) - 1])
def test_what_is_text_is_fetched_on_from_where_it_broke(scripted_node, node, cut):
    offsets = resumable(scripted_node, TEXT, [cut])
    fetched(node, TEXT)
    assert len(offsets) == 2
    assert max(0, cut - 4096) <= offsets[1] < cut


def test_cut_at_each_tenth_it_comes_whole(scripted_node, node):
    """Each break costs the rest only: more of them than attempts that bring nothing are allowed."""
    tenth = len(TEXT) // 10
    offsets = resumable(scripted_node, TEXT, [tenth] + [tenth + 4096] * 9)
    fetched(node, TEXT)
    assert len(offsets) == 10
    assert offsets == sorted(offsets)


def test_trap_7_bytes_that_the_command_route_would_spoil_are_fetched_anew(scripted_node, node):
    offsets = resumable(scripted_node, BINARY, [100_000])
    fetched(node, BINARY)
    assert offsets[0] == 0
    assert offsets[-1] == 0


def test_a_spoiled_end_is_noticed_too(scripted_node, node):
    """Three bytes of a letter of four become U+FFFD, which has three: the size does not tell."""
    content = TEXT + b"\xf0\x9f\x98" + b"a" * 10
    assert len(as_a_node_sends_it(content)) == len(content)
    offsets = resumable(scripted_node, content, [1000])
    fetched(node, content)
    assert offsets[-1] == 0


def test_a_spoiled_letter_that_a_cut_tears_apart_is_noticed_too(scripted_node, node):
    content = TEXT + b"\xf0\x9f\x98" + b"a" * 10
    seam = 4096
    torn = len(TEXT) - 2000 + seam
    offsets = resumable(scripted_node, content, [2000, torn + 1, torn + 2])
    fetched(node, content)
    assert offsets[-1] == 0


@pytest.mark.parametrize(
    "other",
    [
        lambda node: node.chunked(TEXT),
        lambda node: node.chunked(TEXT[:50_000]),
        lambda node: node.chunked(b"something else"),
        lambda node: (200, b""),
        lambda node: (400, b"Invalid or unrecognized command"),
        lambda node: (404, b"Cannot POST /directCommand"),
        lambda node: (500, b"Internal Server Error"),
        lambda node: (502, b"<html>Bad Gateway</html>"),
        lambda node: node.hang_up,
    ],
    ids=[
        "offset-ignored",
        "offset-ignored-and-short",
        "other-bytes",
        "nothing",
        "refused",
        "no-route",
        "speechless",
        "gateway",
        "no-answer",
    ],
)
def test_a_reply_that_does_not_join_is_not_taken(scripted_node, node, other):
    scripted_node.answer("GET", COMPUTE, (200, [job_reply(len(TEXT))]))
    scripted_node.answer(
        "GET", RESULT, scripted_node.chunked(TEXT[:100_001], end=False), scripted_node.chunked(TEXT)
    )
    scripted_node.answer("POST", DIRECT, other(scripted_node))
    fetched(node, TEXT)


@pytest.mark.parametrize("path", [COMPUTE, RESULT])
def test_a_node_that_starts_again_is_waited_for(scripted_node, node, path):
    """Longer than one request is repeated."""
    offsets = resumable(scripted_node, TEXT, [])
    there = {COMPUTE: (200, [job_reply(len(TEXT))]), RESULT: scripted_node.chunked(TEXT)}[path]
    scripted_node.answer("GET", path, *[scripted_node.hang_up, (502, b"")] * 5, there)
    fetched(node, TEXT)
    assert len(offsets) == (path == COMPUTE)


@pytest.mark.parametrize(
    ("answer", "error"),
    [((502, b""), errors.OceanNodeBusy), ("hang_up", errors.OceanNodeUnreachable)],
    ids=["busy", "unreachable"],
)
def test_a_node_that_stays_away_is_what_is_told(scripted_node, node, answer, error):
    scripted_node.answer("GET", COMPUTE, (200, [job_reply(len(TEXT))]))
    scripted_node.answer("GET", RESULT, scripted_node.hang_up if answer == "hang_up" else answer)
    with pytest.raises(error, match="job result on http"):
        node.download(JOB, "output", io.BytesIO())
    assert scripted_node.paths().count(f"GET {COMPUTE}") == 4


def test_a_log_is_not_resumed_but_fetched_anew(scripted_node, node):
    """A node heeds an offset for outputs only."""
    scripted_node.answer("GET", COMPUTE, (200, [job_reply()]))
    log = b"0123456789abcde"
    scripted_node.answer("GET", RESULT, scripted_node.chunked(log[:5], end=False), scripted_node.chunked(log))
    fetched(node, log, "algorithmLog")
    assert f"POST {DIRECT}" not in scripted_node.paths()


def test_a_result_that_changed_its_size_is_fetched_anew(scripted_node, node):
    scripted_node.answer("GET", COMPUTE, (200, [job_reply(len(TEXT))]), (200, [job_reply(10)]))
    scripted_node.answer(
        "GET", RESULT, scripted_node.chunked(TEXT[:1000], end=False), scripted_node.chunked(b"0123456789")
    )
    fetched(node, b"0123456789")


def test_a_cut_in_the_same_place_each_time_is_given_up(scripted_node, node):
    scripted_node.answer("GET", COMPUTE, (200, [job_reply(len(TEXT))]))
    scripted_node.answer("GET", RESULT, scripted_node.chunked(TEXT[:1000], end=False))
    scripted_node.answer("POST", DIRECT, (500, b"Unknown command"))
    with pytest.raises(errors.IncompleteDownload, match=f"came with 1000 of {len(TEXT)} bytes"):
        node.download(JOB, "output", io.BytesIO())
    assert scripted_node.paths().count(f"GET {RESULT}") == 4


DOWNLOAD = "/api/services/download"


def test_a_file_of_an_access_service_is_fetched_with_its_order(scripted_node, node, recorded):
    recording = recorded("download", "download-file-0")
    asked = recording["request"]["query"]
    scripted_node.answer("GET", DOWNLOAD, (200, recorded.body("download", "download-file-0")))
    file = io.BytesIO()
    download = node.download_asset(asked["documentId"], asked["serviceId"], 0, asked["transferTxId"], file)
    assert file.getvalue() == b"a,b\n1,2\n3,4\n"
    assert download.size == 12
    sent = scripted_node.asked[0]["query"]
    assert set(sent) == set(asked)
    for name in ("fileIndex", "documentId", "serviceId", "transferTxId"):
        assert sent[name] == asked[name]


def test_a_file_of_an_access_service_that_was_cut_is_fetched_anew(scripted_node, node):
    def short(handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "12")
        handler.end_headers()
        handler.wfile.write(b"a,b")
        handler.close_connection = True

    scripted_node.answer(
        "GET", DOWNLOAD, short, scripted_node.chunked(b"a", end=False), (200, b"a,b\n1,2\n3,4\n")
    )
    file = io.BytesIO()
    assert node.download_asset("did:op:1", "s", 0, "0x1", file).size == 12
    assert file.getvalue() == b"a,b\n1,2\n3,4\n"
    scripted_node.answer("GET", DOWNLOAD, short)
    with pytest.raises(errors.IncompleteDownload, match="broke off each time"):
        node.download_asset("did:op:1", "s", 0, "0x1", file)
