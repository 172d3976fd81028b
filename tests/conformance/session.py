# SPDX-License-Identifier: Apache-2.0
"""One Ocean Node by its URL, and accounts that talk to it in plain HTTP.

The protocol is written here from the recordings, not from our client: what is tested is what the node says.
A node's request limit is respected: a refused request waits as long as the refusal says, and is sent again.
"""

from __future__ import annotations

import re
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import requests

from airflow_provider_deflow.signing import KeySigner, Signer, keccak

API = "/api/services"
BUSY = ("Not enough available", "Too many running free jobs")
BUSY_SECONDS = 120
JOB_SECONDS = 300

Record = dict[str, Any]


class Node:
    """What answers at a URL."""

    def __init__(self, url: str, image: str, *, poll_seconds: float) -> None:
        self.url = url.rstrip("/")
        self.image = image
        self.met_limit = False
        self._poll_seconds = poll_seconds

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """The reply; any but that of the request limit."""
        for _ in range(5):
            reply = requests.request(method, self.url + path, **{"timeout": (10, 120), **options})
            if reply.status_code != 429:
                return reply
            self.met_limit = True
            found = re.search(r"Try again in (\d+) seconds", reply.text)
            time.sleep(1 + int(found[1]) if found else 60)
        raise AssertionError(f"{method} {path}: refused by the request limit five times in a row")

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.request("GET", path, params=query)

    def post(self, path: str, body: Any, **options: Any) -> requests.Response:
        return self.request("POST", path, json=body, **options)

    def direct(self, command: str, **fields: Any) -> requests.Response:
        return self.post("/directCommand", {"command": command, **fields})

    def environments(self) -> list[Record]:
        return list(self.get(f"{API}/computeEnvironments").json())

    def status(self, job_id: str) -> Record:
        (job,) = self.get(f"{API}/compute", jobId=job_id).json()
        return dict(job)

    def pause(self) -> None:
        """Between two polls; where requests are counted, few of them."""
        time.sleep(max(self._poll_seconds, 8) if self.met_limit else self._poll_seconds)

    def container(self, entrypoint: str = "python3 $ALGO", **changes: Any) -> Record:
        """The container part of an algorithm that runs on the image with Python."""
        name, _, tag = self.image.rpartition(":")
        if not name or "/" in tag:
            name, tag = self.image, "latest"
        return {"image": name, "tag": tag, "checksum": "", "entrypoint": entrypoint, **changes}


class Account:
    """One wallet on a node; its nonces rise, whichever thread asks."""

    def __init__(self, node: Node, signer: Signer, environment: str = "") -> None:
        self.node = node
        self.address = signer.address
        self.environment = environment
        self._signer = signer
        self._last_nonce = 0
        self._lock = threading.Lock()

    def next_nonce(self) -> int:
        with self._lock:
            self._last_nonce = max(self._last_nonce + 1, int(time.time() * 1000))
            return self._last_nonce

    def sign(self, text: str) -> str:
        return self._signer.sign_message(keccak(text.encode()))

    def signed(
        self,
        command: str,
        *,
        nonce: int | None = None,
        address: str | None = None,
        key: str = "consumerAddress",
    ) -> dict[str, str]:
        """The three fields that authenticate a call."""
        address = address or self.address
        number = self.next_nonce() if nonce is None else nonce
        while nonce is None and is_refused_by_chance(f"{address}{number}{command}"):
            number = self.next_nonce()
        return {key: address, "nonce": str(number), "signature": self.sign(f"{address}{number}{command}")}

    def start_request(self, code: str, **fields: Any) -> Record:
        """A free start of raw Python code; `fields` replace the request's own, None leaves one out."""
        request = {
            **self.signed("freeStartCompute"),
            "environment": self.environment,
            "algorithm": {"meta": {"rawcode": code, "container": self.node.container()}},
            "datasets": [],
            **fields,
        }
        return {name: value for name, value in request.items() if value is not None}

    def ask_for(self, code: str = "print('hello')", **fields: Any) -> requests.Response:
        return self.node.post(f"{API}/freeCompute", self.start_request(code, **fields))

    def start(self, code: str, **fields: Any) -> Run:
        """A job; while others use the environment, later."""
        deadline = time.monotonic() + BUSY_SECONDS
        reply = self.ask_for(code, **fields)
        while reply.status_code == 400 and reply.json().startswith(BUSY) and time.monotonic() < deadline:
            self.node.pause()
            reply = self.ask_for(code, **fields)
        assert reply.status_code == 200, reply.text
        (job,) = reply.json()
        return Run(self, job)

    def run(self, code: str, **fields: Any) -> Run:
        return self.start(code, **fields).wait()

    def stop(self, job_id: str) -> requests.Response:
        query = {**self.signed("stopCompute"), "jobId": job_id}
        return self.node.request("PUT", f"{API}/compute", params=query)

    def result(self, job_id: str, index: Any, **options: Any) -> requests.Response:
        query = {**self.signed("getComputeResult"), "jobId": job_id, "index": index}
        return self.node.request("GET", f"{API}/computeResult", params=query, **options)

    def live_logs(self, job_id: str, **options: Any) -> requests.Response:
        query = {**self.signed("getComputeStreamableLogs"), "jobId": job_id}
        return self.node.request("GET", f"{API}/computeStreamableLogs", params=query, **options)

    def files_call(self, method: str, path: str, command: str, **options: Any) -> requests.Response:
        """A call to the node's persistent storage, authenticated in the query."""
        query = {**self.signed(f"persistentStorage{command}"), **options.pop("params", {})}
        return self.node.request(method, f"{API}/persistentStorage/buckets{path}", params=query, **options)


