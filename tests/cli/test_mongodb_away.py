# SPDX-License-Identifier: Apache-2.0
"""Commands whose MongoDB is away, frozen or refuses: one message, exit code 1, within seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner

from airflow_provider_deflow import cli
from airflow_provider_deflow.stack import mongod as part
from tests import services

pytestmark = pytest.mark.stack

# With where it finds MongoDB.
COMMANDS = [
    ("URI", ["runs", "show", "r"]),
    ("URI", ["graphs", "save", "--draft", "g.json"]),
    ("connection", ["runs", "list"]),
    ("connection", ["graphs", "list"]),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.Mongod]:
    with services.mongod(tmp_path_factory.mktemp("mongod")) as one:
        yield one


@pytest.fixture(params=["away", "frozen", "refusing"])
def trouble(request: pytest.FixtureRequest, server: services.Mongod) -> tuple[str, str, bool]:
    """A URI, what is said of it, and whether the server is frozen."""
    return {
        "away": ("mongodb://ann:hunter2@127.0.0.1:9", "127.0.0.1:9 does not answer", False),
        "frozen": (server.uri, "does not answer", True),
        "refusing": (server.uri.replace("//", "//ann:hunter2@"), "refused: AuthenticationFailed", False),
    }[request.param]


@pytest.mark.parametrize(
    ("way", "command"), COMMANDS, ids=lambda value: value if isinstance(value, str) else "-".join(value[:2])
)
def test_a_command_says_what_is_wrong_and_ends(
    server: services.Mongod,
    trouble: tuple[str, str, bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    command: list[str],
) -> None:
    uri, told, is_frozen = trouble
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MONGO_URI", raising=False)
    if way == "connection":
        monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", part.airflow_connection(uri))
    else:
        monkeypatch.setenv("MONGO_URI", uri)
    (tmp_path / "g.json").write_text('{"slug": "g"}')
    frozen: AbstractContextManager[None] = server.frozen() if is_frozen else nullcontext()

    with frozen:
        began = time.monotonic()
        result = CliRunner().invoke(cli.main, command)
        took = time.monotonic() - began

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: MongoDB at 127.0.0.1:")
    assert told in result.stderr.replace(" (connection 'deflow_mongo')", "")
    assert ("(connection 'deflow_mongo')" in result.stderr) is (way == "connection")
    assert "Traceback" not in result.output
    assert "hunter2" not in result.output
    assert took < 15
