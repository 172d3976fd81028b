# SPDX-License-Identifier: Apache-2.0
"""Ends that need a hand on a node's registry or engine: 11 while and after a pull, 21, 22, 33.

A real node on this machine pulls from a registry of the suite's own, which shows an image to the node and not
to its engine. What only an engine does is done by the faults of a local node.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conformance.session import Account, Node, Run
from tests.conformance.test_traps import first_account

MANIFESTS = "application/vnd.docker.distribution.manifest.list.v2+json"


class Registry:
    """Says to a node that it has any image, and to an engine that it is gone: at once, or never."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.end = threading.Event()

    def image(self, name: str) -> dict[str, str]:
        return {"image": f"localhost:{self.port}/{name}/python", "tag": "latest"}


@pytest.fixture(scope="module")
def registry(alice: Account, files: object) -> Iterator[Registry]:
    container = alice.node.container(image="localhost:5999/nope")
    if "This local Ocean Node" in alice.ask_for(algorithm={"meta": {"container": container}}).text:
        pytest.skip("a local Ocean Node pulls no images")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_engine = self.headers.get("user-agent", "").startswith("docker/")
            if self.path == "/v2/":
                self._answer(200, {})
            elif not is_engine:
                platform = {"architecture": "amd64", "os": "linux"}
                self._answer(200, {"schemaVersion": 2, "manifests": [{"platform": platform}]})
            else:
                if "/slow/" in self.path:
                    serving.end.wait(60)
                errors = [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]
                self._answer(404, {"errors": errors})

        def do_HEAD(self) -> None:
            self.do_GET()

        def _answer(self, status: int, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", MANIFESTS if status == 200 else "application/json")
            self.send_header("docker-distribution-api-version", "registry/2.0")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Not into the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = Registry(server.server_port)
    thread = threading.Thread(target=server.serve_forever, name="registry")
    thread.start()
    try:
        yield serving
    finally:
        serving.end.set()
        server.shutdown()
        server.server_close()
        thread.join()


def start(alice: Account, registry: Registry, name: str) -> Run:
    container = alice.node.container(**registry.image(name))
    return alice.start("", algorithm={"meta": {"rawcode": "print(1)", "container": container}})


def test_an_image_that_is_gone_at_the_pull_is_11(alice: Account, registry: Registry):
    run = start(alice, registry, "gone").wait()

    assert (run.final["status"], run.final["statusText"]) == (11, "Pulling algorithm image failed")
    assert [entry["type"] for entry in run.final["results"]] == ["imageLog"]
    assert run.text("imageLog").startswith("Unable to pull docker image: localhost:")


def test_a_stop_ends_a_pull_at_11(alice: Account, registry: Registry):
    run = start(alice, registry, "slow")

    assert (run.poll()["status"], run.poll()["results"]) == (10, [])
    stop = run.stop()
    run.wait()

    assert (stop["status"], stop["stopRequested"]) == (10, True)
    assert run.final["status"] == 11
    # The record was written whole by who pulled: the stop is forgotten.
    assert run.final["stopRequested"] is False
    assert run.text("imageLog").endswith("The operation was aborted")


@pytest.mark.parametrize(
    ("stage", "status", "text"),
    [
        ("pull", 11, "Pulling algorithm image failed"),
        ("volume", 21, "Volume creation failed"),
        ("create", 22, "Container creation failed"),
        ("upload", 33, "Data upload to container failed"),
        ("publish", 62, "Failed to upload results to storage"),
    ],
)
def test_what_an_engine_may_fail_at(faulty: Node, stage: str, status: int, text: str):
    faulty.request("PUT", "/_deflow/faults", json=[{"what": "fail", "stage": stage}])

    job = first_account(faulty).run("print(1)").final

    assert (job["status"], job["statusText"]) == (status, text)
    assert "output" not in [entry["type"] for entry in job["results"]]


@pytest.fixture(scope="module")
def faulty(own_node: Callable[..., Node]) -> Node:
    return own_node(test_routes=True)
