# SPDX-License-Identifier: Apache-2.0
"""Anybody can have a contract say anything; the node reads on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from web3 import Web3

from airflow_provider_deflow.chain import events
from airflow_provider_deflow.chain.events import events_in
from airflow_provider_deflow.local_ocean_node.asset_reading import _was_read
from airflow_provider_deflow.local_ocean_node.settings import ChainSettings
from tests.local_ocean_node.publishing import Publisher
from tests.local_ocean_node.running import fast, running_ocean_node
from tests.services import Chain

pytestmark = pytest.mark.chain

FILE = {"type": "url", "url": "http://localhost:9/data.csv", "method": "GET"}
EXAMPLES: dict[str, Any] = {"string": "text", "address": "0x" + "11" * 20, "bytes": b"", "bytes32": bytes(32)}
# The first instruction that no gas is enough for.
INVALID = b"\xfe"


@pytest.fixture
def publisher(chain: Chain, tmp_path: Path) -> Iterator[Publisher]:
    """At a node that begins to read the chain now, and knows of no escrow there."""
    networks = json.loads(chain.address_file.read_text())
    head = chain.web3.eth.block_number
    for network in networks.values():
        network["startBlock"] = head
        del network["Escrow"]
    file = tmp_path / "address.json"
    file.write_text(json.dumps(networks))
    served = ChainSettings(chain.chain_id, chain.rpc_url, file)
    with running_ocean_node(fast(tmp_path / "node", chains=(served,))) as url:
        yield Publisher(chain, url)


@pytest.mark.parametrize(
    ("name", "code"), [("OrderStarted", b""), ("OrderStarted", INVALID), ("Deposit", b"")]
)
def test_what_a_stranger_says_stops_no_reading(chain: Chain, publisher: Publisher, name: str, code: bytes):
    say(chain, name, code=code)

    assert publisher.publish(FILE)


def test_text_that_is_no_utf_8_stops_no_reading(chain: Chain, publisher: Publisher):
    receipt = say(chain, "MetadataCreated", damage=(b"text", b"\xff\xfe\xff\xfe"))

    assert events_in(chain.web3, receipt, "MetadataCreated") == []
    assert publisher.publish(FILE)


@pytest.mark.parametrize(
    ("name", "transaction", "block", "is_old"),
    [
        ("MetadataCreated", "0x02", 5, True),
        ("MetadataUpdated", "0x02", 5, True),
        ("MetadataCreated", "0x01", 5, True),
        ("MetadataUpdated", "0x03", 5, False),
        ("MetadataCreated", "0x03", 6, False),
    ],
)
def test_an_event_that_comes_by_again_is_no_news(name: str, transaction: str, block: int, is_old: bool):
    known = {"indexedMetadata": {"nft": {"state": 0}, "event": {"txid": "0x02", "block": 5}}}

    assert _was_read(events.Event(name, "0x", {}, block, transaction, 0), known) is is_old


def say(chain: Chain, name: str, *, code: bytes = b"", damage: tuple[bytes, bytes] = (b"", b"")) -> Any:
    """Have a new contract say `name` as it is made; `code` is the one byte that stays of it."""
    ((topic, form),) = list(events._forms([name]).items())[:1]
    kinds = [field["type"] for field in form["inputs"] if not field["indexed"]]
    data = encode(kinds, [EXAMPLES.get(kind, 1) for kind in kinds]).replace(*damage)
    topics = [Web3.to_bytes(hexstr=topic)]
    topics += [bytes(12) + b"\x11" * 20 for field in form["inputs"] if field["indexed"]]
    call = chain.web3.eth.contract(abi=[], bytecode=_program(topics, data, code)).constructor()
    return chain.send(9, call)


def _program(topics: list[bytes], data: bytes, code: bytes) -> bytes:
    """Copy the data that follows to memory, log it, leave the code."""
    size = b"\x61" + len(data).to_bytes(2)
    pushed = b"".join(b"\x7f" + topic for topic in reversed(topics))
    log = pushed + size + b"\x5f" + bytes([0xA0 + len(topics)])
    leave = b"\x60" + (code or b"\0") + b"\x5f\x53\x60" + bytes([len(code)]) + b"\x5f\xf3"
    copy_size = len(size) + 3 + 1 + 1
    start = copy_size + len(log) + len(leave)
    return size + b"\x61" + start.to_bytes(2) + b"\x5f\x39" + log + leave + data
