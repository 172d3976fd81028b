# SPDX-License-Identifier: Apache-2.0
"""DeFlow's storage in S3: kept, found, signed, handed over and cleared as in a folder."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks import signed_urls
from airflow_provider_deflow.hooks.storage import content_store, stored_contents
from airflow_provider_deflow.ocean.outputs import ContentStore, OutputFile, Outputs
from tests import proxy, s3_server
from tests.operators.conftest import between as between
from tests.operators.one_graph import run_graph

# Airflow says so at each direct call of execute.
pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")

ALGORITHM = {"image": "python:3.11", "entrypoint": "python3 $ALGO"}
MAKE = "open('/data/outputs/greeting.txt', 'w').write('hello from S3')"
READ = (
    "import json, os; (i,) = json.loads(os.environ['DEFLOW_INPUTS'])\n"
    "open('/data/outputs/copy.txt', 'w').write(open(i['path']).read())"
)


@pytest.fixture(scope="module")
def server() -> Iterator[s3_server.S3Server]:
    with s3_server.running() as one:
        yield one


@pytest.fixture
def store(
    server: s3_server.S3Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> ContentStore:
    """A folder of its own in the server's bucket, as a deployment's settings name it."""
    folder = hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    monkeypatch.setenv("AIRFLOW__DEFLOW__STORAGE", f"s3://{server.bucket}/{folder}")
    monkeypatch.setenv("AIRFLOW__DEFLOW__STORAGE_CONN_ID", "deflow_s3")
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_S3", server.connection)
    return content_store()


def test_a_content_is_kept_once_and_read_again(store: ContentStore) -> None:
    sha256, size = store.put(io.BytesIO(b"abc"))
    written = store.path(sha256).stat().st_mtime

    assert store.put(io.BytesIO(b"abc")) == (sha256, size) == (hashlib.sha256(b"abc").hexdigest(), 3)

    with store.open(sha256) as content:
        assert content.read() == b"abc"
    assert (store.has(sha256), store.size(sha256)) == (True, 3)
    assert store.path(sha256).stat().st_mtime == written


def test_what_is_not_kept_is_said_to_be_missing(store: ContentStore) -> None:
    for ask in (store.open, store.size, store.outputs):
        with pytest.raises(errors.MissingOutput, match="not in DeFlow's storage"):
            ask("0" * 64)


def test_a_list_of_outputs_and_a_note_are_found_by_name(store: ContentStore) -> None:
    sha256, size = store.put(io.BytesIO(b"x"))
    outputs = Outputs((OutputFile("a.txt", size, sha256),), "1" * 64, 10)

    assert store.outputs(store.put_outputs(outputs)) == outputs

    store.write_note("kept/dag/node", {"run_id": "first"})
    store.write_note("kept/dag/node", {"run_id": "second"})
    assert store.note("kept/dag/node") == {"run_id": "second"}
    assert store.note("kept/dag/other") is None


def test_a_signed_url_gives_the_content_to_who_holds_no_key(store: ContentStore) -> None:
    sha256, _ = store.put(io.BytesIO(b"for an Ocean Node"))

    url = signed_urls.signer_for(store)(sha256, "data.csv")

    assert requests.get(url, timeout=10).content == b"for an Ocean Node"
    assert "a secret of the tests" not in url


def test_what_another_put_anew_since_it_was_looked_at_is_not_cleared(
    server: s3_server.S3Server, store: ContentStore
) -> None:
    sha256, _ = store.put(io.BytesIO(b"wanted again"))
    store.put(io.BytesIO(b"not wanted"))
    looked_at = {one.name: one for one in stored_contents()}
    contents = stored_contents()
    until_the_next_second()
    key = store.path(sha256).path.removeprefix(f"{server.bucket}/")
    server.client().put_object(Bucket=server.bucket, Key=key, Body=b"wanted again")

    removed = {name: contents.remove(one) for name, one in looked_at.items()}

    assert removed == {sha256: False, hashlib.sha256(b"not wanted").hexdigest(): True}
    assert [one.name for one in stored_contents()] == [sha256]


@pytest.mark.stack
def test_a_graph_runs_with_all_it_keeps_in_s3(between: proxy.Proxy, store: ContentStore) -> None:
    document: dict[str, Any] = {
        "slug": "in-s3",
        "nodes": [
            {"id": "make", "data": {"algorithm": {"code": MAKE, **ALGORITHM}}},
            {"id": "read", "data": {"algorithm": {"code": READ, **ALGORITHM}}},
        ],
        "edges": [{"source": "make", "target": "read", "data": {"handover": "url"}}],
    }

    returned = run_graph(document, "run 1")

    (copy,) = store.outputs(returned["read"]["outputs"]).files
    with store.open(copy.sha256) as content:
        assert (copy.name, content.read()) == ("copy.txt", b"hello from S3")


def until_the_next_second() -> None:
    """S3 tells times in whole seconds."""
    time.sleep(1.01 - time.time() % 1)
