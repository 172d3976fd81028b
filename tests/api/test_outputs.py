# SPDX-License-Identifier: Apache-2.0
"""Files of a run over HTTP: whole or in part, and only under the run that left them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from pymongo.database import Database

from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Batch, Entry, Place, Run
from airflow_provider_deflow.ledger.store import LedgerStore
from airflow_provider_deflow.ocean.outputs import OutputFile, Outputs
from tests.api.people import Asking

pytestmark = pytest.mark.stack

Ask = Callable[[str], Asking]
CONTENT = bytes(range(256)) * 10_000
NAME = "deep/model 1.bin"


@pytest.fixture
def sha256(ask: Ask, mongo_database: Database[dict[str, Any]]) -> str:
    """A file that node `a` of run `r1` of graph `one` left, and run `r2` reused."""
    store = content_store()
    kept, size = store.put(io.BytesIO(CONTENT))
    outputs = Outputs((OutputFile(NAME, size, kept),), kept, size)
    listed = store.put_outputs(outputs)
    happened = {
        "r1": facts.outputs("0x1-1", listed, [(NAME, size, kept)], ""),
        "r2": facts.kept("0x1-1", listed, "r1"),
        "r3": facts.outputs("0x1-2", listed, [], ""),
    }
    ledger = LedgerStore(mongo_database)
    for run_id, fact in happened.items():
        run = Run("deflow_one", run_id, "one", 1)
        entries = (Entry.of(run, Place("a"), each) for each in (facts.began("node", 1), fact))
        ledger.write(Batch(run, tuple(entries)))
    return kept


def path(sha256: str, run_id: str = "r1", name: str = NAME, slug: str = "one") -> str:
    return f"/graphs/{slug}/runs/{run_id}/outputs/{sha256}/{name}"


def test_an_output_comes_as_it_was_left(ask: Ask, sha256: str) -> None:
    for run_id in ("r1", "r2"):
        whole = ask("viewer")("GET", path(sha256, run_id))
        assert (whole.status_code, whole.content) == (200, CONTENT)
        assert whole.headers["content-length"] == str(len(CONTENT))
        assert whole.headers["content-disposition"] == "attachment; filename*=UTF-8''model%201.bin"
        assert whole.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-9", 0, 9),
        ("bytes=100-", 100, len(CONTENT) - 1),
        ("bytes=-7", len(CONTENT) - 7, len(CONTENT) - 1),
        ("bytes=5-99999999999", 5, len(CONTENT) - 1),
        ("bytes=-99999999999", 0, len(CONTENT) - 1),
    ],
)
def test_a_part_of_an_output(ask: Ask, sha256: str, asked: str, first: int, last: int) -> None:
    part = ask("viewer")("GET", path(sha256), headers={"range": asked})
    assert (part.status_code, part.content) == (206, CONTENT[first : last + 1])
    assert part.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["bytes=9-3", "bytes=0-1,5-6", "lines=1-2", "bytes=-", "nonsense"])
def test_a_range_that_is_none_gives_the_whole(ask: Ask, sha256: str, asked: str) -> None:
    assert ask("viewer")("GET", path(sha256), headers={"range": asked}).status_code == 200


def test_a_range_past_the_end_is_refused_with_the_size(ask: Ask, sha256: str) -> None:
    for asked in (f"bytes={len(CONTENT)}-", "bytes=-0"):
        refused = ask("viewer")("GET", path(sha256), headers={"range": asked})
        assert (refused.status_code, refused.json()["error"]) == (416, "bad_range")
        assert refused.headers["content-range"] == f"bytes */{len(CONTENT)}"


def test_a_hash_alone_opens_nothing(ask: Ask, sha256: str) -> None:
    elsewhere = [path(sha256, "r9"), path(sha256, name="other"), path(sha256, slug="two"), path("0" * 64)]
    for address in elsewhere:
        missing = ask("admin")("GET", address)
        assert (missing.status_code, missing.json()["error"]) == (404, "not_found")
