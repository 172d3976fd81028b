# SPDX-License-Identifier: Apache-2.0
"""`deflow graphs …` on a real MongoDB and a real storage folder; Airflow is played by a small server."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pymongo
import pytest
from click.testing import CliRunner, Result

from airflow_provider_deflow import cli
from airflow_provider_deflow.graphs import Graph
from tests import services
from tests.graphs.documents import drawn

DIAMOND = drawn("a b", "a c", "b d", "c d", name="Diamond")


@pytest.fixture(scope="module")
def server_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MongoDB of its own, because the command always uses the database `deflow`."""
    with services.mongod(tmp_path_factory.mktemp("mongod")) as server:
        yield server.uri


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MONGO_URI", "DEFLOW_AIRFLOW_URL", "DEFLOW_AIRFLOW_USERNAME", "DEFLOW_AIRFLOW_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DEFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("USER", "ann")
    monkeypatch.setenv("LOGNAME", "ann")
    return tmp_path


@pytest.fixture
def stack(home: Path, server_uri: str) -> Iterator[Path]:
    """The home folder of a stack that is up, as far as these commands need one."""
    (home / "storage").mkdir()
    addresses = {"mongo_uri": server_uri, "storage": f"file://{home / 'storage'}"}
    (home / "stack.json").write_text(json.dumps(addresses))
    yield home
    with pymongo.MongoClient(server_uri) as client:
        client.drop_database("deflow")


def deflow(*arguments: str | Path, input: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli.main, ["graphs", *map(str, arguments)], input=input)


def written(folder: Path, document: Any) -> Path:
    file = folder / "graph.json"
    file.write_text(json.dumps(document))
    return file


# validate


def test_a_good_graph_is_valid(home):
    result = deflow("validate", written(home, DIAMOND))
    assert (result.exit_code, result.output) == (0, "test: no problems (4 nodes, 4 edges)\n")


def test_all_problems_are_listed_and_the_exit_code_says_so(home):
    result = deflow("validate", written(home, drawn("a b", "b a", colour="red")))
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "colour: is no key that there is here: remove it, or look at its spelling [unknown_key]",
        "b-a: closes a cycle, and no node of it could ever start: remove one of the edges a-b, b-a [cycle]",
    ]


def test_problems_can_be_had_as_json(home):
    result = deflow("validate", "--json", written(home, drawn("a a")))
    assert result.exit_code == 1
    assert json.loads(result.output) == [
        {"code": "self_loop", "where": "a-a", "message": "begins and ends at 'a': remove it"}
    ]
    assert json.loads(deflow("validate", "--json", written(home, DIAMOND)).output) == []


def test_a_graph_can_come_from_standard_input(home):
    assert deflow("validate", "-", input=json.dumps(DIAMOND)).exit_code == 0
    assert deflow("validate", "-", input="\ufeff" + json.dumps(DIAMOND)).exit_code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"slug": "x",\n "nodes": [}', "is not JSON: Expecting value at line 2, column 12"),
        (b"", "is not JSON: Expecting value at line 1, column 1"),
        (b"\xff\xfe", "is not UTF-8 text, at byte 0"),
        (b"[" * 200_000, "is nested too deep to be a graph"),
    ],
)
def test_what_is_no_json_is_said_with_its_place(home, text, message):
    result = deflow("validate", "-", input=text)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


def test_a_file_that_is_not_there_is_a_usage_error(home):
    assert deflow("validate", home / "none.json").exit_code == 2


# save, list, show, delete


@pytest.mark.stack
def test_a_graph_is_saved_and_published_listed_shown_and_deleted(stack):
    saved = deflow("save", written(stack, DIAMOND), "-m", "first")
    assert saved.output == "saved test, version 1\npublished test, revision 1, as Dag deflow_test\n"
    (header, line) = deflow("list").output.splitlines()
    assert header.split() == ["SLUG", "REVISION", "VERSION", "SAVED", "BY", "NAME"]
    assert line.split()[:3] == ["test", "1", "1"]
    assert line.split()[-2:] == ["ann", "Diamond"]
    shown = deflow("show", "test")
    assert json.loads(shown.stdout) == Graph.from_document(DIAMOND).to_document()
    assert shown.stderr.startswith("test, version 1, saved by ann at ")
    assert deflow("delete", "test", "--yes").output == "deleted test\n"
    assert len(deflow("list").output.splitlines()) == 1
    assert json.loads(deflow("show", "test", "--revision", "1").stdout)["slug"] == "test"


@pytest.mark.stack
def test_saving_again_takes_the_place_of_what_is_there(stack):
    deflow("save", written(stack, DIAMOND))
    again = deflow("save", written(stack, DIAMOND | {"name": "Other"}))
    assert again.output == "saved test, version 2\npublished test, revision 2, as Dag deflow_test\n"
    assert "published by ann" in deflow("show", "test", "--revision", "1").stderr


