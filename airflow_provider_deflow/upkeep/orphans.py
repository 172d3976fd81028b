# SPDX-License-Identifier: Apache-2.0
"""Jobs whose task is final are stopped, and seen to their end by their own records."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.ledger import facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_deflow.ledger.entry import Fact
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeJob
    from airflow_provider_deflow.ocean.job_records import JobRecord
    from airflow_provider_deflow.upkeep.fate import Airflow
    from airflow_provider_deflow.upkeep.known import Account, Desk, Known, Task

# The next run goes on asking.
STOPPING_SECONDS = 120.0

ORPHANED = "no task wants it any more"


def stop_orphans(
    desk: Desk, known: Known, airflow: Airflow, stopping_seconds: float = STOPPING_SECONDS
) -> None:
    """Stop what no task wants; report what does not end, and what this Airflow does not know."""

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
            stop(desk, known, account, client, alone, ORPHANED, stopping_seconds)

    known.each_account(look)


def stop(
    desk: Desk,
    known: Known,
    account: Account,
    client: OceanNode,
    jobs: Mapping[str, Task],
    why: str,
    stopping_seconds: float = STOPPING_SECONDS,
) -> None:
    """Ask for the stop of jobs until they are over; an alarm for those that are not in time."""
    interval = OceanNodeHook(account.ocean_node_conn_id).settings().poll_interval_seconds
    give_up_at = time.monotonic() + stopping_seconds
    running, trouble = dict(jobs), ""
    for job_id, task in running.items():
        desk.record(task, facts.upkeep("stop asked", why, job_id=job_id, ocean_node=account.url))
    while running:
        for job_id, task in list(running.items()):
            try:
                client.stop(job_id)
                job = client.status(job_id)
            except errors.OceanNodeError as error:
                trouble = str(error)
                continue
            if job is None or job.is_over:
                desk.record(task, *_ended(job_id, job, why))
                del running[job_id]
        if not running or time.monotonic() > give_up_at:
            break
        time.sleep(interval)
    for job_id, task in running.items():
        if (job_id, "orphan") in known.told:
            continue
        what = f"{why}, and it does not end though it was asked to: it may still run. {trouble}".strip()
        desk.alarm("orphan", what, task, job_id, account.url)


def _ended(job_id: str, job: ComputeJob | None, why: str) -> list[Fact]:
    gone = facts.upkeep("stopped", f"{why}; it is not there any more", job_id=job_id)
    return [gone] if job is None else [facts.over(job), facts.upkeep("stopped", why, job_id=job_id)]


def _unknown(task: Task) -> str:
    return (
        f"{task} is not known to this Airflow. If its run was deleted, stop the job, or let it end by its "
        "own limit; if another Airflow shares this ledger, give each its own database."
    )
