# SPDX-License-Identifier: Apache-2.0
"""Results that no task has fetched are fetched before their Ocean Node deletes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_deflow import errors, jobs
from airflow_provider_deflow.ledger import facts

if TYPE_CHECKING:
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeJob
    from airflow_provider_deflow.ocean.job_records import JobRecord
    from airflow_provider_deflow.ocean.outputs import ContentStore
    from airflow_provider_deflow.upkeep.fate import Airflow
    from airflow_provider_deflow.upkeep.known import Account, Desk, Known, Task

FETCHED = "fetched"
TRIED = "fetch begun"
REFUSED = "not to be fetched"
# After the first attempt; twice as long after each one more.
PAUSE = timedelta(minutes=5)
# The step has 20 minutes for all results there are.
FETCH_SECONDS = 600.0


def fetch_expiring(
    desk: Desk, known: Known, airflow: Airflow, store: ContentStore, notice: timedelta
) -> None:
    """Fetch what expires within `notice` (or the half of the Ocean Node's own time) and whose task is final.

    A task that may still come for its results is reported, as is what cannot be fetched. What is wrong in
    itself is fetched once; what failed otherwise again, in longer and longer intervals.
    """

    def look(account: Account, client: OceanNode, records: list[JobRecord]) -> None:
        left = known.not_kept([record.job for record in records if record.job.outcome == "succeeded"])
        known.look_up(left)
        left_there = [
            (job, task)
            for job in left
            if not known.told.keys() & {(job.job_id, FETCHED), (job.job_id, REFUSED)}
            and (task := known.task_of(job)) is not None
        ]
        if not left_there:
            return
        keeps = {one.id: timedelta(seconds=one.storage_expiry_seconds) for one in client.environments()}
        for job, task in left_there:
            # An environment that is gone takes its jobs with it.
            kept_for = keeps.get(job.environment, timedelta())
            time_left = (job.finished or desk.now) + kept_for - desk.now
            if time_left > min(notice, kept_for / 2):
                continue
            if airflow.fate(task) == "open":
                _report(desk, known, account, job, task, f"{task} has not fetched them yet. Does it wait?")
            elif _is_due(desk, known, job):
                desk.say(f"fetch the results of job {job.job_id} on {account.url}: {task} is over")
                if not desk.dry_run:
                    _fetch(desk, known, account, client, job, task, store)

    known.each_account(look)


def _is_due(desk: Desk, known: Known, job: ComputeJob) -> bool:
    tried = known.told.get((job.job_id, TRIED), [])
    return not tried or desk.now >= max(tried) + PAUSE * 2 ** (len(tried) - 1)


def _fetch(
    desk: Desk,
    known: Known,
    account: Account,
    client: OceanNode,
    job: ComputeJob,
    task: Task,
    store: ContentStore,
) -> None:
    why = f"its results expire, and {task} is over"
    # Before it begins: an attempt that takes the whole step's time counts too.
    desk.record(task, replace(facts.upkeep(TRIED, why, job_id=job.job_id), at=desk.now))
    try:
        outputs = jobs.fetch_outputs(client, job, store, FETCH_SECONDS)
    except errors.DeflowError as error:
        if not error.retryable:
            desk.record(task, facts.upkeep(REFUSED, str(error), job_id=job.job_id))
        _report(desk, known, account, job, task, f"They could not be fetched: {error}")
        return
    files = len(outputs.files)
    desk.record(task, facts.upkeep(FETCHED, why, job_id=job.job_id, outputs=outputs.sha256, files=files))


def _report(desk: Desk, known: Known, account: Account, job: ComputeJob, task: Task, why: str) -> None:
    if (job.job_id, "expiry") in known.told:
        return
    desk.say(f"report job {job.job_id} on {account.url}: its results expire. {why}")
    if not desk.dry_run:
        desk.alarm("expiry", f"its results expire on the Ocean Node. {why}", task, job.job_id, account.url)
