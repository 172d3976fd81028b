# SPDX-License-Identifier: Apache-2.0
"""A graph whose second node fails, run by Airflow's own task runner: its alarm, its metrics, its lineage.

`airflow dags test` runs callbacks, listeners and triggers as workers do, in one process, with a database of
its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import drawn
from tests.local_ocean_node.running import KEYS, fast, running_ocean_node
from tests.statsd_server import StatsdServer

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

AIRFLOW = Path(sys.executable).with_name("airflow")
NOTIFIER = """
import json, os
from airflow.sdk import BaseNotifier

class ToFile(BaseNotifier):
    template_fields = ("where",)

    def __init__(self):
        super().__init__()
        self.where = os.environ["ALARMS"] + "/{{ ti.task_id }}.json"

    def notify(self, context):
        open(self.where, "w").write(json.dumps(context["alarm"]))
"""
DAG_FILE = """
import json, pathlib
from airflow_provider_deflow.dag_factory import build_dag
from airflow_provider_deflow.graphs.graph import Graph

dag = build_dag(Graph.from_document(json.loads(pathlib.Path(__file__).with_suffix(".json").read_text())))
"""


@dataclass(frozen=True)
class Monitored:
    """What one run of the graph left outside."""

    alarms: dict[str, Any]
    statsd: StatsdServer
    events: list[dict[str, Any]]
    ocean_node_url: str
    output: str


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    home = tmp_path_factory.mktemp("monitored")
    for folder in ("dags", "plugins", "alarms"):
        (home / folder).mkdir()
    (home / "plugins" / "my_alarms.py").write_text(NOTIFIER)
    graph = drawn.graph("alarming", "ab", ["ab"])
    graph["nodes"][1]["data"]["algorithm"] = drawn.algorithm(
        "import time; time.sleep(6); print('patient 7'); raise SystemExit(3)"
    )
    (home / "dags" / "drawn.py").write_text(DAG_FILE)
    (home / "dags" / "drawn.json").write_text(json.dumps(graph))
    with StatsdServer().running() as statsd, running_ocean_node(fast(home / "node")) as url:
        environment = os.environ | settings(home, url, statsd.port)
        for command in (["db", "migrate"], ["dags", "reserialize"], ["dags", "test", "deflow_alarming"]):
            done = subprocess.run(
                [AIRFLOW, *command], env=environment, capture_output=True, text=True, timeout=300
            )
        output = done.stdout + done.stderr
        assert (home / "events.json").exists(), output
        alarms = {file.stem: json.loads(file.read_text()) for file in (home / "alarms").iterdir()}
        events = [json.loads(line) for line in (home / "events.json").read_text().splitlines()]
        yield Monitored(alarms, statsd, events, url, output)


def settings(home: Path, ocean_node_url: str, statsd_port: int) -> dict[str, str]:
    transport = {"type": "file", "log_file_path": str(home / "events.json"), "append": True}
    node = {"conn_type": "ocean_node", "host": ocean_node_url, "extra": {"poll_interval_seconds": 0.5}}
    node["extra"] |= {"requests_per_minute": 100_000}  # type: ignore[operator]
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__DEFLOW__ALARM_NOTIFIERS": "my_alarms.ToFile",
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
        "AIRFLOW__METRICS__STATSD_PORT": str(statsd_port),
        "AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED": "True",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
        # An event that takes longer is dropped.
        "AIRFLOW__OPENLINEAGE__EXECUTION_TIMEOUT": "120",
        "AIRFLOW_CONN_OCEAN_NODE_DEFAULT": json.dumps(node),
        "AIRFLOW_CONN_OCEAN_WALLET_DEFAULT": json.dumps({"conn_type": "ocean_wallet", "password": KEYS[0]}),
        "ALARMS": str(home / "alarms"),
    }


def test_the_node_that_failed_for_good_is_an_alarm_with_its_job_and_whose_fault_it_is(
    monitored: Monitored,
) -> None:
    assert list(monitored.alarms) == ["b"], monitored.output[-3000:]
    alarm = monitored.alarms["b"]

    assert (alarm["kind"], alarm["dag_id"], alarm["task_id"]) == ("failure", "deflow_alarming", "b")
    assert alarm["ocean_node_url"] == monitored.ocean_node_url
    assert f"job {alarm['job_id']};" in alarm["what"]
    assert "exit code 3" in alarm["what"]
    assert "fault: algorithm" in alarm["what"]
    assert "/tasks/b" in alarm["what"], "where the log is"
    assert "patient 7" not in alarm["what"]


def test_both_jobs_are_counted_and_so_is_the_alarm(monitored: Monitored) -> None:
    statsd = monitored.statsd

    assert statsd.values("deflow.alarms", "kind=failure", "dag_id=deflow_alarming", "task_id=b") == [1]
    assert statsd.values("deflow.job.submitted", at_least=2) == [1, 1]
    assert len(statsd.values("deflow.job.ran", "task_id=b")) == 1, "told after the triggerer"
    assert statsd.values("deflow.handover.bytes", "task_id=a__b") == [3]


def test_lineage_goes_from_the_first_node_to_the_one_that_failed(monitored: Monitored) -> None:
    ended = {one["job"]["name"]: one for one in monitored.events if one["eventType"] in ("COMPLETE", "FAIL")}
    a, edge, b = (ended[f"deflow_alarming.{task}"] for task in ("a", "a__b", "b"))

    assert [one["name"] for one in a["outputs"]] == ["deflow_alarming/a/a.txt"]
    assert [one["name"] for one in edge["inputs"]] == ["deflow_alarming/a/a.txt"]
    assert [one["name"] for one in b["inputs"]] == [one["name"] for one in edge["outputs"]]
    assert (b["eventType"], b["run"]["facets"]["deflow_job"]["outcome"]) == ("FAIL", "failed")
    assert b["run"]["facets"]["deflow_job"]["jobId"] == monitored.alarms["b"]["job_id"]
