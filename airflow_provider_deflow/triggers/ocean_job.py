# SPDX-License-Identifier: Apache-2.0
"""Waits for one compute job to end; many of them on one Ocean Node share its requests.

Only ids and times are in the trigger's arguments, never a key: they are stored and printed. The
deadline is an absolute time in them, so a triggerer that takes over keeps it, and at the deadline
the trigger itself stops the job. A person who marks or clears the task ends the job too; a shutdown
does not, because another triggerer goes on following it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks import ocean_node
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.triggers.watch import Watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_deflow.hooks.ocean_node import OceanNodeSettings
    from airflow_provider_deflow.ocean.compute import ComputeJob

# Past the deadline a stop is asked for until the job is over; a node that cannot be asked for so
# long is left to its own limit (`maxJobDuration`), and the task says so.
STOPPING_SECONDS = 600.0
# A task that nobody else holds may be collected before it is done.
_STOPPING: set[asyncio.Task[None]] = set()


class OceanJobTrigger(BaseTrigger):
    """Fires once: `{"status": "over" | "vanished" | "unreachable", "job": …, "timed_out": bool}`.

    :param ocean_node_conn_id: connection of the Ocean Node that runs the job
    :param wallet_conn_id: connection of the account that owns it, for stopping it
    :param owner: that account's address
    :param job_id: the job, with its cluster's prefix
    :param deadline: when it has to be over, in epoch seconds
    """

    def __init__(
        self, *, ocean_node_conn_id: str, wallet_conn_id: str, owner: str, job_id: str, deadline: float
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's own
        self.ocean_node_conn_id = ocean_node_conn_id
        self.wallet_conn_id = wallet_conn_id
        self.owner = owner
        self.job_id = job_id
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments that make the same trigger elsewhere."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "ocean_node_conn_id": self.ocean_node_conn_id,
                "wallet_conn_id": self.wallet_conn_id,
                "owner": self.owner,
                "job_id": self.job_id,
                "deadline": self.deadline,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follow the job until it is over, gone, or out of reach for too long after the deadline."""
        try:
            yield _event(await self._follow())
        except errors.DeflowError as error:
            # A trigger does not raise across its boundary: the operator does, with the task's context.
            yield _event({"status": "failed", "error": str(error), "retryable": error.retryable})

    async def _follow(self) -> dict[str, Any]:
        settings = await OceanNodeHook(self.ocean_node_conn_id).async_settings()
        seen: ComputeJob | None = None
        trouble = ""
        async with aclosing(Watch.of(settings).follow(self.job_id, self.owner)) as looks:
            async for look in looks:
                late = time.time() >= self.deadline
                if isinstance(look, errors.OceanNodeError):
                    if str(look) != trouble:
                        trouble = str(look)
                        self.log.warning("Job %s: cannot look at it: %s", self.job_id, trouble)
                    if time.time() >= self.deadline + STOPPING_SECONDS:
                        return {"status": "unreachable", "error": trouble, "timed_out": True}
                    continue
                if look is not None and not look.is_over and time.time() >= self.deadline + STOPPING_SECONDS:
                    trouble = "it was asked to stop and does not end: the Ocean Node may hang"
                    return {"status": "unreachable", "error": trouble, "timed_out": True}
                trouble = ""
                if look is None:
                    return {"status": "vanished"}
                if seen is None or look.status != seen.status:
                    self.log.info("Job %s: %s", self.job_id, look.status_text.strip())
                seen = look.seen_after(seen)
                if seen.is_over:
                    return {"status": "over", "job": seen.to_document(), "timed_out": late}
                if late:
                    await self._ask_to_stop(settings, "its deadline has passed")
        raise AssertionError("a watch never ends by itself")

    async def _ask_to_stop(self, settings: OceanNodeSettings, why: str) -> None:
        signer = await OceanWalletHook(self.wallet_conn_id).async_signer()
        async with aclosing(ocean_node.async_client(settings, signer)) as node:
            try:
                await node.stop(self.job_id)
            except errors.OceanNodeError as error:
                self.log.warning("Job %s: could not ask for its stop (%s): %s", self.job_id, why, error)
            else:
                self.log.info("Job %s: asked to stop: %s", self.job_id, why)

    async def on_kill(self) -> None:
        """A person ended the task: the job is stopped, and asked again until its record says that it is over.

        Airflow 3.3 cancels this call anew at every turn of its loop, about once a second, so the work
        is a task of its own, which goes on when that happens.
        """
        work = asyncio.create_task(self._stop_until_over(), name=f"stop {self.job_id}")
        _STOPPING.add(work)
        work.add_done_callback(_STOPPING.discard)
        await asyncio.shield(work)

    async def _stop_until_over(self) -> None:
        settings = await OceanNodeHook(self.ocean_node_conn_id).async_settings()
        give_up_at = time.time() + STOPPING_SECONDS
        await self._ask_to_stop(settings, "the task was ended by a person")
        async with aclosing(Watch.of(settings).follow(self.job_id, self.owner)) as looks:
            async for look in looks:
                if look is None or (not isinstance(look, errors.OceanNodeError) and look.is_over):
                    self.log.info("Job %s: is over", self.job_id)
                    return
                if time.time() >= give_up_at:
                    self.log.error("Job %s: may still run: it did not end when asked to", self.job_id)
                    return
                await self._ask_to_stop(settings, "it has not ended yet")


def _event(payload: dict[str, Any]) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]  # Airflow's own
