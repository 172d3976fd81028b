# SPDX-License-Identifier: Apache-2.0
"""The `deflow` command itself: what it offers, what it loads, how it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from airflow_provider_deflow import __version__, cli, errors
from tests.graphs.documents import drawn

DEFLOW = [sys.executable, "-m", "airflow_provider_deflow.cli"]


def test_it_says_its_version():
    result = CliRunner().invoke(cli.main, ["--version"])
    assert (result.exit_code, result.output) == (0, f"deflow, version {__version__}\n")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_that_it_offers_is_there_and_explains_itself(name):
    assert f"  {name} " in CliRunner().invoke(cli.main, ["--help"]).output
    result = CliRunner().invoke(cli.main, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert f"Usage: main {name}" in result.output


def test_an_unknown_command_is_a_usage_error():
    result = CliRunner().invoke(cli.main, ["fly"])
    assert result.exit_code == 2
    assert "No such command 'fly'" in result.output


def test_an_error_of_ours_is_one_message_without_a_traceback(monkeypatch: pytest.MonkeyPatch):
    @click.command()
    def graphs() -> None:
        raise errors.StoreUnreachable("MongoDB does not answer. Is it running?")

    monkeypatch.setattr("airflow_provider_deflow.cli.graphs.graphs", graphs)
    result = CliRunner().invoke(cli.main, ["graphs"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: MongoDB does not answer. Is it running?\n"


def test_checking_a_graph_loads_neither_airflow_nor_mongodb(tmp_path: Path):
    """It works where neither is configured, and nobody waits for their imports."""
    graph = tmp_path / "graph.json"
    graph.write_text(json.dumps(drawn("a b", "b c")))
    command = [*DEFLOW, "graphs", "validate", str(graph)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "test: no problems (3 nodes, 2 edges)\n"
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", *command[1:]], capture_output=True, text=True, check=True
    ).stderr
    packages = {line.rpartition("|")[2].strip().partition(".")[0] for line in loaded.splitlines()}
    assert "pydantic" in packages
    assert not packages & {"airflow", "pymongo", "requests", "rich"}


def test_it_is_a_program_that_fails_with_a_message_on_standard_error(tmp_path: Path):
    done = subprocess.run(
        [*DEFLOW, "graphs", "list"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MONGO_URI": "mongodb://ann:s3cret@127.0.0.1:9/", "DEFLOW_HOME": str(tmp_path)},
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: MongoDB at 127.0.0.1:9 does not answer")
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr
