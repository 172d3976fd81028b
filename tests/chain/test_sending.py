# SPDX-License-Identifier: Apache-2.0
"""A transaction goes out once, also over a line that loses replies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import requests

from airflow_provider_deflow.chain.rpc import connect
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.errors import ChainUnreachable
from tests import services

pytestmark = pytest.mark.chain

SEND = "eth_sendRawTransaction"


class BadLine:
    """Before a chain: counts what is asked, loses requests or replies of some methods, refuses others."""

    def __init__(self, rpc_url: str) -> None:
        self.asked: list[str] = []
        self.lost_requests: set[str] = set()
        self.lost_replies: set[str] = set()
        # Method → in which words the endpoint itself refuses it.
        self.refused: dict[str, str] = {}
        line = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                method = json.loads(body)["method"]
                line.asked.append(method)
                if method in line.lost_requests:
                    return
                if method in line.refused:
                    self.answer(json.dumps(refusal(body, line.refused[method])).encode())
                    return
                reply = requests.post(rpc_url, body, headers={"content-type": "application/json"}).content
                if method in line.lost_replies:
                    return
                self.answer(reply)

            def answer(self, reply: bytes) -> None:
                self.send_response(200)
                self.send_header("content-length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def refusal(asked: bytes, words: str) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": json.loads(asked)["id"], "error": {"code": -32000, "message": words}}


@contextmanager
def bad_line(rpc_url: str) -> Iterator[BadLine]:
    line = BadLine(rpc_url)
    thread = Thread(target=line.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield line
    finally:
        line.server.shutdown()
        line.server.server_close()
        thread.join()


@pytest.fixture
def line(chain: services.Chain) -> Iterator[BadLine]:
    with bad_line(chain.rpc_url) as one:
        yield one


@pytest.fixture
def sender(line: BadLine) -> Sender:
    return Sender(connect(line.url), services.KEYS[8])


def test_what_was_sent_is_found_when_the_reply_is_lost(chain: services.Chain, line: BadLine, sender: Sender):
    line.lost_replies = {SEND}

    transaction = sender.send(transfer(chain))

    assert line.asked.count(SEND) == 1
    assert chain.web3.eth.wait_for_transaction_receipt(transaction)["status"] == 1


def test_what_was_not_sent_is_not_sent_again(chain: services.Chain, line: BadLine, sender: Sender):
    line.lost_requests = {SEND}
    before = chain.web3.eth.get_transaction_count(sender.address)

    with pytest.raises(ChainUnreachable, match="look for it before anything is sent again"):
        sender.send(transfer(chain))

    assert line.asked.count(SEND) == 1
    assert chain.web3.eth.get_transaction_count(sender.address) == before


def test_an_endpoint_that_answers_no_json_is_unreachable(chain: services.Chain):
    with bad_line(f"{chain.rpc_url}/nothing-here") as line, pytest.raises(ChainUnreachable):
        _ = connect(line.url).eth.block_number


def transfer(chain: services.Chain) -> object:
    return chain.at("OceanToken", chain.fee_token).functions.transfer(chain.web3.eth.accounts[9], 1)
