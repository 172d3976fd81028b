# SPDX-License-Identifier: Apache-2.0
"""`output`: where outputs go instead of staying on the node, and every way of asking wrongly."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from tests.local_ocean_node.file_server import FileServer
from tests.local_ocean_node.running import Consumer, consumer, fast, recordings, running_ocean_node, shape

WRITES = "open('/data/outputs/answer.txt', 'w').write('42' * 100_000)"
KEY = bytes(range(32))


def to(url: str, **encryption: str) -> dict[str, Any]:
    storage = {"type": "url", "url": url, "method": "GET", "headers": {"x-key": "k"}}
    return {"remoteStorage": storage, **({"encryption": encryption} if encryption else {})}


def s3(**access: str) -> dict[str, Any]:
    return {"remoteStorage": {"type": "s3", "s3Access": access}}


S3_ACCESS = {
    "bucket": "b",
    "objectKey": "k",
    "endpoint": "http://localhost:9",
    "accessKeyId": "i",
    "secretAccessKey": "s",
}


def test_outputs_are_put_to_a_url_under_their_name_and_not_kept(alice: Consumer, file_server: str):
    recorded = recordings("jobs")["output-url-plain-final"]["response"]["body"]["json"][0]

    _, job = alice.run(WRITES, output=alice.encrypted(to(f"{file_server}/up/")))

    assert shape(job) == shape(recorded)
    assert [one["type"] for one in job["results"]] == [one["type"] for one in recorded["results"]]
    assert (job["status"], job["terminationDetails"]["exitCode"]) == (71, 0)
    cluster = job["environment"].split("-")[0]
    name = f"outputs-{cluster}-{job['jobId']}.tar"
    headers, content = FileServer.taken[f"/up/{name}"]
    assert headers["transfer-encoding"] == "chunked"
    assert headers["x-key"] == "k"
    assert headers["content-disposition"] == f'attachment; filename="{name}"'
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert archive.getnames() == ["outputs", "outputs/answer.txt"]


def test_a_url_without_a_slash_at_its_end_is_the_whole_name(alice: Consumer, file_server: str):
    alice.run(WRITES, output=alice.encrypted(to(f"{file_server}/up/mine.tar?once=1")))

    assert "/up/mine.tar?once=1" in FileServer.taken


def test_outputs_are_encrypted_on_the_way(alice: Consumer, file_server: str):
    output = to(f"{file_server}/up/secret", encryptMethod="AES", key=KEY.hex() + "ffff")

    alice.run(WRITES, output=alice.encrypted(output))

    iv = bytes(alice.get("/").json()["nodePublicKey"].values())[:16]
    decryptor = Cipher(algorithms.AES256(KEY), modes.CBC(iv)).decryptor()
    unpadder = PKCS7(128).unpadder()
    padded = decryptor.update(FileServer.taken["/up/secret"][1])
    content = unpadder.update(padded) + unpadder.finalize()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert archive.getmember("outputs/answer.txt").size == 200_000


@pytest.mark.parametrize("path", ["reject/x", "up/x"])
def test_trap_2_an_upload_that_fails_loses_the_outputs_of_a_success(
    file_server: str, tmp_path: Path, path: str
):
    server = file_server if path.startswith("reject") else "http://localhost:9"
    # Well after the job has failed: until then it is at 62.
    with running_ocean_node(fast(tmp_path, claim_interval_seconds=3)) as url:
        who = consumer(url)
        job_id = who.start(WRITES, output=who.encrypted(to(f"{server}/{path}")))

        seen = [who.wait_for(job_id, 62)]
        while seen[-1]["status"] != 70:
            seen.append(who.status(job_id))

    for job in (seen[0], seen[-1]):
        assert [one["type"] for one in job["results"]] == ["imageLog", "configurationLog", "algorithmLog"]
        assert job["terminationDetails"] == {"exitCode": 0, "OOMKilled": False}
    assert seen[0]["statusText"] == "Failed to upload results to storage"
    assert list(tmp_path.glob("c2d_storage/**/*.tar")) == []


def test_where_outputs_go_is_for_the_node_to_read_but_listed_for_everybody(alice: Consumer, file_server: str):
    output = alice.encrypted(to(f"{file_server}/up/"))

    _, job = alice.run("print(1)", output=output)

    (listed,) = (one for one in alice.direct("jobs").json() if one["jobId"] == job["jobId"])
    assert listed["output"] == output
    assert "output" not in job


def test_an_empty_object_is_an_output_that_was_not_encrypted(alice: Consumer):
    recorded = recordings("free-start")["output-not-encrypted"]["response"]

    reply = alice.ask_for(output={})

    assert (reply.status_code, reply.json()) == (400, recorded["body"]["json"])


@pytest.mark.parametrize("recording", ["output-0x", "output-garbage", "output-not-encrypted"])
def test_what_was_not_encrypted_for_the_node_is_refused(alice: Consumer, recording: str):
    recorded = recordings("free-start")[recording]

    reply = alice.ask_for(output=recorded["request"]["body"]["json"]["output"])

    assert (reply.status_code, reply.json()) == (400, recorded["response"]["body"]["json"])


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ({}, "Invalid output: Empty file object"),
        (
            {"remoteStorage": {"type": "carrier-pigeon"}},
            "Invalid output: Invalid storage type: carrier-pigeon",
        ),
        (
            s3(**{**S3_ACCESS, "objectKey": " "}),
            "Invalid output: Error validating the S3 file: Missing objectKey",
        ),
        (s3(**S3_ACCESS), "Invalid output: this local Ocean Node uploads outputs to URLs only"),
        ({"remoteStorage": {"type": "ipfs", "hash": "Qm"}}, "Storage class has no support for upload"),
        (
            {"remoteStorage": {"type": "url", "url": "http://localhost:9/", "method": "PUT"}},
            "Invalid output: Error validating the URL file: Invalid method for URL",
        ),
        (
            to("http://127.0.0.1:9/"),
            "Invalid output: Error validating the URL file: URL is marked as unsafe",
        ),
        (to("http://localhost:9/", encryptMethod="AES"), "Encryption required, but no key"),
        (to("http://localhost:9/", encryptMethod="DES", key=KEY.hex()), "Only AES encryption is supported"),
        (
            to("http://localhost:9/", encryptMethod="AES", key="ab"),
            "AES key must be at least 32 bytes (64 hex chars), got 1 bytes",
        ),
        ({"remoteStorage": {"type": "ipfs"}}, "Invalid output: Error validating the IPFS file: Missing CID"),
        (
            {"remoteStorage": {"type": "ftp"}},
            "Invalid output: Error validating the FTP file: FTP URL is missing",
        ),
        ({"remoteStorage": {"type": 5}}, "Invalid output: type?.toLowerCase is not a function"),
        (
            {"remoteStorage": {"type": "url", "url": 5, "method": "GET"}},
            "Invalid output: url.startsWith is not a function",
        ),
        ({**to("http://localhost:9/"), "encryption": {}}, "Encryption required, but no key"),
        ("no JSON", "Invalid output: Unexpected token 'o', \"no JSON\" is not valid JSON"),
        (" ", "Invalid output: Unexpected end of JSON input"),
        (
            '{"remoteStorage"',
            "Invalid output: Expected ':' after property name in JSON at position 16",
        ),
        ("null", "Invalid output: Cannot read properties of null (reading 'remoteStorage')"),
    ],
)
def test_an_output_that_could_not_be_uploaded_is_refused(alice: Consumer, output: Any, words: str):
    reply = alice.ask_for(output=alice.encrypted(output))

    assert (reply.status_code, reply.json()) == (400, words)
