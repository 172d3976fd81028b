# SPDX-License-Identifier: Apache-2.0
"""The recorded transactions of Ocean's contracts, decoded by the ABIs of the installed `ocean-contracts`.

The recorded chain had the contracts of release 2.6, which live chains have too; where the installed
release says something else of the same name, the older form is written out here: an event or argument
that was renamed or moved fails here, not on a chain.
"""

from __future__ import annotations

import importlib.resources
import json
from functools import cache
from typing import Any

import pytest
from eth_utils import event_abi_to_log_topic
from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract

from tests.wire_replay.recordings import NOT_HTTP, read

TRANSACTIONS = [one for one in read(NOT_HTTP) if "receipt" in one]
VIEWS = [one for one in read(NOT_HTTP) if "view" in one]
CONTRACTS = ("ERC721Factory", "ERC721Template", "ERC20Template", "Escrow")
# The host in the decoded form was renamed, to a name of the same length; the one in the bytes was not.
HOSTS = {"http://127.0.0.1:8001": "http://node.test:8001"}


def _of(type_: str, name: str, *inputs: str) -> dict[str, Any]:
    """A line of an ABI; an input is "type name", or "type name indexed"."""
    parts = [text.split() for text in inputs]
    indexed = {"indexed": False} if type_ == "event" else {}
    return {
        "type": type_,
        "name": name,
        "stateMutability": "nonpayable",
        "inputs": [
            {"type": kind, "name": called, **indexed, **({"indexed": True} if rest else {})}
            for kind, called, *rest in parts
        ],
        **({"anonymous": False} if type_ == "event" else {"outputs": []}),
    }


CLAIMED_ONE = ("uint256 jobId", "address token", "address payer", "uint256 amount", "bytes proof")
CLAIMED_MANY = ("uint256[] jobId", "address[] token", "address[] payer", "uint256[] amount", "bytes[] proof")
OLDER = {
    "Escrow": [
        _of(
            "event",
            "Auth",
            "address payer indexed",
            "address payee indexed",
            "uint256 maxLockedAmount",
            "uint256 maxLockSeconds",
            "uint256 maxLockCounts",
        ),
        _of("function", "claimLock", *CLAIMED_ONE),
        _of("function", "claimLocksAndWithdraw", *CLAIMED_MANY),
    ]
}


def name_of(one: dict[str, Any]) -> str:
    return str(one["name"])


@cache
def releases(name: str) -> list[Contract]:
    """The contract as installed, and in its older form."""
    abi = json.loads(importlib.resources.files("artifacts").joinpath(f"{name}.json").read_text())["abi"]
    return [Web3().eth.contract(abi=one) for one in (abi, OLDER.get(name)) if one]


def plain(value: Any) -> Any:
    """As the recordings write values down: integers as decimal text, bytes as hex."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return HOSTS.get(value, value)


def rows(value: Any) -> Any:
    """Without the names that an ABI gives the parts of a tuple."""
    if isinstance(value, dict):
        return [rows(item) for item in value.values()]
    return [rows(item) for item in value] if isinstance(value, (list, tuple)) else value


def test_all_that_is_recorded_of_the_chain_is_one_or_the_other():
    assert len(TRANSACTIONS) + len(VIEWS) == len(read(NOT_HTTP)) == 32


@pytest.mark.parametrize("one", TRANSACTIONS, ids=name_of)
def test_every_event_of_a_receipt_is_decoded(one: dict[str, Any]):
    for log in one["receipt"]["logs"]:
        (event,) = (
            event
            for release in releases(log["contract"])
            for event in release.events
            if HexBytes(event_abi_to_log_topic(event.abi)) == HexBytes(log["topics"][0])
        )

        decoded = event().process_log(
            {
                "address": log["address"],
                "topics": [HexBytes(topic) for topic in log["topics"]],
                "data": HexBytes(log["data"]),
                "logIndex": log["logIndex"],
                "transactionIndex": 0,
                "transactionHash": HexBytes(one["transaction"]["hash"]),
                "blockHash": HexBytes(bytes(32)),
                "blockNumber": one["receipt"]["blockNumber"],
            }
        )

        assert decoded["event"] == log["event"]
        assert plain(dict(decoded["args"])) == log["args"]


# Sent by the Ocean Node, so that their calls were not written down.
SENT_BY_THE_NODE = {
    "lock-paid-raw": "createLock",
    "lock-paid-did": "createLock",
    "lock-paid-reuse": "createLock",
    "claim-paid-raw-paid-did-paid-reuse-paid-exit1": "claimLocksAndWithdraw",
}


@pytest.mark.parametrize("one", TRANSACTIONS, ids=name_of)
def test_every_call_is_decoded(one: dict[str, Any]):
    calls = decoded_calls(one["transaction"]["input"])

    assert calls
    for function, arguments in calls:
        if one["call"] is None:
            assert function == SENT_BY_THE_NODE[one["name"]]
        else:
            assert (function, arguments) == (one["call"]["function"], one["call"]["args"])


def decoded_calls(data: str) -> list[tuple[str, Any]]:
    """By each contract that has the function."""
    found = []
    for contract in (release for name in CONTRACTS for release in releases(name)):
        try:
            function, arguments = contract.decode_function_input(data)
        except ValueError:
            continue
        found.append((function.abi["name"], rows(plain(arguments))))
    return found


@pytest.mark.parametrize("one", VIEWS, ids=name_of)
def test_what_the_escrow_tells_has_the_form_that_its_abi_says(one: dict[str, Any]):
    escrow, *_ = releases("Escrow")
    for name, told in one["view"]["results"].items():
        (output,) = escrow.get_function_by_name(name).abi["outputs"]
        for row in told if output["type"] == "tuple[]" else [told]:
            # Later releases add to a lock when it began, at the end.
            for value, component in zip(row, output["components"][: len(row)], strict=True):
                assert value.isdecimal() if component["type"] == "uint256" else Web3.is_address(value)
