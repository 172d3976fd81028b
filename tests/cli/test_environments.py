# SPDX-License-Identifier: Apache-2.0
"""`deflow environments` against a server that lists what a real Ocean Node listed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from airflow_provider_deflow import cli
from tests import services
from tests.graphs.documents import drawn
from tests.ocean.conftest import Recordings, ScriptedNode

LISTED: list[dict[str, Any]] = Recordings()("environments", "environments-all")["response"]["body"]["json"]
IDS = {one["description"]: one["id"] for one in LISTED}
MAIN, WALLED = "main: paid and free", "walled"
WALLED_ADDRESS = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"


@pytest.fixture
def node() -> Iterator[ScriptedNode]:
    scripted = ScriptedNode()
    scripted.answer("GET", "/api/services/computeEnvironments", (200, LISTED))
    yield scripted
    scripted.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEFLOW_HOME", str(tmp_path))
    for name in ("MONGO_URI", "AIRFLOW__DEFLOW__ENVIRONMENT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def deflow(*arguments: str | Path, input: str | None = None) -> Result:
    return CliRunner().invoke(cli.main, ["environments", *map(str, arguments)], input=input)


def graph(*edges: str, **data: Any) -> str:
    """A drawing whose first node says `data` of its own."""
    document = drawn(*edges)
    document["nodes"][0]["data"].update(data)
    return json.dumps(document)


# what there is


def test_a_table_shows_what_there_is_and_the_ids_whole(home: Path, node: ScriptedNode) -> None:
    result = deflow("--ocean-node-url", node.url)

    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{node.url}: 5 compute environments\n")
    assert all(f"{name}: {id_}\n" in result.output for name, id_ in IDS.items())
    assert "for some only" in result.output
    assert "2 of 2 cpu" in result.output


def test_json_has_all_of_it(home: Path, node: ScriptedNode) -> None:
    shown = json.loads(deflow("--ocean-node-url", node.url, "--json").output)

    assert shown["ocean_node"] == node.url
    main, short, walled, paid_only, _ = shown["environments"]
    assert main["resources"][0] == {"id": "cpu", "total": 2, "in_use": 0, "min": 1, "max": 2}
    assert main["free"]["max_duration_seconds"] == 600
    assert short["paid"] is None
    assert walled["free"]["access"] == {"addresses": [WALLED_ADDRESS], "access_lists": []}
    assert paid_only["free"] is None
    assert paid_only["fees"][0]["prices"] == {"cpu": "3"}


def test_an_ocean_node_of_the_stack_is_found(home: Path, node: ScriptedNode) -> None:
    (home / "stack.json").write_text(json.dumps({"ocean_node_url": node.url}))

    assert deflow().output.startswith(f"{node.url}: 5 compute environments\n")


def test_an_airflow_connection_is_found(
    home: Path, node: ScriptedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(home))
    connection = json.dumps({"conn_type": "ocean_node", "host": node.url})
    monkeypatch.setenv("AIRFLOW_CONN_ELSEWHERE", connection)

    assert deflow("--ocean-node", "elsewhere").output.startswith(f"{node.url}: 5 compute environments\n")


def test_an_ocean_node_that_does_not_answer_is_one_message(home: Path) -> None:
    result = deflow("--ocean-node-url", "http://127.0.0.1:9")

    assert result.exit_code == 1
    assert "http://127.0.0.1:9" in result.stderr
    assert "Traceback" not in result.output


# what a graph gets


def test_each_node_of_a_graph_is_told_its_environment_and_why_not_the_others(
    home: Path, node: ScriptedNode
) -> None:
    result = deflow("--for", "-", "--ocean-node-url", node.url, input=graph("a b"))

    assert result.exit_code == 0, result.output
    for name in ("a", "b"):
        assert f"{name} on {node.url}: {IDS[MAIN]} ({MAIN}), policy free\n" in result.output
    assert "it is for certain accounts only, and none was given" in result.output
    # One listing serves all nodes.
    assert node.paths() == ["GET /api/services/computeEnvironments"]


def test_a_node_that_gets_none_fails_the_command_and_says_what_each_one_misses(
    home: Path, node: ScriptedNode
) -> None:
    result = deflow(
        "--for", "-", "--ocean-node-url", node.url, "--json", input=graph("a b", compute_resources={"cpu": 9})
    )

    assert result.exit_code == 1
    first, second = json.loads(result.output)
    assert (first["node"], first["chosen"]) == ("a", None)
    reasons = {one["environment"]: one["reasons"] for one in first["rejected"]}
    assert reasons[IDS[MAIN]] == ["at most 1 cpu, 9 cpu asked for"]
    assert second["chosen"]["environment"] == IDS[MAIN]
    assert [offer["description"] for offer in second["fits"]] == [MAIN, "free only, short"]


def test_a_named_environment_that_is_gone_is_said_to_be(home: Path, node: ScriptedNode) -> None:
    result = deflow(
        "--for", "-", "--ocean-node-url", node.url, input=graph("a b", environment="0xgone-0xgone")
    )

    assert result.exit_code == 1
    assert "0xgone-0xgone is not on this Ocean Node any more" in result.output


def test_an_account_opens_what_is_for_it(home: Path, node: ScriptedNode) -> None:
    named = graph("a b", environment=IDS[WALLED])
    arguments = ("--for", "-", "--ocean-node-url", node.url)

    assert deflow(*arguments, input=named).exit_code == 1
    assert deflow(*arguments, "--address", WALLED_ADDRESS.lower(), input=named).exit_code == 0


def test_the_policy_is_airflows_unless_one_is_given(
    home: Path, node: ScriptedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("--for", "-", "--ocean-node-url", node.url)
    monkeypatch.setenv("AIRFLOW__DEFLOW__ENVIRONMENT_POLICY", "fastest")

    assert "policy fastest" in deflow(*arguments, input=graph("a b")).output
    assert "policy cheapest" in deflow(*arguments, "--policy", "cheapest", input=graph("a b")).output


def test_a_graph_with_problems_is_not_weighed(home: Path, node: ScriptedNode) -> None:
    result = deflow("--for", "-", "--ocean-node-url", node.url, input=graph("a b", "b a"))

    assert result.exit_code == 1
    assert "closes a cycle" in result.stderr


def test_a_stored_graph_is_weighed_by_its_slug(
    home: Path, node: ScriptedNode, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path / "graph.json"
    file.write_text(graph("a b"))
    with services.mongod(tmp_path_factory.mktemp("mongod")) as server:
        stack = {"mongo_uri": server.uri, "ocean_node_url": node.url}
        (home / "stack.json").write_text(json.dumps(stack))
        assert CliRunner().invoke(cli.main, ["graphs", "save", "--draft", str(file)]).exit_code == 0

        result = deflow("--for", "test")

    assert f"a on {node.url}: {IDS[MAIN]}" in result.output


def test_with_an_address_it_needs_no_airflow(home: Path, node: ScriptedNode, tmp_path: Path) -> None:
    file = tmp_path / "graph.json"
    file.write_text(graph("a b"))
    command = [sys.executable, "-X", "importtime", "-m", "airflow_provider_deflow.cli", "environments"]
    done = subprocess.run(
        [*command, "--for", str(file), "--ocean-node-url", node.url],
        capture_output=True,
        text=True,
        check=True,
    )
    packages = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "requests" in packages
    assert not packages & {"airflow", "pymongo", "web3"}
