# SPDX-License-Identifier: Apache-2.0
"""Settling: finished jobs are paid from their locks, and what is locked beyond its time goes back.

A claim counts when it is sent; whether it comes into a block is not waited for. A job whose lock is not
found is over too, unpaid: that is what becomes of all that are due while a chain does not answer.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.errors import ChainError
from airflow_provider_deflow.local_ocean_node.javascript import as_number, dumps
from airflow_provider_deflow.local_ocean_node.job import Job, Status
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.payments import lock_id
from airflow_provider_deflow.local_ocean_node.refusal import Refusal

if TYPE_CHECKING:
    from airflow_provider_deflow.chain.escrow import Claim, Lock

# A job that never started becomes "Job finished" too, and is billed, as on a real node.
_DUE = (Status.START_FAILED, Status.OVER_DISK_QUOTA, Status.RESULTS_FAILED, Status.SETTLING)
_NO_LOCK = "nolock"

log = logging.getLogger(__name__)


async def settle(node: LocalOceanNode) -> None:
    """All jobs that are due, then the expired locks of jobs that nobody knows."""
    due = [job for job in node.store.finished_jobs(_DUE) if node.environments.get(job.environment)]
    paid: dict[int, list[Job]] = {}
    for job in due:
        if job.is_free:
            node.store.change_job(job.job_id, status=Status.FINISHED)
        elif job.payment:
            paid.setdefault(int(job.payment["chainId"]), []).append(job)
    for chain_id, jobs in paid.items():
        await _settle_paid(node, chain_id, jobs, await _locks(node, chain_id))
    for chain_id in {int(chain) for one in node.environments for chain in one.fees or ()}:
        expired = [lock for lock in await _locks(node, chain_id) if lock.expiry < time.time()]
        if expired:
            await _sent(node.payments.cancel_expired(chain_id, expired), "cancel expired locks")


async def _settle_paid(node: LocalOceanNode, chain_id: int, jobs: list[Job], locks: list[Lock]) -> None:
    by_id = {lock.job_id: lock for lock in locks}
    claimed, expired = list[tuple[Job, float]](), list[Job]()
    for job in jobs:
        lock = by_id.get(lock_id(job.job_id))
        if lock is None:
            _finish(node, job, cancelTx=_NO_LOCK, claimTx=_NO_LOCK)
        elif lock.expiry < time.time():
            expired.append(job)
        elif (cost := _cost(node, job)) is not None:
            claimed.append((job, cost))

    async def claim(some: list[tuple[Job, float]]) -> None:
        claims = [await _claim(node, chain_id, job, cost) for job, cost in some]
        transaction = await node.payments.claim(chain_id, claims)
        for job, cost in some:
            _finish(node, job, claimTx=transaction, cost=_shortest(cost))

    async def cancel(some: list[Job]) -> None:
        held = [by_id[lock_id(job.job_id)] for job in some]
        transaction = await node.payments.cancel_expired(chain_id, held)
        for job in some:
            _finish(node, job, cancelTx=transaction)

    await _together_or_one_by_one(claim, claimed)
    await _together_or_one_by_one(cancel, expired)


async def _together_or_one_by_one(send: Callable[[list[Any]], Awaitable[None]], some: list[Any]) -> None:
    """In one transaction; should that fail, one that spoils it does not spoil it for the others."""
    if not some or await _sent(send(some), f"settle {len(some)} jobs at once"):
        return
    for one in some:
        await _sent(send([one]), "settle a job")


async def _sent(transaction: Awaitable[Any], what: str) -> bool:
    try:
        await transaction
    except (ChainError, Refusal, LookupError) as error:
        # A job's amount may be none that the escrow takes, its chain one that is served no more.
        log.warning("cannot %s: %r", what, error)
        return False
    return True


async def _locks(node: LocalOceanNode, chain_id: int) -> list[Lock]:
    try:
        return await node.payments.locks(chain_id)
    except (ChainError, LookupError) as error:
        log.warning("the locks on chain %s cannot be read: %r", chain_id, error)
        return []


async def _claim(node: LocalOceanNode, chain_id: int, job: Job, cost: float) -> Claim:
    from airflow_provider_deflow.chain.escrow import Claim

    token = str((job.payment or {})["token"])
    amount = await node.payments.amount(cost, chain_id, token)
    # The record as anybody can read it from status, for ever.
    proof = dumps(job.status_reply(None)).encode()
    return Claim(lock_id(job.job_id), token, job.owner, amount, proof)


def _cost(node: LocalOceanNode, job: Job) -> float | None:
    """In whole tokens, by started minute of the algorithm's run."""
    environment = node.environments.get(job.environment)
    payment = job.payment or {}
    prices = environment.prices(payment["chainId"], payment["token"]) if environment else None
    if environment is None or prices is None:
        log.warning("job %s: its environment takes no such payment any more", job.job_id)
        return None
    ran = abs(float(job.algorithm_stopped) - float(job.algorithm_started))
    most = as_number(job.max_duration)
    return environment.cost(job.resources, prices, ran if math.isnan(most) else min(ran, most))


def _finish(node: LocalOceanNode, job: Job, **payment: Any) -> None:
    node.store.change_job(job.job_id, status=Status.FINISHED, payment={**(job.payment or {}), **payment})


def _shortest(cost: float) -> float:
    return int(cost) if float(cost).is_integer() else cost