@pytest.mark.stack
def test_saving_what_somebody_changed_meanwhile_is_refused_when_asked_to_look(stack):
    deflow("save", written(stack, DIAMOND))
    deflow("save", written(stack, DIAMOND | {"name": "Other"}))
    result = deflow("save", written(stack, DIAMOND), "--based-on", "1")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: graph 'test' was saved by ann at ")


@pytest.mark.stack
def test_a_draft_is_saved_with_its_problems_and_not_published(stack):
    result = deflow("save", "--draft", written(stack, drawn("a a")))
    assert (result.exit_code, result.output) == (0, "saved test, version 1\n")
    assert deflow("list").output.splitlines()[1].split()[1:3] == ["-", "+"]


@pytest.mark.stack
def test_a_graph_with_problems_is_not_saved_to_be_published(stack):
    result = deflow("save", written(stack, drawn("a a", "b b")))
    assert result.exit_code == 1
    assert "graph 'test' has 2 problems:\n  a-a: begins and ends" in result.stderr
    assert len(deflow("list").output.splitlines()) == 1


@pytest.mark.stack
def test_deleting_asks_first(stack):
    deflow("save", written(stack, DIAMOND))
    assert deflow("delete", "test", input="n\n").exit_code == 1
    assert len(deflow("list").output.splitlines()) == 2
    assert deflow("delete", "test", input="y\n").exit_code == 0
    gone = deflow("show", "test")
    assert gone.exit_code == 1
    assert gone.stderr.startswith("Error: graph 'test' was deleted by ann at ")


