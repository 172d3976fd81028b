# SPDX-License-Identifier: Apache-2.0
"""Which version a node is, what follows from it, and what is done about one that is not known."""

from __future__ import annotations

import json
import logging

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import client, routes, token_routes
from airflow_provider_deflow.ocean.routes import request_message
from airflow_provider_deflow.ocean.versions import NodeVersion
from airflow_provider_deflow.signing import recover_address
from tests.ocean.test_client import COMPUTE, JOB_ID, MISMATCH, job_reply

TOKEN = "/api/services/auth/token"
PEER = "16Uiu2HAmN211yBiE6dF5xu8GFXV1jqZQzK5MbzBuQDspfa6qNgXF"


@pytest.fixture
def announce(scripted_node, recorded):
    """Let the node announce a version."""

    def announce(version: str) -> None:
        reply = json.loads(recorded.body("node", "status-command"))
        scripted_node.answer("POST", "/directCommand", (200, {**reply, "version": version}))

    return announce


@pytest.fixture
def node(scripted_node, signer, tmp_path, quick):
    with client.OceanNode(scripted_node.url, signer, state_folder=tmp_path, timeout_seconds=5) as node:
        yield node


@pytest.mark.parametrize(
    ("text", "line", "is_known"),
    [
        ("3.2.0", 3, True),
        ("3.9.1", 3, True),
        ("4.0.0-next.2", 4, True),
        ("v4.1.0", 4, True),
        ("2.1.0", 3, False),
        ("5.0.0", 4, False),
        ("12.0.0", 4, False),
        ("nightly", 3, False),
    ],
)
def test_a_version_is_treated_as_the_nearest_known(text, line, is_known):
    version = NodeVersion(text, PEER, b"")
    assert version.line == line
    assert (version.remark == "") is is_known
    assert is_known or (text in version.remark and f"treated as {line}" in version.remark)


def test_it_is_asked_once_and_an_unknown_one_is_said(scripted_node, node, announce, caplog):
    announce("5.0.0")
    with caplog.at_level(logging.WARNING):
        assert [node.version(), node.version()] == ["5.0.0", "5.0.0"]
    assert len(scripted_node.asked) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"{scripted_node.url}: This Ocean Node is version 5.0.0, which DeFlow does not know: "
        "it is treated as 4. Replies that are not understood are likely because of that."
    ]


def signed_commands(scripted_node) -> list[str]:
    """Behind which command each request for a token was signed."""
    found = []
    for asked in scripted_node.asked:
        if asked["path"] == TOKEN:
            body = json.loads(asked["body"])
            for command in ("createAuthToken", f"createAuthToken{PEER}"):
                message = request_message(body["address"], body["nonce"], command)
                if recover_address(message, body["signature"]) == body["address"]:
                    found.append(command)
    return found


@pytest.mark.parametrize(
    ("version", "command"), [("3.2.0", "createAuthToken"), ("4.0.0", f"createAuthToken{PEER}")]
)
def test_a_token_is_asked_for_as_the_version_wants_it(scripted_node, node, announce, version, command):
    announce(version)
    scripted_node.answer("POST", TOKEN, (200, {"token": "eyJ.a.b"}))
    assert node.create_token(60) == "eyJ.a.b"
    assert signed_commands(scripted_node) == [command]


def test_a_release_on_the_way_to_4_that_announces_3_gets_its_signature(scripted_node, node, announce):
    announce("3.2.0")
    scripted_node.answer("POST", TOKEN, *[MISMATCH] * 4, (200, {"token": "eyJ.a.b"}))
    assert node.create_token(60) == "eyJ.a.b"
    assert signed_commands(scripted_node) == ["createAuthToken"] * 4 + [f"createAuthToken{PEER}"]


def test_a_token_that_both_ways_refuse_is_given_up(scripted_node, node, announce):
    announce("3.2.0")
    scripted_node.answer("POST", TOKEN, MISMATCH)
    with pytest.raises(errors.NonceRejected):
        node.create_token(60)
    assert len(signed_commands(scripted_node)) == 8


def test_a_token_for_ever_has_no_end():
    assert token_routes.create_token(None).body == {}


def test_what_a_job_uses_is_asked_of_nodes_that_measure(scripted_node, node, announce, signer):
    announce("3.2.0")
    assert node.metrics(JOB_ID) is None
    assert f"GET {COMPUTE}" not in scripted_node.paths()
    measuring = client.OceanNode(scripted_node.url, signer)
    announce("4.0.0")
    scripted_node.answer("GET", COMPUTE, (200, [job_reply(runtimeMetrics={"cpu": 12})]), (200, []))
    assert measuring.metrics(JOB_ID) == {"cpu": 12}
    asked = scripted_node.asked[-1]["query"]
    assert asked["includeMetrics"] == "true"
    message = request_message(asked["consumerAddress"], asked["nonce"], "getComputeStatus")
    assert recover_address(message, asked["signature"]) == signer.address
    assert measuring.metrics(JOB_ID) is None
    measuring.close()


def test_times_are_asked_by_in_whole_seconds_as_text():
    """3.2 compares texts, and later versions take numbers of seconds too."""
    address = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    assert routes.jobs([address], 1795294415.9).body["fromTimestamp"] == "1795294415"


def test_no_path_is_asked_for(scripted_node, node, announce):
    """From 4 on a node lists none."""
    announce("4.0.0")
    scripted_node.answer("GET", COMPUTE, (200, []))
    node.version()
    node.status(JOB_ID)
    assert scripted_node.paths() == ["POST /directCommand", f"GET {COMPUTE}"]
