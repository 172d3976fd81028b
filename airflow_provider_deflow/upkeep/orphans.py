# SPDX-License-Identifier: Apache-2.0
"""Jobs whose task is final are stopped, and seen to their end by their own records."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from airflow_provider_deflow import errors
from airflow_provider_deflow.ledger import facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_deflow.ledger.entry import Fact
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeJob
    from airflow_provider_deflow.ocean.job_records import JobRecord
    from airflow_provider_deflow.upkeep.fate import Airflow
    from airflow_provider_deflow.upkeep.known import Account, Desk, Known, Task

# Of a whole step; the next run goes on asking, of the accounts in another order.
STOPPING_SECONDS = 120.0
# A job that was asked to stop before that, and still runs, is reported.
ENOUGH_SECONDS = 30.0

ASKED = "stop asked"
ORPHANED = "no task wants it any more"


def stop_orphans(
    desk: Desk, known: Known, airflow: Airflow, stopping_seconds: float = STOPPING_SECONDS
) -> None:
    """Stop what no task wants; report what does not end, and what this Airflow does not know."""
    give_up_at = time.monotonic() + stopping_seconds

    def look(account: Account, client: OceanNode, records: list[JobRecord]) -> None:
        alone: dict[str, Task] = {}
        running = [record.job for record in records if not record.job.is_over]
        known.look_up(running)
        for job in running:
            if (task := known.task_of(job)) is None:
                continue
            match airflow.fate(task):
                case "final":
                    desk.say(f"stop job {job.job_id} on {account.url}: {task} is over")
                    alone[job.job_id] = task
                case "unknown" if (job.job_id, "orphan") not in known.told:
                    desk.say(f"report job {job.job_id} on {account.url}: {task} is not known to Airflow")
                    if not desk.dry_run:
                        desk.alarm("orphan", _unknown(task), task, job.job_id, account.url)
        if not desk.dry_run:
            stop(desk, known, account, client, alone, ORPHANED, give_up_at)

    known.each_account(look)


def stop(
    desk: Desk,
    known: Known,
    account: Account,
    client: OceanNode,
    jobs: Mapping[str, Task],
    why: str,
    give_up_at: float,
) -> None:
    """Ask for the stop of jobs until they are over, or it is `give_up_at` (of `time.monotonic`).

    An alarm for those that had enough time. Who is not asked now is asked by the next run.
    """
    interval = account.reached()[0].settings().poll_interval_seconds
    # Who was asked before has had a turn.
    running = {job_id: jobs[job_id] for job_id in sorted(jobs, key=lambda one: (one, ASKED) in known.told)}
    asked: dict[str, float] = {}
    trouble: dict[str, str] = {}
    while running:
        for job_id, task in list(running.items()):
            if job_id not in asked:
                desk.record(task, facts.upkeep(ASKED, why, job_id=job_id, ocean_node=account.url))
                asked[job_id] = time.monotonic()
            if _is_over(desk, client, job_id, task, why, trouble):
                del running[job_id]
            if time.monotonic() > give_up_at:
                break
        if not running or time.monotonic() + interval > give_up_at:
            break
        time.sleep(interval)
    for job_id in running.keys() & asked.keys():
        had_time = time.monotonic() - asked[job_id] >= ENOUGH_SECONDS or (job_id, ASKED) in known.told
        if not had_time or (job_id, "orphan") in known.told:
            continue
        what = f"{why}, and it does not end though it was asked to: it may still run."
        what = f"{what} {trouble.get(job_id, '')}".strip()
        desk.alarm("orphan", what, running[job_id], job_id, account.url)


def _is_over(
    desk: Desk, client: OceanNode, job_id: str, task: Task, why: str, trouble: dict[str, str]
) -> bool:
    """Ask for its stop, and whether it has ended: it may have, though the stop is refused or lost."""
    try:
        client.stop(job_id)
    except errors.OceanNodeError as error:
        trouble[job_id] = str(error)
    try:
        job = client.status(job_id)
    except errors.OceanNodeError as error:
        trouble[job_id] = str(error)
        return False
    if job is not None and not job.is_over:
        return False
    desk.record(task, *_ended(job_id, job, why))
    return True


def _ended(job_id: str, job: ComputeJob | None, why: str) -> list[Fact]:
    gone = facts.upkeep("stopped", f"{why}; it is not there any more", job_id=job_id)
    return [gone] if job is None else [facts.over(job), facts.upkeep("stopped", why, job_id=job_id)]


def _unknown(task: Task) -> str:
    return (
        f"{task} is not known to this Airflow. If its run was deleted, stop the job, or let it end by its "
        "own limit; if another Airflow shares this ledger, give each its own database."
    )
