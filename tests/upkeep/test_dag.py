# SPDX-License-Identifier: Apache-2.0
"""The Dag and what its steps do with their settings."""

from __future__ import annotations

import io
import os
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import CronTriggerTimetable
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks.storage import content_store, ledger_spool, stored_contents
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Batch, Entry, Place, Run
from airflow_provider_deflow.upkeep.dag import upkeep_dag
from airflow_provider_deflow.upkeep.fate import ThisAirflow
from tests.upkeep.conftest import Deployment

# Airflow says so at each direct call of execute.
pytestmark = [pytest.mark.stack, pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")]


def step(task_id: str, run_type: str = "scheduled", dry_run: bool = False) -> list[str]:
    """What a step gives when Airflow runs it."""
    task: Any = upkeep_dag().get_task(task_id)
    ti = SimpleNamespace(dag_id="deflow_upkeep", run_id="upkeep 1", task_id=task_id, try_number=1)
    run = SimpleNamespace(run_type=run_type)
    done: list[str] = task.execute({"ti": ti, "dag_run": run, "params": {"dry_run": dry_run}})
    return done


def test_it_is_at_work_at_once_one_step_at_a_time_and_equal_each_time() -> None:
    dag, again = upkeep_dag(), upkeep_dag()

    assert (dag.is_paused_upon_creation, dag.max_active_runs, dag.max_active_tasks) == (False, 1, 1)
    assert dag.catchup is False
    assert dag.timetable == again.timetable == CronTriggerTimetable("*/5 * * * *", timezone="UTC")
    assert [task.task_id for task in dag.tasks] == [task.task_id for task in again.tasks]
    assert dag.get_task("bring_history").downstream_task_ids == {
        "stop_orphaned_jobs",
        "report_stuck_jobs",
        "fetch_expiring_results",
        "clear_storage",
        "clear_buckets",
        "retire_assets",
        "settle_payments",
    }


def test_settings_say_when_it_runs_and_whether_it_only_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DEFLOW__UPKEEP_SCHEDULE", "")
    monkeypatch.setenv("AIRFLOW__DEFLOW__UPKEEP_DRY_RUN", "True")

    dag = upkeep_dag()

    assert dag.schedule is None
    assert dag.params["dry_run"] is True


@pytest.mark.parametrize(
    ("option", "value", "task_id"),
    [("STUCK_JOBS", "kill", "report_stuck_jobs"), ("STALL_MINUTES", "long", "report_stuck_jobs")],
)
def test_a_setting_that_makes_no_sense_fails_its_step(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, option: str, value: str, task_id: str
) -> None:
    monkeypatch.setenv(f"AIRFLOW__DEFLOW__{option}", value)

    with pytest.raises(errors.SettingsError, match=f"{option.lower()} is '{value}'"):
        step(task_id)


def test_without_a_ledger_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))

    with pytest.raises(AirflowSkipException, match="deflow_mongo"):
        step("stop_orphaned_jobs")


def test_history_that_waits_is_brought_and_what_cannot_be_read_is_set_aside(deployment: Deployment) -> None:
    run = Run("by_hand", "run 1", "by_hand")
    ledger_spool().keep(Batch(run, (Entry.of(run, Place("train"), facts.ended("succeeded")),)))
    folder = ledger_spool()._folder
    (folder / "torn.json").write_text('{"run"')
    assert step("bring_history", dry_run=True) == ["bring 1 file(s) of history, set 1 aside"]
    assert deployment.told(facts.ENDED) == []

    (said,) = step("bring_history")

    assert [one["how"] for one in deployment.told(facts.ENDED)] == ["succeeded"]
    assert (folder / "unreadable" / "torn.json").read_text() == '{"run"'
    assert str(folder / "unreadable" / "torn.json") in said
    assert list(ledger_spool().kept()) == []
    assert [one["action"] for one in deployment.told(facts.UPKEEP)] == ["bring_history"]


def test_storage_is_looked_through_once_a_day_and_whenever_a_person_asks(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ThisAirflow, "has_open_runs", lambda *_: False)
    monkeypatch.setenv("AIRFLOW__DEFLOW__STORAGE_RETENTION_DAYS", "90")
    first, ended = Run("by_hand", "run 0"), {"how": "succeeded"}
    long_ago = facts.Fact(facts.ENDED, ended, at=datetime.now(UTC) - timedelta(days=200))
    deployment.ledger.write(Batch(first, (Entry.of(first, Place("train"), long_ago),)))

    def put_long_ago() -> None:
        content_store().put(io.BytesIO(b"old"))
        (stored,) = stored_contents()
        os.utime(stored.path, (0, time.time() - 100 * 24 * 3600))

    assert step("clear_storage") == ["nothing is past retention"]
    put_long_ago()
    assert step("clear_storage") == [], "it was done today"
    assert len(step("clear_storage", "manual", dry_run=True)) == 1
    assert len(list(stored_contents())) == 1

    step("clear_storage", "manual")

    assert list(stored_contents()) == []