@dataclass
class Run:
    """One job: its start reply, and every status record that differed from the one before."""

    who: Account
    started: Record
    seen: list[Record] = field(default_factory=list)
    # A little later than the first that said that it is over: the algorithm's log may come after that.
    final: Record = field(default_factory=dict)

    @property
    def job_id(self) -> str:
        return str(self.started["jobId"])

    @property
    def bare_id(self) -> str:
        return self.job_id.split("-", 1)[1]

    @property
    def statuses(self) -> list[int]:
        return [record["status"] for record in self.seen]

    @property
    def exit_code(self) -> int | None:
        return self.final["terminationDetails"]["exitCode"]  # type: ignore[no-any-return]

    def poll(self) -> Record:
        record = self.who.node.status(self.job_id)
        if not self.seen or record != self.seen[-1]:
            self.seen.append(record)
        return record

    def wait(self, *, until: Any = None) -> Run:
        """Until it is over, or else until that is true of its record."""
        deadline = time.monotonic() + JOB_SECONDS
        while not (until(record := self.poll()) if until else (record := self.poll())["dateFinished"]):
            assert not record["dateFinished"], f"it ended at {record['status']}, before what was waited for"
            assert time.monotonic() < deadline, f"still at {record['status']} after {JOB_SECONDS} s"
            self.who.node.pause()
        if not until:
            self.who.node.pause()
            self.final = self.poll()
        return self

    def wait_until_running(self) -> Run:
        return self.wait(until=lambda record: record["status"] == 40 and record["algoStartTimestamp"] != "0")

    def stop(self) -> Record:
        reply = self.who.stop(self.job_id)
        assert reply.status_code == 200, reply.text
        (job,) = reply.json()
        return dict(job)

    def entry(self, kind: str) -> Record:
        """What was said about a result when the job was over."""
        (found,) = (result for result in self.final["results"] if result["type"] == kind)
        return dict(found)

    def result(self, kind: str) -> bytes:
        entry = self.entry(kind)
        content = self.who.result(self.job_id, entry["index"]).content
        assert len(content) == entry["filesize"]
        return content

    def text(self, kind: str) -> str:
        return self.result(kind).decode()

    def log(self) -> list[tuple[int, bytes]]:
        return frames(self.result("algorithmLog"))

    def stdout(self) -> str:
        return b"".join(content for stream, content in self.log() if stream == 1).decode()


def account(node: Node, key: str, environment: str = "") -> Account:
    return Account(node, KeySigner(key), environment)


def frames(content: bytes) -> list[tuple[int, bytes]]:
    """What is in Docker frames, as (1 stdout | 2 stderr, bytes)."""
    found = []
    while content:
        stream, length = struct.unpack(">BxxxI", content[:8])
        assert len(content) >= 8 + length, "a frame is cut"
        found.append((stream, content[8 : 8 + length]))
        content = content[8 + length :]
    return found


def is_refused_by_chance(message: str) -> bool:
    """Whether a node refuses a good signature of this: it drops leading zero bytes of the hash (trap 24)."""
    return keccak(message.encode()).startswith(b"\0")
