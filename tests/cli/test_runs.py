# SPDX-License-Identifier: Apache-2.0
"""`deflow runs …` on a real MongoDB: what a person sees of a run, or is told when there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pymongo
import pytest
from click.testing import CliRunner, Result

from airflow_provider_deflow import cli
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Run
from airflow_provider_deflow.ledger.spool import Spool
from airflow_provider_deflow.ledger.store import LedgerStore
from tests import services
from tests.ledger.entries import RUN, at, batch, began, ended, fact

JOB = "0xab-cd"
FAILURE = {"error": "JobFailed", "fault": "algorithm", "message": "'train' failed\n  hint  look\x1b[31m"}


@pytest.fixture(scope="module")
def server_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MongoDB of its own, because the command always uses the database `deflow`."""
    with services.mongod(tmp_path_factory.mktemp("mongod")) as server:
        yield server.uri


@pytest.fixture
def home(tmp_path: Path, server_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("MONGO_URI", raising=False)
    monkeypatch.setenv("DEFLOW_HOME", str(tmp_path))
    stack = {"mongo_uri": server_uri, "storage": f"file://{tmp_path / 'storage'}"}
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    yield tmp_path
    with pymongo.MongoClient(server_uri) as client:
        client.drop_database("deflow")


@pytest.fixture
def ledger(home: Path, server_uri: str) -> Iterator[LedgerStore]:
    with LedgerStore.connected(server_uri) as store:
        store.write(
            batch(
                began(),
                fact(facts.REQUEST, 1, request="start a free job", answer="ok", words=""),
                fact(facts.JOB, 1, job_id=JOB, ocean_node="http://node", environment="0xab-ef", generation=0,
                     how="started", why="first try"),
                fact(facts.STATE, 2, job_id=JOB, status=40, text="Running algorithm"),
                fact(facts.OVER, 8, job_id=JOB, outcome="failed", because="It failed.",
                     finished=at(8).isoformat()),
                fact(facts.LOG, 9, job_id=JOB, log="algorithmLog", end="row 6\nrow 7 is empty"),
                ended(9.5, "failed", **FAILURE),
            )
        )  # fmt: skip
        store.write(
            batch(began(10, role="results"), ended(12), task="results", run=Run("d", "r2", "other", 1))
        )
        yield store


def deflow(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["runs", *arguments])


def test_the_list_shows_the_newest_first(ledger: LedgerStore) -> None:
    assert deflow("list").output == (
        "GRAPH       REVISION  STATE      BEGAN (UTC)          LAST NEWS (UTC)      RUN\n"
        "other       1         succeeded  2026-03-01 12:00:10  2026-03-01 12:00:12  r2\n"
        "prediction  3         failed     2026-03-01 12:00:00  2026-03-01 12:00:09  manual__2026-03-01\n"
    )
    assert "r2" not in deflow("list", "--graph", "prediction").output
    assert deflow("list", "--graph", "none").output == "no runs yet\n"


def test_a_run_is_told_as_text(ledger: LedgerStore) -> None:
    assert deflow("show", RUN.run_id).output == (
        "prediction, revision 3: failed\n"
        "run manual__2026-03-01 of Dag deflow_prediction\n"
        "2026-03-01 12:00:00 to 2026-03-01 12:00:09 UTC\n"
        "\n"
        "TASK   TRY  BEGAN     TOOK   STATE   WHY\n"
        "train  1    12:00:00  9.5 s  failed  JobFailed\n"
        "\n"
        "train\n"
        "  job 0xab-cd on http://node\n"
        "    generation 0, environment 0xab-ef\n"
        "    12:00:01  try 1: started\n"
        "    12:00:02  Running algorithm (40)\n"
        "    12:00:08  It failed.\n"
        "    the end of its algorithmLog:\n"
        "    | row 6\n"
        "    | row 7 is empty\n"
        "  try 1 failed: JobFailed (algorithm): 'train' failed\n"
        "    hint  look [31m\n"
    )


def test_a_run_is_told_as_one_document(ledger: LedgerStore) -> None:
    document = json.loads(deflow("show", RUN.run_id, "--json").output)

    assert (document["graph"], document["revision"], document["state"]) == ("prediction", 3, "failed")
    (node,) = document["nodes"]
    assert node["jobs"][0]["logs"]["algorithmLog"] == ["row 6", "row 7 is empty"]
    assert node["requests"][0]["request"] == "start a free job"


def test_what_a_stacks_tasks_had_to_put_by_is_shown_too(ledger: LedgerStore, home: Path) -> None:
    spool = Spool(home / "storage")
    spool.keep(batch(began(60), task="late"))

    assert "late   1    12:01:00         running" in deflow("show", RUN.run_id).output
    assert list(spool.kept()) == []


def test_an_unknown_run_is_told_with_those_that_there_are(ledger: LedgerStore) -> None:
    result = deflow("show", "nope")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "Error: the ledger has no run 'nope'. The newest are\n  r2  (other)" in result.stderr


def test_it_starts_without_airflow_and_fails_in_words(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "airflow_provider_deflow.cli", "runs", "list"]
    environment = {
        **os.environ, "MONGO_URI": "mongodb://ann:s3cret@127.0.0.1:9/", "DEFLOW_HOME": str(tmp_path)
    }  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert done.returncode == 1
    assert "pymongo" in imported
    assert not imported & {"airflow", "rich", "pydantic"}
    assert "Error: MongoDB at 127.0.0.1:9 does not answer" in done.stderr
    assert "s3cret" not in done.stderr
