# SPDX-License-Identifier: Apache-2.0
"""A local Ocean Node in a thread of the test, and a consumer that talks to it in plain HTTP.

The consumer knows the protocol from the recordings, not from our client, so that what is compared with a
recording is what the node sent.
"""

from __future__ import annotations

import asyncio
import json
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ecies
import requests

from airflow_provider_deflow.local_ocean_node.server import serve
from airflow_provider_deflow.local_ocean_node.settings import EnvironmentSettings, NodeSettings
from airflow_provider_deflow.signing import KeySigner, keccak

WIRE = Path(__file__).parents[1] / "wire"

# As the environment that most recordings were made with.
RECORDED_ENVIRONMENT = EnvironmentSettings(
    cpu=2, ram=8, disk=10, free_cpu=1, free_ram=1, free_disk=1, free_max_jobs=3, free_max_job_duration=600
)

# Accounts 1 to 4 of the public test mnemonic of the recordings; their keys guard nothing.
KEYS = (
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
)


def fast(folder: Path, **changes: Any) -> NodeSettings:
    """A node that ticks forty times as fast as a real one, without a rate limit that tests would meet."""
    defaults: dict[str, Any] = {"tick_seconds": 0.05, "requests_per_minute": 1_000_000}
    return NodeSettings(folder, **{**defaults, "environments": (RECORDED_ENVIRONMENT,), **changes})


@contextmanager
def running_ocean_node(settings: NodeSettings) -> Iterator[str]:
    """Serve in a thread; gives the URL. What ended the node early is raised at the end."""
    ready: list[str] = []
    started = threading.Event()
    failures: list[BaseException] = []
    handle: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def work() -> None:
        stop = asyncio.Event()
        handle.append((asyncio.get_running_loop(), stop))

        def on_ready(url: str) -> None:
            ready.append(url)
            started.set()

        await serve(settings, stop, on_ready)

    def run() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:
            failures.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="local-ocean-node")
    thread.start()
    started.wait()
    try:
        if ready:
            yield ready[0]
    finally:
        if not failures:
            loop, stop = handle[0]
            loop.call_soon_threadsafe(stop.set)
        thread.join()
    if failures:
        raise failures[0]


@dataclass(frozen=True)
class Consumer:
    """One account of a running node."""

    url: str
    signer: KeySigner

    @property
    def address(self) -> str:
        return self.signer.address

    def signed(self, command: str, *, nonce: int | None = None, address: str | None = None) -> dict[str, str]:
        """The three fields that authenticate a call, with a nonce that was not used before."""
        address = address or self.address
        number = next_nonce() if nonce is None else nonce
        while (digest := keccak(f"{address}{number}{command}".encode())).startswith(b"\0") and nonce is None:
            # One signature in 256 is refused: see auth.
            number = next_nonce()
        return {
            "consumerAddress": address,
            "nonce": str(number),
            "signature": self.signer.sign_message(digest),
        }

    def get(self, path: str, **query: Any) -> requests.Response:
        return requests.get(f"{self.url}{path}", params=query)

    def post(self, path: str, body: Any, **options: Any) -> requests.Response:
        return requests.post(f"{self.url}{path}", json=body, **options)

    def direct(self, command: str, **fields: Any) -> requests.Response:
        return self.post("/directCommand", {"command": command, **fields})

    def encrypted(self, value: Any) -> str:
        """For the node, as a start takes it: ECIES in hexadecimal, without 0x."""
        key = bytes(self.get("/").json()["nodePublicKey"].values())
        content = value if isinstance(value, str) else json.dumps(value)
        return ecies.encrypt(key, content.encode()).hex()

    def environments(self) -> list[dict[str, Any]]:
        return self.get("/api/services/computeEnvironments").json()

    def ask_for(self, code: str = "print('hello')", **fields: Any) -> requests.Response:
        """POST /freeCompute with raw Python code; `fields` replace those of the request."""
        algorithm = {"meta": {"rawcode": code, "container": python_image()}}
        request = {
            **self.signed("freeStartCompute"),
            "environment": self.environments()[0]["id"],
            "algorithm": algorithm,
            "datasets": [],
        }
        return self.post("/api/services/freeCompute", {**request, **fields})

    def start(self, code: str = "print('hello')", **fields: Any) -> str:
        reply = self.ask_for(code, **fields)
        assert reply.status_code == 200, reply.text
        return str(reply.json()[0]["jobId"])

    def status(self, job_id: str) -> dict[str, Any]:
        (job,) = self.get("/api/services/compute", jobId=job_id).json()
        return dict(job)

    def wait_for(self, job_id: str, *statuses: int) -> dict[str, Any]:
        """Until it is at one of these, or over when none is given."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            job = self.status(job_id)
            if job["status"] in statuses if statuses else job["dateFinished"]:
                return job
            assert not job["dateFinished"], f"ended at {job['status']}, never seen at {statuses}"
            time.sleep(0.02)
        raise AssertionError(f"job {job_id} is still at {self.status(job_id)['status']}")

    def wait_until_running(self, job_id: str) -> dict[str, Any]:
        """At 40, and the container has really been started."""
        while (job := self.wait_for(job_id, 40))["algoStartTimestamp"] == "0":
            time.sleep(0.02)
        return job

    def run(self, code: str, **fields: Any) -> tuple[str, dict[str, Any]]:
        job_id = self.start(code, **fields)
        return job_id, self.wait_for(job_id)

    def stop(self, job_id: str) -> requests.Response:
        query = {**self.signed("stopCompute"), "jobId": job_id}
        return requests.put(f"{self.url}/api/services/compute", params=query)

    def result(self, job_id: str, kind: str) -> bytes:
        (found,) = (result for result in self.status(job_id)["results"] if result["type"] == kind)
        content = self.get(
            "/api/services/computeResult",
            **self.signed("getComputeResult"),
            jobId=job_id,
            index=found["index"],
        ).content
        assert len(content) == found["filesize"]
        return content

    def log(self, job_id: str) -> list[tuple[int, str]]:
        return frames(self.result(job_id, "algorithmLog"))

    def stdout(self, job_id: str) -> str:
        return "".join(text for stream, text in self.log(job_id) if stream == 1)


_last_nonce = 0
_nonce_lock = threading.Lock()


def next_nonce() -> int:
    global _last_nonce
    with _nonce_lock:
        _last_nonce = max(_last_nonce + 1, int(time.time() * 1000))
        return _last_nonce


def consumer(url: str, account: int = 1) -> Consumer:
    return Consumer(url, KeySigner(KEYS[account - 1]))


def python_image(entrypoint: str = "python3 $ALGO") -> dict[str, str]:
    return {"image": "python", "tag": "3.11", "checksum": "", "entrypoint": entrypoint}


def frames(content: bytes) -> list[tuple[int, str]]:
    """What is in Docker frames, as (1 stdout | 2 stderr, text)."""
    found = []
    while content:
        stream, length = struct.unpack(">BxxxI", content[:8])
        found.append((stream, content[8 : 8 + length].decode()))
        content = content[8 + length :]
    return found


def recordings(file: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads((WIRE / f"{file}.json").read_text())}


def shape(value: Any) -> Any:
    """Keys in their order, and kinds of values; the elements of a list count once."""
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number"
    return type(value).__name__