@pytest.mark.stack
def test_mongo_uri_comes_before_the_stack(stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MONGO_URI", "mongodb://127.0.0.1:9/?directConnection=true")
    assert "127.0.0.1:9 does not answer" in deflow("list").stderr


# upload


def test_an_uploaded_file_is_kept_by_its_hash_and_its_dataset_is_printed(home):
    (home / "storage").mkdir()
    (home / "stack.json").write_text(json.dumps({"storage": f"file://{home / 'storage'}"}))
    files = [home / "a b.csv", home / "c.csv"]
    for file in files:
        file.write_text(f"content of {file.name}")
    result = deflow("upload", *files)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    sums = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert lines == [{"upload": sums[0], "name": "a b.csv"}, {"upload": sums[1], "name": "c.csv"}]
    assert "a b.csv: 18 bytes" in result.stderr
    kept = {file.name: file.read_text() for file in (home / "storage").rglob("*") if file.is_file()}
    assert kept == {sums[0]: "content of a b.csv", sums[1]: "content of c.csv"}
    document = drawn(nodes="a")
    document["nodes"][0]["data"]["datasets"] = lines
    assert deflow("validate", written(home, document)).exit_code == 0


# run


class PlayedAirflow(ThreadingHTTPServer):
    """Answers as Airflow does: a run that is queued at first and then ends in `ends`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.ends = "success"
        self.pages = [""]
        self.asked: list[tuple[str, str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        self.asked.append((method, path, body))
        polls = sum(path.endswith("/dagRuns/r1") for _, path, _ in self.asked)
        state = "running" if polls < 2 else self.ends
        dates = {"start_date": None, "end_date": None}
        match method, path.partition("?")[0].removeprefix("/api/v2"):
            case "POST", "/auth/token":
                good = body == {"username": "ann", "password": "s3cret"}
                return (201, {"access_token": "t"}) if good else (401, {"detail": "Invalid credentials"})
            case "GET", "/dags/deflow_test/details":
                some_nodes = {"value": [], "schema": {"type": "array", "items": {"enum": ["a", "b"]}}}
                page = self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]
                return 200, {"is_stale": False, "doc_md": page, "params": {"from": some_nodes}}
            case "POST", "/dags/deflow_test/dagRuns/r1/clear":
                self.ends = "success"
                return 200, {}
            case "PATCH", "/dags/deflow_test":
                return 200, {}
            case "POST", "/dags/deflow_test/dagRuns":
                return 200, {"dag_run_id": "r1"}
            case "GET", "/dags/deflow_test/dagRuns/r1":
                run = {"dag_id": "deflow_test", "dag_run_id": "r1", "bundle_version": "1"}
                return 200, {**run, **dates, "state": state}
            case "GET", "/dags/deflow_test/dagRuns/r1/taskInstances":
                place = {"queue": "default", "pool": "default_pool", "hostname": "here"}
                task = {
                    "task_id": "a",
                    "map_index": -1,
                    "try_number": 1,
                    "operator_name": "X",
                    **place,
                    **dates,
                }
                return 200, {"task_instances": [{**task, "state": state}], "next_cursor": None}
        return 404, {"detail": "not found"}


class _Answers(BaseHTTPRequestHandler):
    server: PlayedAirflow

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        status, reply = self.server.answer(self.command, self.path, body)
        text = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_POST = do_PATCH = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def airflow(home: Path) -> Iterator[PlayedAirflow]:
    with PlayedAirflow() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack = {"airflow_url": server.url, "username": "ann", "password": "s3cret"}
        (home / "stack.json").write_text(json.dumps(stack))
        yield server
        server.shutdown()


def test_a_run_is_started_with_its_parameters(airflow):
    result = deflow("run", "test", "--param", "x=0.5", "--param", "name=Ann", "--param", "odd=a=NaN")
    assert result.exit_code == 0, result.output
    assert f"r1 is on its way: {airflow.url}/dags/deflow_test/runs/r1" in result.output
    (start,) = [body for method, path, body in airflow.asked if path.endswith("/dagRuns")]
    assert start["conf"] == {"x": 0.5, "name": "Ann", "odd": "a=NaN"}
    assert ("PATCH", "/api/v2/dags/deflow_test", {"is_paused": False}) in airflow.asked


@pytest.mark.parametrize(("ends", "exit_code"), [("success", 0), ("failed", 1)])
def test_waiting_shows_each_change_and_the_exit_code_is_the_runs(airflow, ends, exit_code):
    airflow.ends = ends
    result = deflow("run", "test", "--wait")
    assert result.exit_code == exit_code
    assert result.output.splitlines()[1:] == [
        "  a: running",
        f"  a: {'done' if ends == 'success' else 'failed'}",
        f"r1: {ends}",
    ]


def test_a_part_of_a_graph_is_run(airflow):
    result = deflow("run", "test", "--from", "a", "--from", "b", "--to", "b", "--param", "x=1")
    assert result.exit_code == 0, result.output
    (start,) = [body for method, path, body in airflow.asked if path.endswith("/dagRuns")]
    assert start["conf"] == {"x": 1, "from": ["a", "b"], "to": ["b"]}
    assert "why a node runs, is reused or skipped: deflow explain r1 NODE" in result.output


@pytest.mark.stack
def test_what_has_just_been_saved_is_what_runs(airflow, home, server_uri):
    """Airflow reads a new revision a moment later; until then a run would be one of the old."""
    addresses = json.loads((home / "stack.json").read_text())
    (home / "stack.json").write_text(json.dumps({**addresses, "mongo_uri": server_uri}))
    deflow("save", written(home, DIAMOND))
    airflow.pages = ["sha256 of before", f"sha256 {Graph.from_document(DIAMOND).sha256}"]

    assert deflow("run", "test").exit_code == 0

    read = [path for method, path, _ in airflow.asked if path.endswith("/details")]
    assert len(read) == 2
    with pymongo.MongoClient(server_uri) as client:
        client.drop_database("deflow")


def test_a_node_that_is_not_there_is_told_with_those_that_are(airflow):
    result = deflow("run", "test", "--only", "c")
    assert result.exit_code == 2
    assert "Invalid value for --only: 'test' has no node 'c'. Its nodes are a, b." in result.stderr
    assert not [path for _, path, _ in airflow.asked if path.endswith("/dagRuns")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--only", "a", "--from", "b"), "--only says by itself what runs"),
        (("--resume", "r1", "--from", "b"), "--resume goes on with what the run was asked for"),
        (("--resume", "r1", "--param", "x=1"), "--resume goes on with what the run was asked for"),
    ],
)
def test_what_contradicts_itself_asks_nobody(airflow, options, said):
    result = deflow("run", "test", *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert airflow.asked == []


def test_a_run_that_is_over_is_resumed_on_the_newest_revision(airflow):
    airflow.ends = "failed"
    airflow.asked.append(("GET", "/dagRuns/r1", None))  # so it has ended
    result = deflow("run", "test", "--resume", "r1", "--wait")
    assert result.exit_code == 0, result.output
    (clear,) = [body for _, path, body in airflow.asked if path.endswith("/r1/clear")]
    assert clear == {"dry_run": False, "only_failed": False, "run_on_latest_version": True}
    assert not [path for _, path, _ in airflow.asked if path.endswith("/dagRuns")]


def test_a_run_that_goes_on_is_not_resumed(airflow):
    result = deflow("run", "test", "--resume", "r1")
    assert result.exit_code == 1
    assert "r1 is running: only a run that is over can be resumed" in result.stderr


def test_a_parameter_is_a_name_and_a_value(airflow):
    assert deflow("run", "test", "--param", "x").exit_code == 2
    assert airflow.asked == []


def test_the_stacks_password_is_for_the_stacks_airflow_only(airflow, home, monkeypatch: pytest.MonkeyPatch):
    (home / "stack.json").write_text(
        json.dumps({"airflow_url": "http://127.0.0.1:9", "username": "ann", "password": "s3cret"})
    )
    result = deflow("run", "test", "--airflow-url", airflow.url)
    assert result.exit_code == 1
    assert "set DEFLOW_AIRFLOW_USERNAME and DEFLOW_AIRFLOW_PASSWORD" in result.stderr
    monkeypatch.setenv("DEFLOW_AIRFLOW_USERNAME", "ann")
    monkeypatch.setenv("DEFLOW_AIRFLOW_PASSWORD", "s3cret")
    assert deflow("run", "test", "--airflow-url", airflow.url).exit_code == 0


def test_without_an_airflow_it_says_how_to_get_one(home):
    result = deflow("run", "test")
    assert result.exit_code == 1
    assert "Start one with `deflow up`, or name one with --airflow-url" in result.stderr
