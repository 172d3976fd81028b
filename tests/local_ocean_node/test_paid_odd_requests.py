# SPDX-License-Identifier: Apache-2.0
"""Requests of the wrong types: each answer here was had from a real Ocean Node 3.2.0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import services
from tests.local_ocean_node.paying import MAIN, Payer, paid, running_paid_node
from tests.local_ocean_node.running import python_image

pytestmark = pytest.mark.chain

NO_FUNDS = (400, "User {payer} does not have enough funds")
NO_NUMBER = 'invalid FixedNumber string value (argument="value", value="NaN", code=INVALID_ARGUMENT, '
NOT_TAKEN = "This compute env does not accept payments on chain: undefined using token undefined"
NO_CHECKSUMS = "Failed to retrieve algorithm checksums. Both container and files checksums are required."
NO_ITERABLE = "resources is not iterable"
# What `minLockSeconds` is, where a quote is given.
QUOTED = 200

ODD = {
    "text for a duration": ({"maxJobDuration": "long"}, (400, NO_NUMBER), (500, NO_NUMBER)),
    "a broken duration": ({"maxJobDuration": 60.5}, NO_FUNDS, (QUOTED, 3660.5)),
    "a list for a duration": ({"maxJobDuration": [60]}, NO_FUNDS, (QUOTED, "6003600")),
    "no duration": (
        {"maxJobDuration": 0},
        (400, 'Missing one ( "maxJobDuration" ) or more required field(s)'),
        (QUOTED, 7200),
    ),
    "a text of no duration": (
        {"maxJobDuration": "0"},
        (400, "Invalid maxJobDuration"),
        (400, "Invalid maxJobDuration"),
    ),
    "text for resources": ({"resources": "x"}, NO_FUNDS, (QUOTED, 3660)),
    "an object for resources": ({"resources": {}}, (400, NO_ITERABLE), (500, f"TypeError: {NO_ITERABLE}")),
    "null for a resource": (
        {"resources": [None]},
        (400, "Cannot read properties of null (reading 'id')"),
        (500, "TypeError: Cannot read properties of null (reading 'id')"),
    ),
    "an amount as text": (
        {"resources": [{"id": "cpu", "amount": "9"}]},
        (400, "Not enough cpu resources. Requested 9, but max is 2"),
        (500, "Error: Not enough cpu resources. Requested 9, but max is 2"),
    ),
    "text for a payment": ({"payment": "x"}, (500, NOT_TAKEN), (400, "Invalid payment options")),
    "an empty payment": ({"payment": {}}, (500, NOT_TAKEN), (400, "Invalid payment options")),
    "text for an algorithm": ({"algorithm": "x"}, (500, NO_CHECKSUMS), (500, NO_CHECKSUMS)),
    "text for datasets": (
        {"datasets": "x"},
        (500, "Cannot use 'in' operator to search for 'documentId' in x"),
        (400, "Missing dataset did"),
    ),
    "an object for datasets": (
        {"datasets": {}},
        (500, "task.datasets is not iterable"),
        (500, "Internal Server Error"),
    ),
    "null for a dataset": (
        {"datasets": [None]},
        (500, "Cannot read properties of null (reading 'fileObject')"),
        (500, "Internal Server Error"),
    ),
    "a number for an environment": (
        {"environment": 5},
        (500, "task.environment.indexOf is not a function"),
        (500, "Invalid C2D Environment"),
    ),
    "a wait below zero": ({"queueMaxWaitTime": -5}, NO_FUNDS, (QUOTED, 3655)),
    "text for a wait": ({"queueMaxWaitTime": "abc"}, NO_FUNDS, (QUOTED, "60abc3600")),
}


@pytest.fixture(scope="module")
def poor(chain: services.Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Payer]:
    with running_paid_node(chain, paid(chain, tmp_path_factory.mktemp("node"))) as url:
        yield Payer.at(url, chain, 8)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_start_is_answered_as_by_a_real_node(poor: Payer, name: str):
    fields, (status, words), _ = ODD[name]

    reply = poor.ask_to_pay(**fields)

    assert (reply.status_code, reply.json()[: len(words.format(payer=poor.address))]) == (
        status,
        words.format(payer=poor.address),
    )


@pytest.mark.parametrize("name", ODD)
def test_an_odd_quote_is_answered_as_by_a_real_node(poor: Payer, name: str):
    fields, _, (status, expected) = ODD[name]

    reply = poor.post("/api/services/initializeCompute", quote_request(poor, fields))

    assert reply.status_code == status
    if status == QUOTED:
        assert reply.json()["payment"]["minLockSeconds"] == expected
    else:
        assert reply.text.startswith(expected)


def test_a_chain_id_as_text_finds_the_fees_but_no_contract(poor: Payer):
    payment = {"chainId": str(poor.chain.chain_id), "token": poor.chain.fee_token}

    start = poor.ask_to_pay(payment=payment)
    quote = poor.post("/api/services/initializeCompute", quote_request(poor, {"payment": payment}))

    assert (start.status_code, start.json()) == (400, "Failed to initialize escrow contract")
    assert (quote.status_code, quote.text) == (500, "Cannot handle payments on chainId: 8996")


def quote_request(payer: Payer, fields: dict[str, Any]) -> dict[str, Any]:
    """Resources are part of the payment here."""
    request = {
        "environment": payer.environments()[MAIN]["id"],
        "consumerAddress": payer.address,
        "algorithm": {"meta": {"rawcode": "print(1)", "container": python_image()}},
        "datasets": [],
        "maxJobDuration": 60,
        "payment": {"chainId": payer.chain.chain_id, "token": payer.chain.fee_token},
        **fields,
    }
    if "resources" in request:
        request["payment"] = {**request["payment"], "resources": request.pop("resources")}
    return request
