# SPDX-License-Identifier: Apache-2.0
"""Results that are uploaded to a storage of the consumer's, named in an encrypted field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.conformance import archives
from tests.conformance.files import Files
from tests.conformance.session import Account, Record
from tests.conformance.test_files import encrypted_bytes


def output(who: Account, **content: Any) -> str:
    """The `output` of a start: encrypted for the node, without 0x."""
    return encrypted_bytes(who, json.dumps(content).encode()).hex()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"remoteStorage": {"type": "carrier-pigeon"}}, "Invalid storage type: carrier-pigeon"),
        ({}, "Empty file object"),
        (
            {"remoteStorage": {"type": "s3", "s3Access": {"endpoint": "http://localhost:9", "bucket": "b"}}},
            "Error validating the S3 file: Missing objectKey",
        ),
        (
            {"remoteStorage": {"type": "url", "url": "http://localhost:9/x", "method": "PUT"}},
            "Error validating the URL file: Invalid method for URL",
        ),
    ],
)
def test_an_output_that_leads_nowhere_is_refused(stranger: Account, content: Record, words: str):
    reply = stranger.ask_for(output=output(stranger, **content))

    assert (reply.status_code, reply.json()) == (400, f"Invalid output: {words}")


def test_an_output_that_is_not_encrypted_is_refused(stranger: Account):
    with_prefix = "0x" + output(stranger, remoteStorage={})

    for text in (with_prefix, "garbage"):
        reply = stranger.ask_for(output=text)
        assert (reply.status_code, reply.json()) == (400, "Invalid output: second arg must be public key")


def test_results_are_uploaded_encrypted(alice: Account, files: Files):
    key = "5a" * 32
    target = {"type": "url", "url": f"{files.url}/up/", "method": "POST"}
    sealed = output(alice, remoteStorage=target, encryption={"encryptMethod": "AES", "key": key})

    run = alice.run("open('/data/outputs/o.txt', 'w').write('o')", output=sealed)

    assert (run.final["status"], run.exit_code) == (71, 0)
    assert "output" not in [result["type"] for result in run.final["results"]]
    uploaded = files.uploaded[f"/up/outputs-{run.job_id}.tar"]
    node_key = bytes.fromhex(alice.node.direct("status").json()["publicKey"])
    opened = Cipher(algorithms.AES(bytes.fromhex(key)), modes.CBC(node_key[:16])).decryptor()
    padded = opened.update(uploaded) + opened.finalize()
    assert archives.contents(padded[: -padded[-1]]) == {"outputs/o.txt": b"o"}


def test_results_that_cannot_be_uploaded_are_lost_at_62(alice: Account, files: Files):
    target = {"type": "url", "url": f"{files.url}/reject/o.tar", "method": "POST"}

    run = alice.run("print(1)", output=output(alice, remoteStorage=target))

    assert (run.final["status"], run.final["statusText"]) == (62, "Failed to upload results to storage")
    assert "output" not in [result["type"] for result in run.final["results"]]
