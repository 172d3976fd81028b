# SPDX-License-Identifier: Apache-2.0
"""Jobs whose status has not changed for long, against what the same task's earlier jobs took for it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.upkeep import orphans

if TYPE_CHECKING:
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeJob
    from airflow_provider_deflow.ocean.job_records import JobRecord
    from airflow_provider_deflow.upkeep.known import Account, Desk, Known, Task

Policy = Literal["report", "stop"]

TIMES_THE_LONGEST = 3
RUNNING = 40


def report_stalls(desk: Desk, known: Known, floor: timedelta, policy: Policy) -> None:
    """An alarm for each job that stalls, once for each status; by `policy` it is stopped as well."""
    give_up_at = time.monotonic() + orphans.STOPPING_SECONDS

    def look(account: Account, client: OceanNode, records: list[JobRecord]) -> None:
        stuck: dict[str, Task] = {}
        running = [record.job for record in records if not record.job.is_over]
        known.look_up(running)
        for job in running:
            if (task := known.task_of(job)) is None:
                continue
            since = known.states.get(job.job_id, {}).get(job.status)
            if since is None:
                # From now on its time in this status is known.
                if not desk.dry_run:
                    desk.record(task, facts.state(job.job_id, job.status, job.status_text, desk.now))
                since = desk.now if known.states.get(job.job_id) else job.created or desk.now
            if desk.now - since <= floor:
                continue
            patience = _patience(known, task, job, floor)
            if desk.now - since <= patience:
                continue
            what = _sentence(job, desk.now - since, patience)
            if policy == "stop":
                desk.say(f"stop job {job.job_id} on {account.url}: {what}")
                stuck[job.job_id] = task
            if (job.job_id, _action(job)) not in known.told:
                desk.say(f"report job {job.job_id} on {account.url}: {what}")
                if not desk.dry_run:
                    desk.alarm("stall", what, task, job.job_id, account.url)
                    desk.record(task, facts.upkeep(_action(job), what, job_id=job.job_id))
        if not desk.dry_run:
            why = "its status has not changed for too long"
            orphans.stop(desk, known, account, client, stuck, why, give_up_at)

    known.each_account(look)


def _action(job: ComputeJob) -> str:
    return f"reported in status {job.status}"


def _patience(known: Known, task: Task, job: ComputeJob, floor: timedelta) -> timedelta:
    """Three times what an earlier job of the task took at most; without one, a job's own limit may pass."""
    earlier = [_took(known, other, job.status) for other in known.alike(task) if other != job.job_id]
    longest = max((took for took in earlier if took is not None), default=None)
    if longest is not None:
        return max(floor, TIMES_THE_LONGEST * longest)
    return max(floor, timedelta(seconds=job.max_duration_seconds)) if job.status == RUNNING else floor


def _took(known: Known, job_id: str, status: int) -> timedelta | None:
    """How long a job was in a status; None when it never was, or nobody saw it leave."""
    states = known.states.get(job_id, {})
    if (began := states.get(status)) is None:
        return None
    ends: list[datetime] = [at for at in states.values() if at > began]
    if job_id in known.over:
        ends.append(known.over[job_id])
    return max(min(ends) - began, timedelta()) if ends else None


def _sentence(job: ComputeJob, waited: timedelta, patience: timedelta) -> str:
    return (
        f"it has been {job.status_text.strip()!r} for {_minutes(waited)}, where {_minutes(patience)} would "
        "be long for it. Look at its log and its Ocean Node; stop it by marking its task."
    )


def _minutes(time: timedelta) -> str:
    return f"{time.total_seconds() / 60:.0f} min"
