# SPDX-License-Identifier: Apache-2.0
"""File objects by URL: what `fileInfo` says, and datasets and algorithms fetched by the node."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.local_ocean_node.file_server import FileServer
from tests.local_ocean_node.running import (
    Consumer,
    consumer,
    fast,
    python_image,
    recordings,
    running_ocean_node,
    shape,
)

NOTHING = hashlib.sha256(b"").hexdigest()


def url(address: str, **fields: Any) -> dict[str, Any]:
    return {"type": "url", "url": address, "method": "GET", **fields}


def info(who: Consumer, file_object: dict[str, Any]) -> Any:
    return who.post("/api/services/fileInfo", file_object)


def test_file_info_of_a_url(alice: Consumer, file_server: str):
    recorded = recordings("encrypt-fileinfo")["fileinfo-url-headers"]["response"]

    reply = info(alice, url(f"{file_server}/private.txt", headers={"x-api-key": "local"}))

    assert (reply.status_code, "content-type" in reply.headers) == (200, False)
    assert shape(reply.json()) == shape(recorded["body"]["json"])
    assert reply.json() == [
        {
            "valid": True,
            "contentLength": "6",
            "contentType": "text/csv",
            "checksum": hashlib.sha256(b"secret").hexdigest(),
            "name": "private.txt",
            "type": "url",
        }
    ]


@pytest.mark.parametrize("path", ["/missing", "/private.txt"])
def test_file_info_calls_a_failing_url_valid_and_empty(alice: Consumer, file_server: str, path: str):
    (file,) = info(alice, url(f"{file_server}{path}")).json()

    assert (file["valid"], file["contentLength"], file["checksum"]) == (True, "0", NOTHING)


def test_file_info_of_a_dead_host(alice: Consumer):
    (file,) = info(alice, url("http://localhost:9/x")).json()

    assert (file["valid"], file["contentLength"], file["contentType"], file["name"]) == (True, "0", "", "x")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "Invalid request parameters"),
        (
            {"type": "carrier-pigeon"},
            400,
            "Invalid Request: type must be one of url, ipfs, arweave, s3, ftp, nodePersistentStorage",
        ),
        (
            {"type": "url", "url": "http://127.0.0.1:9/x", "method": "GET"},
            500,
            "Error validating the URL file: URL is marked as unsafe",
        ),
        (
            {"type": "url", "url": "file/path", "method": "GET"},
            500,
            "Error validating the URL file: URL looks like a file path",
        ),
        (
            {"type": "nodePersistentStorage", "bucketId": "x", "fileName": "y"},
            400,
            "Invalid Request: consumerAddress is required for nodePersistentStorage files",
        ),
    ],
)
def test_file_info_refuses(alice: Consumer, body: dict, status: int, words: str):
    reply = info(alice, body)

    assert (reply.status_code, reply.text) == (status, words)


@pytest.mark.parametrize("headers", [True, "x", ["a"], 5, {"a": 1}, {"a": None}, {"a b": "c"}, {"a": "é"}])
def test_headers_of_any_kind_are_taken(alice: Consumer, file_server: str, headers: Any):
    (file,) = info(alice, url(f"{file_server}/missing", headers=headers)).json()

    assert (file["valid"], file["contentLength"]) == (True, "0")


@pytest.mark.parametrize("address", ["http://localhost:99999/", "http://[::1"])
def test_what_is_no_url_is_said_to_be_none(alice: Consumer, address: str):
    reply = info(alice, url(address))

    assert (reply.status_code, reply.text) == (500, "Invalid URL")


@pytest.mark.parametrize(
    "address", ["http://10.0.0.1/x", "http://0xa9fea9fe/x", "http://[::ffff:192.168.0.1]/x"]
)
def test_a_url_into_somebody_s_network_is_not_fetched(alice: Consumer, address: str):
    reply = info(alice, url(address))

    assert reply.status_code == 500
    assert reply.text.startswith("Error validating the URL file: URL is marked as unsafe (")


def test_what_is_allowed_is_said_by_the_settings(tmp_path: Path, file_server: str):
    address = file_server.replace("localhost", "127.0.0.1") + "/n.txt"
    open_to_all = fast(tmp_path / "open", unsafe_urls=())
    shut = fast(tmp_path / "shut", unsafe_urls=(), allowed_targets=())

    with running_ocean_node(open_to_all) as node:
        assert info(consumer(node), url(address)).json()[0]["contentLength"] == "3"
    with running_ocean_node(shut) as node:
        assert "127.0.0.1 is this machine itself" in info(consumer(node), url(address)).text


def test_datasets_by_url_lie_flat_in_inputs_under_their_names(alice: Consumer, file_server: str):
    code = """
