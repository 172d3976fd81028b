# SPDX-License-Identifier: Apache-2.0
"""`deflow graphs import` and `export`, on files and on a real MongoDB."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from click.testing import CliRunner, Result

from airflow_provider_deflow import cli
from airflow_provider_deflow.cli.graph_exchange import PROGRAMS
from airflow_provider_deflow.graphs.importers import FORMS
from tests import services
from tests.graphs.documents import drawn

DRAWINGS = Path(__file__).parent.parent / "graphs" / "drawings"
EXPERIMENT = DRAWINGS / "deflow-experiment.json"
FLOW = DRAWINGS / "react-flow.json"
NODE_1, NODE_2 = "https://node1.example:8001=ocean_node_default", "https://node2.example=hospital_b"


@pytest.fixture(scope="module")
def server_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MongoDB of its own, because the command always uses the database `deflow`."""
    with services.mongod(tmp_path_factory.mktemp("mongod")) as server:
        yield server.uri


@pytest.fixture
def store(server_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MONGO_URI", server_uri)
    monkeypatch.setenv("DEFLOW_HOME", str(tmp_path))
    yield
    with pymongo.MongoClient(server_uri) as client:
        client.drop_database("deflow")


def deflow(*arguments: str | Path, input: str | None = None) -> Result:
    return CliRunner().invoke(cli.main, ["graphs", *map(str, arguments)], input=input)


def written(folder: Path, document: Any, name: str = "My flow 2.json") -> Path:
    file = folder / name
    file.write_text(json.dumps(document))
    return file


def test_the_commands_know_all_programs_that_there_are():
    assert list(PROGRAMS) == list(FORMS)


def test_a_dry_run_prints_the_document_and_says_what_has_no_place():
    result = deflow("import", FLOW, "--from", "react-flow", "--dry-run")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["slug"] == "react-flow"
    assert (
        deflow("validate", "-", input=result.stdout).output == "react-flow: no problems (3 nodes, 2 edges)\n"
    )
    assert (
        "remark: nodes[0].data: `colour` has no place in a graph: it is kept for export [kept]"
        in result.stderr.splitlines()
    )


@pytest.mark.parametrize(("file", "program"), [(EXPERIMENT, "deflow"), (FLOW, "react-flow")])
def test_what_was_imported_is_exported_as_it_came(file, program):
    document = deflow("import", file, "--from", program, "--dry-run").stdout
    result = deflow("export", "-", "--to", program, input=document)
    assert (result.exit_code, result.stderr) == (0, "")
    # In its own order, too.
    assert result.stdout == file.read_text()


def test_a_dry_run_of_a_bad_drawing_prints_it_and_all_problems(tmp_path):
    original = json.loads(EXPERIMENT.read_text())
    original["nodes"][0]["data"]["algorithm_id"] = ""
    original["edges"].append({"id": "2->1", "source": "2", "target": "1"})
    file = written(tmp_path, original)
    result = deflow("import", file, "--from", "deflow", "--dry-run")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["slug"] == "disease-prediction"
    found = [line for line in result.stderr.splitlines() if line.startswith("problem: ")]
    assert found[0] == "problem: nodes[0].data.algorithm_id: is required and not there: add it [missing]"
    assert found[1].startswith("problem: 2->1: closes a cycle")
    refused = deflow("import", file, "--from", "deflow")
    assert refused.exit_code == 1
    assert "graph 'disease-prediction' has 2 problems:\n  nodes[0].data.algorithm_id: " in refused.stderr


@pytest.mark.parametrize(
    ("document", "arguments", "slug"),
    [
        ({"name": "Über Größe!"}, [], "uber-groe"),
        ({"name": "疾病"}, [], "my-flow-2"),
        ({"name": 5}, [], "my-flow-2"),
        ({}, ["--slug", "other"], "other"),
    ],
)
def test_a_graph_gets_its_slug_from_its_name_or_its_file(tmp_path, document, arguments, slug):
    file = written(tmp_path, document)
    result = deflow("import", file, "--from", "react-flow", "--dry-run", *arguments)
    assert json.loads(result.stdout)["slug"] == slug


def test_without_any_name_a_slug_has_to_be_given():
    result = deflow("import", "-", "--from", "react-flow", "--dry-run", input="{}")
    assert result.exit_code == 2
    assert "name one with --slug" in result.stderr


@pytest.mark.parametrize("text", ["[]", "5", "null"])
def test_what_is_no_drawing_is_refused(text):
    result = deflow("import", "-", "--from", "deflow", input=text)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "must be a JSON object with `nodes` and `edges`" in result.stderr
    result = deflow("export", "-", "--to", "deflow", input=text)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "must be a JSON object with `slug`, `nodes` and `edges`" in result.stderr


def test_an_ocean_nodes_connection_is_named_by_its_url():
    arguments = ["--from", "deflow", "--dry-run", "--ocean-node", NODE_1, "--ocean-node", NODE_2]
    result = deflow("import", EXPERIMENT, *arguments)
    assert [node["data"]["ocean_node"] for node in json.loads(result.stdout)["nodes"]] == [
        "ocean_node_default",
        "ocean_node_default",
        "hospital_b",
        "hospital_b",
        "ocean_node_default",
    ]
    assert deflow("import", EXPERIMENT, "--from", "deflow", "--ocean-node", "x").exit_code == 2


def test_a_graph_that_was_drawn_here_is_exported_with_what_it_needs(tmp_path):
    document = drawn("a b", schedule="@daily")
    for node in document["nodes"]:
        node["data"]["algorithm"] = {"did": "did:op:" + "0" * 64}
    document["edges"][0]["data"] = {"handover": "url"}
    file = written(tmp_path, document)
    result = deflow("export", file, "--to", "deflow", "--ocean-node", NODE_1)
    exported = json.loads(result.stdout)
    assert [node["data"]["ocean_node_address"] for node in exported["nodes"]] == [
        "https://node1.example:8001"
    ] * 2
    assert exported["orders"] == [["a"], ["b"]]
    assert result.stderr.splitlines() == [
        "remark: schedule: no place for it in a document of the original DeFlow: left out [left_out]"
    ]


def test_a_graph_with_problems_is_exported_and_that_is_said(tmp_path):
    result = deflow("export", written(tmp_path, drawn("a a")), "--to", "react-flow")
    assert result.exit_code == 0
    assert result.stderr.endswith("has problems: `deflow graphs validate` lists them\n")


def test_a_file_has_no_revisions(tmp_path):
    result = deflow("export", written(tmp_path, drawn("a b")), "--to", "react-flow", "--revision", "1")
    assert result.exit_code == 2


@pytest.mark.stack
def test_an_imported_graph_is_saved_published_edited_and_exported(store, tmp_path):
    result = deflow("import", EXPERIMENT, "--from", "deflow", "-m", "from the old one")
    assert result.stdout == (
        "saved disease-prediction, version 1\n"
        "published disease-prediction, revision 1, as Dag deflow_disease-prediction\n"
    )
    exported = deflow("export", "disease-prediction", "--to", "deflow")
    assert json.loads(exported.stdout) == json.loads(EXPERIMENT.read_text())

    document = json.loads(deflow("show", "disease-prediction").stdout)
    document["nodes"][0]["data"]["label"] = "Generation"
    deflow("save", written(tmp_path, document))
    exported = json.loads(deflow("export", "disease-prediction", "--to", "deflow").stdout)
    assert exported["nodes"][0]["data"]["label"] == "Generation"
    published = deflow("export", "disease-prediction", "--to", "deflow", "--revision", "1")
    assert json.loads(published.stdout) == json.loads(EXPERIMENT.read_text())


@pytest.mark.stack
def test_an_import_takes_the_place_of_a_graph_only_when_asked_to(store):
    deflow("import", EXPERIMENT, "--from", "deflow")
    again = deflow("import", EXPERIMENT, "--from", "deflow")
    assert again.exit_code == 1
    assert "graph 'disease-prediction' was saved by" in again.stderr
    assert "with --based-on, or another --slug" in again.stderr
    arguments = ["--from", "deflow", "--ocean-node", NODE_1]
    assert deflow("import", EXPERIMENT, *arguments, "--slug", "other").exit_code == 0
    replaced = deflow("import", EXPERIMENT, *arguments, "--based-on", "1")
    assert replaced.stdout.startswith("saved disease-prediction, version 2\npublished")


@pytest.mark.stack
def test_a_drawing_with_problems_can_be_saved_as_a_draft(store):
    result = deflow("import", EXPERIMENT, "--from", "react-flow", "--draft", "--slug", "draft")
    assert (result.exit_code, result.stdout) == (0, "saved draft, version 1\n")
    assert "problem: nodes[0].data.algorithm: is required" in result.stderr
    exported = deflow("export", "draft", "--to", "react-flow")
    assert json.loads(exported.stdout) == json.loads(EXPERIMENT.read_text())


def test_showing_and_exporting_load_neither_airflow_nor_mongodb(tmp_path):
    """Nobody waits for their imports."""
    file = written(tmp_path, drawn("a b"))
    for arguments in (["--help"], [file, "--to", "react-flow"]):
        command = ["-m", "airflow_provider_deflow.cli", "graphs", "export", *map(str, arguments)]
        done = subprocess.run(
            [sys.executable, "-X", "importtime", *command], capture_output=True, text=True, check=True
        )
        packages = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
        assert "click" in packages
        assert not packages & {"airflow", "pymongo", "requests", "rich"}
        # Help needs no graph.
        assert ("pydantic" in packages) == (arguments != ["--help"])
