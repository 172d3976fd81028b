# SPDX-License-Identifier: Apache-2.0
"""What the node does by the clock: settle finished jobs, forget expired ones."""

from __future__ import annotations

import asyncio
import logging
import time

from airflow_provider_deflow.local_ocean_node.claims import settle
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode

_FIRST_CLAIM_SECONDS = 60.0

log = logging.getLogger(__name__)


async def claim_regularly(node: LocalOceanNode) -> None:
    """The payment cron; whatever goes wrong once is tried again the next time."""
    interval = node.settings.claim_interval_seconds
    await asyncio.sleep(min(_FIRST_CLAIM_SECONDS, interval))
    while True:
        try:
            await settle(node)
        except Exception:
            log.exception("settling failed")
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