import os
os.remove('/data/inputs/algoCustomData.json')
print({name: open('/data/inputs/' + name).read() for name in sorted(os.listdir('/data/inputs'))})
"""
    datasets = [
        {"fileObject": url(f"{file_server}/n.txt?token=1")},
        {"fileObject": url(f"{file_server}/a b.txt")},
        {"fileObject": url(f"{file_server}/private.txt", headers={"x-api-key": "local"})},
        {"fileObject": url(f"{file_server}/moved.txt")},
        {},
    ]

    job_id, job = alice.run(code, datasets=datasets)

    assert job["terminationDetails"]["exitCode"] == 0, alice.log(job_id)
    assert alice.stdout(job_id) == (
        "{'a%20b.txt': 'blank', 'moved.txt': '42\\n', 'n.txt': '42\\n', 'private.txt': 'secret'}\n"
    )


def test_a_url_is_asked_twice_as_by_a_real_node(alice: Consumer, file_server: str):
    FileServer.asked.clear()

    alice.run("print(1)", datasets=[{"fileObject": url(f"{file_server}/n.txt")}])

    assert FileServer.asked == ["/n.txt", "/n.txt"]


def test_a_dataset_that_cannot_be_fetched_ends_the_job(alice: Consumer, file_server: str):
    recorded = recordings("jobs")["data-404-final"]["response"]["body"]["json"][0]

    job_id, job = alice.run("print(1)", datasets=[{"fileObject": url(f"{file_server}/missing")}])

    assert shape(job) == shape(recorded)
    assert (job["status"], job["statusText"]) == (31, "Data provisioning failed")
    assert [result["type"] for result in job["results"]] == [result["type"] for result in recorded["results"]]
    assert "Request failed with status code 404" in alice.result(job_id, "configurationLog").decode()


@pytest.mark.parametrize(
    ("file_object", "words"),
    [
        (url("http://127.0.0.1:9/x"), "Error validating the URL file: URL is marked as unsafe"),
        ("0x04abcd", "Empty file object"),
        ({"type": "s3"}, "Invalid storage type: s3"),
    ],
)
def test_a_dataset_that_is_not_read_ends_the_job(alice: Consumer, file_object: Any, words: str):
    job_id, job = alice.run("print(1)", datasets=[{"fileObject": file_object}])

    assert job["status"] == 31
    log = alice.result(job_id, "configurationLog").decode()
    assert f"Unable to get storage class for asset: {words}" in log


def test_an_algorithm_by_url(alice: Consumer, file_server: str):
    algorithm = {"fileObject": url(f"{file_server}/algo.py"), "meta": {"container": python_image()}}

    job_id, _ = alice.run("", algorithm=algorithm, datasets=[{"fileObject": url(f"{file_server}/n.txt")}])

    assert alice.stdout(job_id) == "fetched 42\n"


def test_an_algorithm_that_cannot_be_fetched_ends_the_job(alice: Consumer, file_server: str):
    algorithm = {"fileObject": url(f"{file_server}/missing"), "meta": {"container": python_image()}}

    job_id, job = alice.run("", algorithm=algorithm)

    assert (job["status"], job["statusText"]) == (32, "Algorithm provisioning failed")
    assert "Unable to write algorithm to path: ./c2d_storage/" in (
        alice.result(job_id, "configurationLog").decode()
    )
