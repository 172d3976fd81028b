# SPDX-License-Identifier: Apache-2.0
"""A task that is told to end, and what it does about its job; Airflow's part is in e2e/test_stops.py."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowNotFoundException,
    AirflowTaskTimeout,
    TaskDeferred,
)
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from airflow_provider_deflow import alarms, errors, job_search, jobs, metrics
from airflow_provider_deflow.hooks.storage import ledger_spool
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.compute import ComputeJob
from airflow_provider_deflow.operators import last_stop
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.signing import KeySigner
from airflow_provider_deflow.triggers.ocean_job import OceanJobTrigger
from tests import proxy
from tests.local_ocean_node.running import KEYS
from tests.operators.one_task import Memory, context, operator

pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")

SLEEP = "import time; time.sleep(60)"
STOP = "PUT /api/services/compute"
ALARM = "DeFlow alarm: orphan"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long there is does not decide, except where the test says so."""
    monkeypatch.setattr(last_stop, "LAST_SECONDS", 60.0)


@pytest.fixture
def airflow_says(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Airflow's word on the task's state, which only its processes could ask for."""

    def say(state: str) -> None:
        told = {"run 1": {"train": state}}
        monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", lambda **_: told)

    return say


def begun(between: proxy.Proxy) -> tuple[OceanComputeOperator, OceanJobTrigger]:
    """A deferred task whose algorithm runs: a stop before that makes a job fail, not be stopped."""
    task = operator(SLEEP)
    with pytest.raises(TaskDeferred) as deferral:
        task.execute(context())
    assert isinstance(deferral.value.trigger, OceanJobTrigger)
    while job_at(between).algo_started is None:
        time.sleep(0.05)
    return task, deferral.value.trigger


def job_at(between: proxy.Proxy) -> ComputeJob:
    (job,) = OceanNode(between.url, requests_per_minute=100_000).jobs_of(KeySigner(KEYS[0]).address)
    return job


@pytest.mark.parametrize("state", ["failed", "success", "skipped", "restarting", "None"])
def test_a_persons_word_stops_the_job_and_sees_its_end(
    between: proxy.Proxy, airflow_says: Any, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    task, _ = begun(between)
    airflow_says(state)

    task.on_kill()

    assert job_at(between).outcome == "stopped"
    assert ALARM not in caplog.text


def test_a_shutdown_leaves_the_job_for_the_next_try(between: proxy.Proxy, airflow_says: Any) -> None:
    task, _ = begun(between)
    airflow_says("running")

    task.on_kill()

    assert STOP not in between.passed
    assert not job_at(between).stop_requested


def test_a_timeout_of_airflows_stops_the_job_though_the_task_still_runs(
    between: proxy.Proxy, airflow_says: Any
) -> None:
    task, _ = begun(between)
    airflow_says("running")

    try:
        raise AirflowTaskTimeout("as Airflow does it")
    except AirflowTaskTimeout:
        task.on_kill()

    assert job_at(between).outcome == "stopped"


def test_a_job_whose_end_is_not_seen_in_time_is_told_by_an_alarm(
    between: proxy.Proxy, airflow_says: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An Ocean Node that takes a request and does not answer keeps only a thread busy."""
    task, _ = begun(between)
    airflow_says("failed")
    answered = threading.Event()
    monkeypatch.setattr(last_stop.LastStop, "_stop", lambda *_: answered.wait(60))
    monkeypatch.setattr(last_stop, "LAST_SECONDS", 0.1)

    task.on_kill()

    assert not answered.is_set()
    answered.set()
    (told,) = [line for line in caplog.text.splitlines() if ALARM in line]
    assert f"dag_id=by_hand run_id=run 1 task_id=train job_id={task.job_id}" in told
    assert between.url in told


def test_an_alarm_in_a_signal_handler_waits_for_no_lock_that_the_interrupted_code_holds(
    between: proxy.Proxy, airflow_says: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal came while this thread was counting: ledger and notifiers have the alarm all the same."""
    task, _ = begun(between)
    airflow_says("failed")
    monkeypatch.setattr(last_stop.LastStop, "_stop", lambda *_: False)
    monkeypatch.setattr(last_stop, "TELLING_SECONDS", 1.0)
    told: list[str] = []
    monkeypatch.setattr(alarms, "_tell", lambda alarm, _: told.append(alarm.job_id))
    counting = threading.Lock()

    def count(*_: Any, **__: Any) -> None:
        if counting.acquire(timeout=30):
            counting.release()

    monkeypatch.setattr(metrics, "count", count)
    began = time.monotonic()

    with counting:
        task.on_kill()

    assert time.monotonic() - began < 20
    assert told == [task.job_id]
    kept = [entry for _, batch in ledger_spool().kept() if batch for entry in batch.entries]
    assert facts.ALARM in {entry.kind for entry in kept}


def test_a_job_of_a_task_that_airflow_tells_nothing_about_is_left_and_told_by_an_alarm(
    between: proxy.Proxy, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of Airflow's processes nobody can be asked."""
    task, _ = begun(between)
    monkeypatch.setattr(last_stop, "LAST_SECONDS", 1.0)

    task.on_kill()

    assert "its task's state is not known" in caplog.text
    assert ALARM in caplog.text
    assert STOP not in between.passed


def test_a_task_told_to_end_while_its_job_is_started_stops_it_when_it_is_known(
    between: proxy.Proxy, airflow_says: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = operator(SLEEP)
    airflow_says("failed")
    original = OceanNode.start_free

    def told_meanwhile(*args: Any, **kwargs: Any) -> ComputeJob:
        job = original(*args, **kwargs)
        task.on_kill()
        return job

    monkeypatch.setattr(OceanNode, "start_free", told_meanwhile)

    # One that was stopped while its image was pulled counts as not run.
    with pytest.raises((errors.JobStopped, errors.JobNotRun)):
        task.execute(context())

    assert STOP in between.passed
    assert job_at(between).is_over


@pytest.fixture
def timed_out_in_start(between: proxy.Proxy, monkeypatch: pytest.MonkeyPatch) -> Any:
    """As Airflow's `execution_timeout` does it, when a start was sent and its reply has not been read."""

    def execute(task: OceanComputeOperator, of: Any, meanwhile: Any = lambda: None) -> None:
        original = OceanNode.start_free

        def late(*args: Any, **kwargs: Any) -> ComputeJob:
            original(*args, **kwargs)
            meanwhile()
            raise AirflowTaskTimeout("as Airflow does it")

        monkeypatch.setattr(OceanNode, "start_free", late)
        try:
            task.execute(of)
        except AirflowTaskTimeout:
            task.on_kill()

    return execute


def test_a_job_whose_start_was_sent_and_not_answered_in_time_is_found_and_stopped(
    between: proxy.Proxy, timed_out_in_start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    timed_out_in_start(operator(SLEEP), context())

    assert STOP in between.passed
    assert job_at(between).is_over
    assert ALARM not in caplog.text


def test_a_start_whose_job_cannot_be_looked_for_is_told_by_an_alarm_with_its_key(
    between: proxy.Proxy,
    timed_out_in_start: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(last_stop, "TIMED_OUT_SECONDS", 1.0)
    of = context()

    timed_out_in_start(operator(SLEEP), of, between.go_away)

    key = of["task_state_store"][jobs.MEMORY_KEY]["key"]
    (told,) = [line for line in caplog.text.splitlines() if ALARM in line]
    assert f"task_id=train ocean_node_url={between.url}" in told
    assert f"a job whose key begins with {key[:8]} may run" in told
    assert key not in told


def test_a_start_of_which_no_job_came_is_no_alarm(
    between: proxy.Proxy,
    timed_out_in_start: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The request was lost on its way: it is certain a while later that nothing will come of it."""
    monkeypatch.setattr(job_search, "UNCONFIRMED_SECONDS", 1.0)
    between.lose_request = "POST /api/services/freeCompute"
    original = OceanNode.start_free

    def lost(*args: Any, **kwargs: Any) -> Any:
        with pytest.raises(errors.OceanNodeUnreachable):
            original(*args, **kwargs)

    monkeypatch.setattr(OceanNode, "start_free", lost)

    timed_out_in_start(operator(SLEEP), context())

    assert "No job came of the start" in caplog.text
    assert ALARM not in caplog.text


def test_a_retry_that_times_out_before_it_has_found_the_earlier_tries_job_stops_it(
    between: proxy.Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory()
    with pytest.raises(TaskDeferred):
        operator(SLEEP).execute(context(memory))

    def late(*_: Any, **__: Any) -> Any:
        raise AirflowTaskTimeout("as Airflow does it")

    monkeypatch.setattr(job_search.Search, "latest", late)
    task = operator(SLEEP)
    try:
        task.execute(context(memory, tries=(2, 2)))
    except AirflowTaskTimeout:
        task.on_kill()

    assert job_at(between).is_over


@pytest.mark.parametrize(
    ("event", "raised"),
    [
        ({"status": "unreachable", "error": "it hangs", "timed_out": True}, errors.OceanNodeUnreachable),
        ({"status": "failed", "error": "it has no host", "retryable": False}, AirflowFailException),
        ({"status": "failed", "error": "a vault is sealed", "retryable": True}, errors.OceanNodeBusy),
    ],
)
def test_a_job_that_the_triggerer_let_go_of_before_its_end_is_told_by_an_alarm(
    between: proxy.Proxy, caplog: pytest.LogCaptureFixture, event: dict[str, Any], raised: type[Exception]
) -> None:
    of = context(deferred(between))

    with pytest.raises(raised, match=f"{event['error']}"):
        operator(SLEEP).resume(of, event)

    assert told_of(of, between, event["error"]) in caplog.text


def test_the_alarm_needs_no_connection_that_may_be_what_is_missing(
    between: proxy.Proxy, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = context(deferred(between))
    monkeypatch.delenv("AIRFLOW_CONN_OCEAN_WALLET_DEFAULT")
    event = {"status": "unreachable", "error": "no wallet", "timed_out": True}

    with pytest.raises(AirflowNotFoundException):
        operator(SLEEP).resume(of, event)

    assert told_of(of, between, "no wallet") in caplog.text


def test_a_job_that_vanished_is_no_alarm(between: proxy.Proxy, caplog: pytest.LogCaptureFixture) -> None:
    of = context(deferred(between))

    with pytest.raises(errors.JobVanished):
        operator(SLEEP).resume(of, {"status": "vanished"})

    assert ALARM not in caplog.text


def deferred(between: proxy.Proxy) -> Memory:
    """What a deferred task has left for its return."""
    memory = Memory()
    with pytest.raises(TaskDeferred):
        operator(SLEEP).execute(context(memory))
    return memory


def told_of(of: Any, between: proxy.Proxy, why: str) -> str:
    job_id = of["task_state_store"][jobs.MEMORY_KEY]["job_id"]
    where = f"dag_id=by_hand run_id=run 1 task_id=train job_id={job_id} ocean_node_url={between.url}"
    return f"{ALARM} {where}: {why}: it may still run"


@pytest.mark.parametrize(
    ("state", "outcome"), [("deferred", None), ("failed", "stopped"), ("queued", "stopped")]
)
def test_a_trigger_that_was_taken_over_by_another_triggerer_leaves_the_job(
    between: proxy.Proxy, airflow_says: Any, state: str, outcome: str | None
) -> None:
    _, trigger = begun(between)
    place = {"dag_id": "by_hand", "run_id": "run 1", "task_id": "train", "map_index": -1, "try_number": 1}
    trigger._task_instance = SimpleNamespace(**place)
    airflow_says(state)

    asyncio.run(trigger.on_kill())

    assert job_at(between).outcome == outcome
    assert (STOP in between.passed) is (outcome == "stopped")
