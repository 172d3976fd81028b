# SPDX-License-Identifier: Apache-2.0
"""Which DDOs are valid, and the hash and signature that a publisher gets for one."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from airflow_provider_deflow.local_ocean_node.ddo_schema import conforms
from airflow_provider_deflow.signing import keccak, recover_address
from tests.local_ocean_node.running import Consumer, recordings, shape

ROUTE = "/api/aquarius/assets/ddo/validate"


def recorded_ddo(name: str = "validate-data-access") -> dict[str, Any]:
    return copy.deepcopy(recordings("ddo")[name]["request"]["body"]["json"]["ddo"])


def changed(path: str, value: Any) -> dict[str, Any]:
    """A valid DDO with one field replaced; `None` takes it away."""
    ddo = recorded_ddo()
    *way, last = path.split(".")
    target: Any = ddo
    for step in way:
        target = target[int(step)] if step.isdigit() else target[step]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return ddo


@pytest.mark.parametrize("name", ["validate-data-access", "validate-data-nobody", "validate-data-denied"])
def test_the_hash_is_the_real_one_and_the_signature_the_nodes(alice: Consumer, name: str):
    recorded = recordings("ddo")[name]["response"]

    reply = alice.post(ROUTE, {"ddo": recorded_ddo(name)})

    assert (reply.status_code, reply.headers["content-type"]) == (200, recorded["headers"]["content-type"])
    answer = reply.json()
    assert shape(answer) == shape(recorded["body"]["json"])
    assert answer["hash"] == recorded["body"]["json"]["hash"]
    signature = f"{answer['r']}{answer['s'][2:]}{answer['v']:02x}"
    assert recover_address(keccak(answer["hash"].encode()), signature) == answer["publicKey"]
    assert answer["publicKey"] == alice.get("/").json()["providerAddress"]


@pytest.mark.parametrize("name", ["validate-invalid", "validate-empty"])
def test_the_useless_words_for_an_invalid_one(alice: Consumer, name: str):
    exchange = recordings("ddo")[name]

    reply = alice.post(ROUTE, exchange["request"]["body"]["json"])

    assert (reply.status_code, reply.text) == (400, exchange["response"]["body"]["text"])


def test_who_signs_must_sign_well(alice: Consumer):
    signed = alice.signed("validateDDO")
    fields = {"publisherAddress": alice.address, "nonce": signed["nonce"], "signature": signed["signature"]}

    good = alice.post(ROUTE, {"ddo": recorded_ddo(), **fields})
    again = alice.post(ROUTE, {"ddo": recorded_ddo(), **fields})

    assert (good.status_code, again.status_code) == (200, 401)


@pytest.mark.parametrize(
    ("ddo", "status", "words"),
    [
        (changed("id", "nonsense"), 400, ' Missing or invalid required parameter "id'),
        (changed("version", None), 400, "Missing DDO version"),
        (changed("version", "3.0.0"), 500, "Unknown error: Unsupported DDO version: 3.0.0"),
        (changed("version", 4), 500, "Unknown error: e.startsWith is not a function"),
        (
            changed("nftAddress", "0x12"),
            500,
            'Unknown error: invalid address (argument="address", value="0x12", '
            "code=INVALID_ARGUMENT, version=6.16.0)",
        ),
        (changed("version", "4.2.0"), 500, "Unknown error: Unsupported schema version: 4.2.0"),
        (
            changed("chainId", None),
            500,
            "Unknown error: Cannot read properties of undefined (reading 'toString')",
        ),
    ],
)
def test_what_is_looked_at_before_the_schema(alice: Consumer, ddo: dict, status: int, words: str):
    reply = alice.post(ROUTE, {"ddo": ddo})

    assert (reply.status_code, reply.text) == (status, words)


@pytest.mark.parametrize("version", ["4.1.0", "4.3.0", "4.5.0", "4.7.0"])
def test_a_whole_ddo_conforms_to_every_version(version: str):
    assert conforms(changed("version", version))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata", None),
        ("metadata.name", None),
        ("metadata.description", 5),
        ("services", []),
        ("services.0.files", None),
        ("services.0.timeout", "60"),
        ("services.0.timeout", True),
        ("chainId", "8996"),
        ("credentials", {"allow": [{"type": "address"}]}),
        ("metadata.name", ["a", "b"]),
        ("services.0.name", "two\nlines"),
        ("metadata", "text"),
        ("metadata.algorithm", {"container": {"image": "python", "tag": "3"}}),
    ],
)
def test_faults_of_any_version(path: str, value: Any):
    assert not conforms(changed(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "two\nlines"),
        ("metadata.name", ""),
        ("metadata.tags", ["a", "b"]),
        ("credentials", "x"),
    ],
)
def test_what_is_no_fault_though_it_looks_like_one(path: str, value: Any):
    assert conforms(changed(path, value))


def test_later_versions_limit_lengths():
    ddo = changed("metadata.name", "abc")

    assert [conforms({**ddo, "version": version}) for version in ("4.1.0", "4.3.0", "4.5.0", "4.7.0")] == [
        True,
        True,
        False,
        False,
    ]
