# SPDX-License-Identifier: Apache-2.0
"""`deflow explain` on a real MongoDB: what a person reads, or is told when there is nothing to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from airflow_provider_deflow import cli
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Fact, Run
from airflow_provider_deflow.ledger.store import LedgerStore
from tests.cli.test_runs import home, server_uri
from tests.ledger.entries import RUN, batch, began, ended, fact

__all__ = ["home", "server_uri"]

BEFORE = Run("deflow_prediction", "manual__2026-02-28", "prediction", 2)


def inputs(seconds: float, **fields: str) -> Fact:
    listed = [[name.replace("_", "."), value] for name, value in fields.items()]
    return fact(facts.INPUTS, seconds, sha256=str(fields), fields=listed)


def selected(**parts: list[str]) -> Fact:
    what: dict[str, Any] = {"runs": [], "reused": [], "skipped": [], **parts}
    return fact(facts.SELECTED, 10, asked={"only": parts["runs"]}, **what)


@pytest.fixture
def ledger(home: Path, server_uri: str) -> Iterator[LedgerStore]:
    with LedgerStore.connected(server_uri) as store:
        store.write(
            batch(
                began(),
                inputs(1, algorithm_code="a1", algorithm_image="b1"),
                fact(facts.OUTPUTS, 2, job_id="0xab-1", sha256="c" * 64, record="d" * 64),
                ended(3),
                run=BEFORE,
            )
        )
        store.write(
            batch(
                selected(runs=["train"], skipped=["predict"]),
                began(10),
                inputs(11, algorithm_code="a1", algorithm_image="b2"),
                fact(facts.JOB, 12, job_id="0xab-2", how="started", why="first try: no job answers"),
            )
        )
        yield store


def deflow(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["explain", *arguments])


def test_what_a_node_did_is_told_with_the_first_field_that_differs(ledger: LedgerStore) -> None:
    assert deflow(RUN.run_id, "train").output == (
        "train ran (run manual__2026-03-01, try 1)\n"
        "  the run was asked for only 'train'\n"
        "  started job 0xab-2: first try: no job answers\n"
        "  run manual__2026-02-28 has outputs of it; the first field that differs since: algorithm.image\n"
    )


def test_it_is_told_as_a_document(ledger: LedgerStore) -> None:
    document = json.loads(deflow(RUN.run_id, "train", "--json").output)

    assert document["did"] == "ran"
    assert document["compared_with"] == BEFORE.run_id
    assert document["first_difference"] == "algorithm.image"


def test_a_node_that_was_left_out_is_told_though_it_never_began(ledger: LedgerStore) -> None:
    assert deflow(RUN.run_id, "predict").output == (
        "predict was skipped (run manual__2026-03-01)\n"
        "  the run was asked for only 'train'\n"
        "  nothing that was asked for needs it\n"
    )


def test_a_run_says_which_part_was_asked_for(ledger: LedgerStore) -> None:
    result = CliRunner().invoke(cli.main, ["runs", "show", RUN.run_id])

    assert "asked for only 'train'\n" in result.output


def test_a_node_that_is_not_known_is_told_with_those_that_are(ledger: LedgerStore) -> None:
    output = deflow(BEFORE.run_id, "trian").output

    assert output == (
        "trian has not begun (run manual__2026-02-28)\n"
        "  it waits for others, or is no node of the graph; nodes that began are train\n"
    )


def test_an_unknown_run_is_an_error_that_names_some(ledger: LedgerStore) -> None:
    result = deflow("nope", "train")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "Error: the ledger has no run 'nope'. The newest are\n" in result.stderr


def test_without_a_ledger_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGO_URI", raising=False)
    monkeypatch.delenv("AIRFLOW_CONN_DEFLOW_MONGO", raising=False)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("DEFLOW_HOME", str(tmp_path))

    result = deflow("r", "n")

    assert result.exit_code == 1
    assert "no MongoDB is known" in result.stderr
    assert "deflow up" in result.stderr
