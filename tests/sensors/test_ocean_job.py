# SPDX-License-Identifier: Apache-2.0
"""The sensor on a real local Ocean Node, where other accounts start the jobs it waits for."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.compute import ComputeJob, JobRequest
from airflow_provider_deflow.sensors.ocean_job import OceanJobSensor
from airflow_provider_deflow.signing import KeySigner
from airflow_provider_deflow.triggers.ocean_job import OceanJobTrigger
from tests import proxy
from tests.local_ocean_node.running import KEYS, fast, running_ocean_node

# Airflow says so at each direct call of execute.
pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")

OTHER = KeySigner(KEYS[1])
LONG = "import time; time.sleep(60)"
LISTING = "POST /directCommand"


@dataclass(frozen=True)
class Others:
    """An Ocean Node on which another account starts jobs."""

    between: proxy.Proxy
    client: OceanNode

    def start(self, code: str, **metadata: Any) -> ComputeJob:
        container = {"image": "python", "tag": "3.11", "checksum": "", "entrypoint": "python3 $ALGO"}
        algorithm = {"meta": {"rawcode": code, "container": container}, "envs": {}}
        environment = self.client.environments()[0].id
        request = JobRequest(environment, algorithm, queue_max_wait_seconds=60, metadata=metadata)
        return self.client.start_free(request)

    def now(self, job: ComputeJob) -> ComputeJob:
        seen = self.client.status(job.job_id)
        assert seen is not None
        return seen

    def ended(self, job: ComputeJob) -> ComputeJob:
        while not (seen := self.now(job)).is_over:
            time.sleep(0.05)
        return seen


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Others]:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    with running_ocean_node(fast(tmp_path / "node")) as url, proxy.between(url) as between:
        extra = {"requests_per_minute": 100_000, "poll_interval_seconds": 0.2}
        connection = {"conn_type": "ocean_node", "host": between.url, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_OCEAN_NODE_DEFAULT", json.dumps(connection))
        yield Others(between, OceanNode(url, OTHER, requests_per_minute=100_000))


def sensor(deferrable: bool, timeout: float = 60, **arguments: Any) -> OceanJobSensor:
    with DAG("by_hand", schedule=None):
        return OceanJobSensor(
            task_id="wait", deferrable=deferrable, poke_interval=0.2, timeout=timeout, **arguments
        )


def waited(deferrable: bool, **arguments: Any) -> Any:
    """What the sensor returns, sent to the triggerer as often as it likes, made anew each time."""
    try:
        return sensor(deferrable, **arguments).execute({})
    except TaskDeferred as deferral:
        while True:
            event = asyncio.run(first_event(deferral.trigger))
            kwargs = json.loads(json.dumps(deferral.kwargs)) | {"event": event}
            try:
                return sensor(deferrable, **arguments).resume_execution(deferral.method_name, kwargs, {})
            except TaskDeferred as again:
                deferral = again


async def first_event(trigger: Any) -> Any:
    async for event in trigger.run():
        return event.payload


@pytest.mark.parametrize("deferrable", [False, True])
def test_it_waits_until_a_job_of_another_account_has_succeeded(others: Others, deferrable: bool) -> None:
    job = others.start("import time; time.sleep(1); open('/data/outputs/a', 'w').write('a')")

    returned = waited(deferrable, job_id=job.job_id)

    assert returned == {"ocean_node": others.between.url, "jobs": [job.job_id]}
    assert others.now(job).outcome == "succeeded"


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_filter_means_the_jobs_that_match_it_all(others: Others, deferrable: bool) -> None:
    others.ended(others.start("raise SystemExit(1)", team="blue"))
    others.start(LONG, team="red")
    since = pendulum.now("UTC")
    mine = [others.start("import time; time.sleep(1)", team="blue") for _ in range(2)]

    returned = waited(
        deferrable,
        owner_address=OTHER.address.lower(),
        environment=mine[0].environment,
        metadata={"team": "blue"},
        created_since=since.isoformat(),
        at_least=2,
    )

    assert returned["jobs"] == sorted(job.job_id for job in mine)


@pytest.mark.parametrize("deferrable", [False, True])
def test_it_waits_for_a_job_that_does_not_exist_yet(others: Others, deferrable: bool) -> None:
    def start_after_a_look() -> None:
        while LISTING not in others.between.passed:
            time.sleep(0.02)
        others.start("pass")

    starting = threading.Thread(target=start_after_a_look)
    starting.start()
    returned = waited(deferrable, owner_address=OTHER.address)
    starting.join()

    assert len(returned["jobs"]) == 1


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_job_that_fails_fails_the_sensor_with_the_operators_error(others: Others, deferrable: bool) -> None:
    job = others.start("import time; time.sleep(0.5); raise SystemExit(7)")

    with pytest.raises(AirflowFailException, match=r"JobFailed: 'wait' on http.*exit code 7") as failure:
        waited(deferrable, job_id=job.job_id)

    assert job.job_id in str(failure.value)


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_job_that_was_stopped_fails_it(others: Others, deferrable: bool) -> None:
    job = others.start(LONG)
    while others.now(job).algo_started is None:
        time.sleep(0.05)
    others.client.stop(job.job_id)

    with pytest.raises(errors.JobStopped, match=job.job_id):
        waited(deferrable, owner_address=OTHER.address)


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_job_that_is_not_there_fails_it(others: Others, deferrable: bool) -> None:
    cluster = others.client.environments()[0].id.split("-")[0]

    with pytest.raises(errors.JobVanished, match="expired"):
        waited(deferrable, job_id=f"{cluster}-{'0' * 64}")


def test_a_job_of_a_filter_that_vanishes_is_missed(others: Others) -> None:
    waiting = sensor(True, owner_address=OTHER.address)

    with pytest.raises(errors.JobVanished, match="0xgone-1"):
        waiting.go_on({}, until=time.time() + 60, running=["0xgone-1"])


def test_an_ocean_node_out_of_reach_is_waited_for(others: Others) -> None:
    others.ended(job := others.start("pass"))
    others.between.lose_request = LISTING

    assert waited(True, owner_address=OTHER.address)["jobs"] == [job.job_id]


def test_ended_by_a_person_it_leaves_the_job_alone(others: Others) -> None:
    """Its trigger has no wallet, so there is nobody to stop for; as the triggerer calls it."""
    job = others.start(LONG)
    with pytest.raises(TaskDeferred) as deferral:
        sensor(True, job_id=job.job_id).execute({})
    trigger = deferral.value.trigger
    assert isinstance(trigger, OceanJobTrigger)

    _, arguments = trigger.serialize()
    asyncio.run(OceanJobTrigger(**json.loads(json.dumps(arguments))).on_kill())
    sensor(True, job_id=job.job_id).on_kill()

    assert (arguments["wallet_conn_id"], arguments["deadline"]) == (None, None)
    assert not others.now(job).stop_requested
    assert "PUT /api/services/compute" not in others.between.passed


@pytest.mark.parametrize("deferrable", [False, True])
def test_it_gives_up_at_its_timeout_and_leaves_the_job_alone(others: Others, deferrable: bool) -> None:
    job = others.start(LONG)
    waiting = sensor(deferrable, timeout=0, job_id=job.job_id)

    with pytest.raises(AirflowSensorTimeout):
        waiting.execute({})

    assert not others.now(job).stop_requested


@pytest.mark.parametrize("deferrable", [False, True])
def test_with_soft_fail_a_failed_job_skips(others: Others, deferrable: bool) -> None:
    job = others.ended(others.start("raise SystemExit(1)"))

    with pytest.raises(AirflowSkipException):
        sensor(deferrable, job_id=job.job_id, soft_fail=True).execute({})


@pytest.mark.parametrize(
    "arguments",
    [{}, {"job_id": "0x1-2", "owner_address": OTHER.address}, {"job_id": "0x1-2", "at_least": 2}],
)
def test_what_it_cannot_mean_is_said_when_the_dag_is_written(arguments: dict[str, Any]) -> None:
    with pytest.raises(errors.SettingsError, match="'wait'"):
        sensor(True, **arguments)
