# SPDX-License-Identifier: Apache-2.0
"""What upkeep asks of Airflow, asked of a real one: its database and the API that tasks talk to.

Airflow's own `dag.test()` runs both Dags in a process of their own, without a scheduler.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_deflow.job_search import METADATA_KEY
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Batch, Entry, Place, Run
from airflow_provider_deflow.ocean.compute import ComputeJob, JobRequest
from tests.upkeep.conftest import Deployment

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

DAGS = Path(__file__).parent / "dags"
LONG = "import time; time.sleep(600)"
CONTAINER = {"image": "python", "tag": "3.11", "checksum": "", "entrypoint": "python3 $ALGO"}


# The run's id is known before it is there.
RUN_ID = "manual__2026-01-02T00:00:00+00:00"
SCRIPT = """
import json, sys
from airflow.__main__ import main
sys.argv = ["airflow", "db", "migrate"]
main()
import by_hand, pendulum
day = pendulum.datetime(2026, 1, 2)
runs = [by_hand.by_hand.test(run_after=day, logical_date=day), by_hand.upkeep.test()]
print()
print(json.dumps([[run.run_id, run.state, {ti.state for ti in run.get_task_instances()} == {"success"}]
                  for run in runs]))
"""


def in_airflow(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, bool]]:
    """Both Dags, one after the other, in a new Airflow with the connections in the environment."""
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(DAGS))
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parents[2]}:{DAGS}")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    runs: list[tuple[str, str, bool]] = json.loads(done.stdout.strip().splitlines()[-1])
    return runs


def left_behind(deployment: Deployment, key: str, run_id: str) -> ComputeJob:
    """A job of which the ledger has the intent: its try died before it heard of it."""
    client = deployment.client
    assert client.signer is not None
    account = {
        "ocean_node": client.url,
        "owner": client.signer.address,
        "ocean_node_conn_id": "ocean_node_default",
        "wallet_conn_id": "ocean_wallet_default",
    }
    run = Run("by_hand", run_id)
    deployment.ledger.write(Batch(run, (Entry.of(run, Place("train"), facts.intent(key, account)),)))
    algorithm = {"meta": {"rawcode": LONG, "container": CONTAINER}, "envs": {}}
    request = JobRequest(client.environments()[0].id, algorithm, metadata={METADATA_KEY: key})
    return client.start_free(request)


def test_a_job_that_a_finished_task_left_behind_is_stopped(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = left_behind(deployment, "a" * 64, RUN_ID)
    foreign = left_behind(deployment, "b" * 64, "a run of another Airflow")

    by_hand, upkeep = in_airflow(monkeypatch)

    assert (by_hand[0], by_hand[1]) == (RUN_ID, "success")
    assert (upkeep[1], upkeep[2]) == ("success", True), "every step"
    assert deployment.job(left.job_id).outcome is not None
    assert [(one["run"], one["job_id"]) for one in deployment.told(facts.OVER)] == [(RUN_ID, left.job_id)]
    assert not deployment.job(foreign.job_id).stop_requested
    alarms = [(one["alarm"], one["job_id"]) for one in deployment.told(facts.ALARM)]
    assert alarms == [("orphan", foreign.job_id)]
