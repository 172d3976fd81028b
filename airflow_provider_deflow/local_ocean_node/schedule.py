# SPDX-License-Identifier: Apache-2.0
"""What the node does by the clock: settle finished jobs, forget expired ones."""

from __future__ import annotations

import asyncio
import time

from airflow_provider_deflow.local_ocean_node.job import Status
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode

_FIRST_CLAIM_SECONDS = 60.0
# A job that never started becomes "Job finished" too, as on a real node.
_SETTLED = (Status.START_FAILED, Status.OVER_DISK_QUOTA, Status.RESULTS_FAILED, Status.SETTLING)


async def claim_regularly(node: LocalOceanNode) -> None:
    """The payment cron: with nothing to claim for free jobs it only moves them on."""
    interval = node.settings.claim_interval_seconds
    await asyncio.sleep(min(_FIRST_CLAIM_SECONDS, interval))
    while True:
        for job in node.store.finished_jobs(_SETTLED):
            node.store.change_job(job.job_id, status=Status.FINISHED)
        await asyncio.sleep(interval)


async def forget_expired_regularly(node: LocalOceanNode) -> None:
    """Results and record go together; so do the jobs of environments that are no more."""
    while True:
        await asyncio.sleep(node.settings.expiry_interval_seconds)
        now = time.time()
        for job in node.store.finished_jobs():
            environment = node.environments.get(job.environment)
            if environment and now - float(job.finished or now) <= environment.settings.storage_expiry:
                continue
            node.job_folder(job.job_id).delete()
            node.store.forget_job(job.job_id)
