# SPDX-License-Identifier: Apache-2.0
"""Values that no honest client sends, where the node once broke instead of answering."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import requests

from airflow_provider_deflow.local_ocean_node.javascript import as_number
from tests.local_ocean_node.running import Consumer, consumer

MARK = "open('/data/outputs/x', 'w').write('x')"


def test_numbers_beyond_a_double_are_infinite():
    assert as_number(10**400) == math.inf
    assert as_number(-(10**400)) == -math.inf


def test_no_chain_has_an_infinite_id(alice: Consumer):
    task = {"command": "decryptDDO", "decrypterAddress": alice.address, "nonce": "1", "signature": "0x"}
    body = json.dumps({**task, "chainId": 8996}).replace("8996", "1e999")

    headers = {"content-type": "application/json"}
    reply = requests.post(f"{alice.url}/directCommand", body, headers=headers)

    assert (reply.status_code, reply.text) == (400, "Decrypt DDO: Unsupported chain id")


@pytest.fixture(scope="module")
def output(node_url: str) -> tuple[Consumer, str, int]:
    alice = consumer(node_url, 1)
    job_id, job = alice.run(MARK)
    (index,) = (one["index"] for one in job["results"] if one["type"] == "output")
    return alice, job_id, index


def result_from(output: tuple[Consumer, str, int], offset: Any) -> requests.Response:
    alice, job_id, index = output
    signed = alice.signed("getComputeResult")
    return alice.direct("getComputeResult", jobId=job_id, index=index, offset=offset, **signed)


@pytest.mark.parametrize("offset", ["abc", -5, [], {}])
def test_an_offset_that_is_not_above_nothing_is_none(output: tuple[Consumer, str, int], offset: Any):
    whole = result_from(output, None)

    found = result_from(output, offset)

    assert (found.status_code, found.content) == (200, whole.content)
    assert whole.content


@pytest.mark.parametrize("offset", [0.5, 10**30, "7"])
def test_an_offset_that_no_file_has_is_refused(output: tuple[Consumer, str, int], offset: Any):
    found = result_from(output, offset)

    assert found.status_code == 500
    assert '"start"' in found.text


@pytest.mark.parametrize("files", [5, ["type"], "type"])
def test_what_is_no_file_object_is_not_encrypted(alice: Consumer, files: Any):
    reply = alice.direct("encryptFile", files=files, **alice.signed("encryptFile"))

    assert (reply.status_code, reply.text) == (500, "Unknown error: Invalid storage type: undefined")
