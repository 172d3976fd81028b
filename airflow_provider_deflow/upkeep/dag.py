# SPDX-License-Identifier: Apache-2.0
"""The steps of upkeep as the Dag `deflow_upkeep`.

Its tasks ask Airflow only what any task may ask. A step that finds MongoDB away fails, and is
done by the next run; where no ledger is set up, there is nothing to keep up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import DAG, BaseOperator, CronTriggerTimetable, Param
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowSkipException

from airflow_provider_deflow.hooks import settings

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_deflow.ledger.store import LedgerStore
    from airflow_provider_deflow.upkeep.known import Desk, Task

DAG_ID = "deflow_upkeep"
DRY_RUN = "dry_run"
LEDGER_SECONDS = 60.0
BRINGING_SECONDS = 120.0
CLEARING = timedelta(days=1)
MOST_TOLD = 100
DESCRIPTION = "Stops jobs that no task wants, saves results that expire, clears what is past retention."


def upkeep_dag() -> DAG:
    """The Dag, at work as soon as it is there; by `[deflow] upkeep_schedule` it waits to be triggered."""
    schedule = settings.upkeep_schedule()
    with DAG(
        DAG_ID,
        description=DESCRIPTION,
        schedule=CronTriggerTimetable(schedule, timezone="UTC") if schedule else None,
        start_date=pendulum.datetime(2024, 1, 1, tz="UTC"),
        catchup=False,
        max_active_runs=1,
        # Beside the graphs' tasks it takes one place at a time.
        max_active_tasks=1,
        dagrun_timeout=timedelta(hours=1),
        is_paused_upon_creation=False,
        params={
            DRY_RUN: Param(
                settings.upkeep_dry_run(),
                type="boolean",
                title="Dry run",
                description="Say what would be done, and do nothing.",
            )
        },
        tags=["deflow"],
    ) as dag:
        history = BringHistory(task_id="bring_history")
        history >> [
            StopOrphanedJobs(task_id="stop_orphaned_jobs"),
            ReportStuckJobs(task_id="report_stuck_jobs"),
            FetchExpiringResults(task_id="fetch_expiring_results"),
            SettlePayments(task_id="settle_payments"),
            ClearStorage(task_id="clear_storage"),
            ClearBuckets(task_id="clear_buckets"),
            RetireAssets(task_id="retire_assets"),
        ]
    return dag


class UpkeepStep(BaseOperator):
    """One step: gives what it did, or would have done."""

    ui_color = "#f3e8ff"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"retries": 0, "execution_timeout": timedelta(minutes=20), **kwargs})

    def execute(self, context: Context) -> list[str]:
        """Do it, and say how much there was to do."""
        from airflow_provider_deflow.upkeep.known import Desk

        with _ledger() as ledger:
            desk = Desk(ledger, dry_run=bool(context["params"][DRY_RUN]), step=self._try(context))
            if self.is_due(desk, context):
                self.work(desk)
                self.record(desk)
        self.log.info("%d thing(s) %s", len(desk.done), "to do" if desk.dry_run else "done")
        return desk.done[:MOST_TOLD]

    def is_due(self, desk: Desk, context: Context) -> bool:
        """Whether it is done in this run."""
        return True

    def work(self, desk: Desk) -> None:
        """What the step is about."""
        raise NotImplementedError

    def record(self, desk: Desk) -> None:
        """Keep in the ledger what was done, beside what is kept with each job."""
        from airflow_provider_deflow.ledger import facts

        if desk.done:
            why = "\n".join(desk.done[:MOST_TOLD])
            desk.tell(facts.upkeep(self.task_id, why, count=len(desk.done)))

    @staticmethod
    def _try(context: Context) -> Task:
        from airflow_provider_deflow.ledger.entry import Place, Run
        from airflow_provider_deflow.upkeep.known import Task

        ti = context["ti"]
        return Task(Run(ti.dag_id, ti.run_id), Place(ti.task_id, -1, ti.try_number))


class BringHistory(UpkeepStep):
    """What MongoDB could not take is brought there; what cannot be read is set aside."""

    def work(self, desk: Desk) -> None:
        """All that lies in the spool."""
        from airflow_provider_deflow.hooks import storage

        spool = storage.ledger_spool()
        if desk.dry_run:
            waiting = [batch is not None for _, batch in spool.kept()]
            desk.say(f"bring {sum(waiting)} file(s) of history, set {waiting.count(False)} aside")
            return
        desk.ledger.ensure_indexes()
        for file in spool.bring(desk.ledger.written, time.monotonic() + BRINGING_SECONDS, most=1_000_000):
            desk.say(f"{file.name} is no part of the ledger: it is at {spool.set_aside(file)}")


class StopOrphanedJobs(UpkeepStep):
    """Jobs whose task is final are stopped."""

    def work(self, desk: Desk) -> None:
        """All that the ledger knows of."""
        from airflow_provider_deflow.upkeep.fate import ThisAirflow
        from airflow_provider_deflow.upkeep.known import Known
        from airflow_provider_deflow.upkeep.orphans import stop_orphans

        stop_orphans(desk, Known.of(desk.ledger, desk.now), ThisAirflow())


class ReportStuckJobs(UpkeepStep):
    """Jobs that stall are reported, or stopped."""

    def work(self, desk: Desk) -> None:
        """By `[deflow] stuck_jobs`."""
        from airflow_provider_deflow.upkeep.known import Known
        from airflow_provider_deflow.upkeep.stalls import report_stalls

        floor = timedelta(minutes=settings.stall_minutes())
        report_stalls(desk, Known.of(desk.ledger, desk.now), floor, settings.stuck_jobs())


class FetchExpiringResults(UpkeepStep):
    """Results that no task fetched are saved."""

    def work(self, desk: Desk) -> None:
        """Those that go within `[deflow] expiry_notice_hours`."""
        from airflow_provider_deflow.hooks.storage import content_store
        from airflow_provider_deflow.upkeep.expiry import fetch_expiring
        from airflow_provider_deflow.upkeep.fate import ThisAirflow
        from airflow_provider_deflow.upkeep.known import Known

        known = Known.of(desk.ledger, desk.now)
        notice = timedelta(hours=settings.expiry_notice_hours())
        fetch_expiring(desk, known, ThisAirflow(), content_store(), notice)


class SettlePayments(UpkeepStep):
    """What paid jobs cost comes into the ledger; expired locks come back, authorisations end."""

    def work(self, desk: Desk) -> None:
        """Nothing is asked of a chain where nothing was paid."""
        from airflow_provider_deflow.hooks.ledger import LedgerHook
        from airflow_provider_deflow.upkeep.fate import ThisAirflow
        from airflow_provider_deflow.upkeep.payments import settle_payments

        hook = LedgerHook()
        with hook:
            reservations, leases = hook.payments()
            settle_payments(desk, reservations, leases, ThisAirflow())


class ClearingStep(UpkeepStep):
    """A step that looks through all there is: once a day, and in each run that a person triggers."""

    def is_due(self, desk: Desk, context: Context) -> bool:
        """By the ledger, which every run of this step leaves a line in."""
        from airflow_provider_deflow.ledger import facts

        if context["dag_run"].run_type == "manual":
            return True
        lately = desk.ledger.entries_since([facts.UPKEEP], desk.now - CLEARING)
        return not any((one["dag_id"], one["task_id"]) == (DAG_ID, self.task_id) for one in lately)

    def record(self, desk: Desk) -> None:
        """That there was nothing to clear, too."""
        if not desk.done:
            desk.say("nothing is past retention")
        super().record(desk)


class ClearStorage(ClearingStep):
    """Stored contents past retention go."""

    def work(self, desk: Desk) -> None:
        """By `[deflow] storage_retention_days`."""
        from airflow_provider_deflow.hooks.storage import stored_contents
        from airflow_provider_deflow.upkeep.fate import ThisAirflow
        from airflow_provider_deflow.upkeep.storage import clear_storage

        days = settings.storage_retention_days()
        if days:
            clear_storage(desk, ThisAirflow(), _graphs(), stored_contents(), timedelta(days=days))


class ClearBuckets(ClearingStep):
    """Bucket files past retention go."""

    def work(self, desk: Desk) -> None:
        """By `[deflow] bucket_retention_days`."""
        from airflow_provider_deflow.hooks.storage import stored_contents
        from airflow_provider_deflow.upkeep.fate import ThisAirflow
        from airflow_provider_deflow.upkeep.known import LOOK_BACK, Known
        from airflow_provider_deflow.upkeep.storage import clear_buckets

        days = settings.bucket_retention_days()
        if days:
            retention = timedelta(days=days)
            # The copies of an account that is not used any more are found for as long again.
            known = Known.of(desk.ledger, desk.now, retention + LOOK_BACK)
            clear_buckets(desk, known, ThisAirflow(), _graphs(), stored_contents(), retention)


class RetireAssets(ClearingStep):
    """Assets that edges published, past retention, are said to be at the end of their life."""

    def work(self, desk: Desk) -> None:
        """By `[deflow] asset_retention_days`."""
        from airflow_provider_deflow.upkeep.assets import retire_assets
        from airflow_provider_deflow.upkeep.fate import ThisAirflow

        days = settings.asset_retention_days()
        if days:
            retire_assets(desk, ThisAirflow(), _graphs(), timedelta(days=days))


@contextmanager
def _ledger() -> Iterator[LedgerStore]:
    from airflow_provider_deflow.hooks.ledger import LedgerHook

    try:
        hook = LedgerHook()
    except AirflowNotFoundException:
        raise AirflowSkipException(
            f"There is no connection {settings.mongo_conn_id()!r}, so no ledger that tells what to keep up."
        ) from None
    ledger = hook.ledger(timeout_seconds=LEDGER_SECONDS)
    try:
        yield ledger
    finally:
        ledger.close()


def _graphs() -> list[str]:
    """All documents of graphs: what they name is needed, by whatever run there will be."""
    from airflow_provider_deflow.hooks.store import GraphStoreHook

    with GraphStoreHook() as hook:
        texts: list[str] = hook.store().texts()
        return texts
