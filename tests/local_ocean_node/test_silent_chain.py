# SPDX-License-Identifier: Apache-2.0
"""An RPC endpoint that takes requests and never answers is the trouble of those alone who pay there."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import requests

from airflow_provider_deflow.local_ocean_node.settings import ChainSettings, Fees
from tests.local_ocean_node.paying import RECORDED_TOKEN, SOMEBODY_ELSE
from tests.local_ocean_node.running import RECORDED_ENVIRONMENT, consumer, fast, running_ocean_node

CHAIN_ID = 8996
QUOTES = 12


@contextmanager
def silent_endpoint() -> Iterator[tuple[str, threading.Semaphore]]:
    """Its URL, and what is released for every connection."""
    arrived, held = threading.Semaphore(0), list[socket.socket]()
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                held.append(listener.accept()[0])
                arrived.release()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", arrived
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for one in (listener, *held):
            one.close()


def test_a_silent_chain_holds_up_no_free_job_and_no_end(tmp_path: Path):
    addresses = {"chainId": CHAIN_ID, "Escrow": RECORDED_TOKEN, "Ocean": RECORDED_TOKEN}
    (tmp_path / "address.json").write_text(json.dumps({"development": addresses}))
    fees = (Fees(CHAIN_ID, RECORDED_TOKEN, (("cpu", 1),)),)

    with silent_endpoint() as (rpc_url, arrived):
        served = ChainSettings(CHAIN_ID, rpc_url, tmp_path / "address.json", index=False)
        environment = replace(RECORDED_ENVIRONMENT, fees=fees)
        settings = fast(tmp_path / "node", chains=(served,), environments=(environment,))
        with running_ocean_node(settings) as url:
            alice = consumer(url, 1)
            quote = {
                "environment": alice.environments()[0]["id"],
                "consumerAddress": SOMEBODY_ELSE,
                "algorithm": {"meta": {"rawcode": "1"}},
                "datasets": [],
                "maxJobDuration": 60,
                "payment": {"chainId": CHAIN_ID, "token": RECORDED_TOKEN, "resources": []},
            }
            asking = [threading.Thread(target=ask, args=(url, quote)) for _ in range(QUOTES)]
            for one in asking:
                one.start()
            for _ in range(4):
                assert arrived.acquire(timeout=30)

            before = time.monotonic()
            alice.run("print('hello')")
            ran = time.monotonic() - before
            stopping = time.monotonic()
        stopped = time.monotonic() - stopping
        for one in asking:
            one.join()

    assert ran < 8
    assert stopped < 8


def ask(url: str, quote: dict[str, object]) -> None:
    with suppress(requests.RequestException):
        requests.post(f"{url}/api/services/initializeCompute", json=quote)
