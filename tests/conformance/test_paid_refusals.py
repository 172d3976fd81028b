# SPDX-License-Identifier: Apache-2.0
"""Prices and paid starts, as far as they go without paying."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.conformance.session import API, Account, Record

TOKEN = "0x9999999999999999999999999999999999999999"
UNKNOWN_DID = "did:op:" + "0" * 64


def said(reply: requests.Response) -> tuple[int, str]:
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    return reply.status_code, reply.text


def request(who: Account, **fields: Any) -> Record:
    """Of initializeCompute; None leaves a field out."""
    made = {
        "environment": who.environment,
        "consumerAddress": who.address,
        "algorithm": {"meta": {"rawcode": "print(1)", "container": who.node.container()}},
        "datasets": [],
        "maxJobDuration": 60,
        "payment": {"chainId": 8996, "token": TOKEN, "resources": []},
        **fields,
    }
    return {name: value for name, value in made.items() if value is not None}


def initialize(who: Account, **fields: Any) -> requests.Response:
    return who.node.post(f"{API}/initializeCompute", request(who, **fields))


def paid_start(who: Account, **fields: Any) -> tuple[int, Any]:
    made = {
        **who.signed("startCompute"),
        **request(who),
        "payment": {"chainId": 8996, "token": TOKEN},
        **fields,
    }
    reply = who.node.post(
        f"{API}/compute", {name: value for name, value in made.items() if value is not None}
    )
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    return reply.status_code, reply.json()


@pytest.mark.parametrize("field", ["payment", "environment", "consumerAddress"])
def test_a_price_needs_its_fields(stranger: Account, field: str):
    assert said(initialize(stranger, **{field: None})) == (
        400,
        f'Missing one ( "{field}" ) or more required field(s) for command: "initializeCompute". '
        "Required fields: datasets,algorithm,payment,consumerAddress,environment",
    )


def test_a_price_is_refused(stranger: Account):
    file = {"fileObject": {"type": "url", "url": "http://localhost:9/n.txt", "method": "GET"}}

    assert said(initialize(stranger, algorithm=None)) == (400, "Missing algorithm")
    assert said(initialize(stranger, datasets=[file])) == (400, "Missing dataset did")
    assert said(initialize(stranger, consumerAddress="0x12")) == (
        400,
        'Parameter : "consumerAddress" is not a valid web3 address',
    )
    assert said(initialize(stranger, environment="0x00-0x11")) == (500, "Invalid C2D Environment")


def test_a_paid_start_needs_its_fields(stranger: Account):
    assert paid_start(stranger, maxJobDuration=None) == (
        400,
        'Missing one ( "maxJobDuration" ) or more required field(s) for command: "startCompute". '
        "Required fields: environment,algorithm,datasets,maxJobDuration",
    )
    assert paid_start(stranger, maxJobDuration=-1) == (400, "Invalid maxJobDuration")
    assert paid_start(stranger, payment=None) == (
        500,
        "Cannot read properties of null (reading 'chainId')",
    )


def test_a_paid_start_needs_a_signature(stranger: Account):
    status, words = paid_start(stranger, signature=None)

    assert (status, words[:22]) == (401, "Invalid authentication")


def test_a_payment_that_the_environment_does_not_take_is_refused(stranger: Account):
    assert paid_start(stranger) == (
        500,
        f"This compute env does not accept payments on chain: 8996 using token {TOKEN}",
    )
