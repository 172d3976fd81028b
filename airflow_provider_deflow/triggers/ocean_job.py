# SPDX-License-Identifier: Apache-2.0
"""Waits for one compute job to end; many of them on one Ocean Node share its requests.

Only ids and times are in the trigger's arguments, never a key: they are stored and printed. The
deadline is an absolute time in them, so a triggerer that takes over keeps it, and at the deadline
the trigger itself stops the job. A person who marks or clears the task ends the job too; a shutdown
does not, because another triggerer goes on following it.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_deflow import errors
from airflow_provider_deflow.alarms import Alarm, raise_alarm
from airflow_provider_deflow.hooks import ocean_node
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.hooks.recording import recorder
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Fact, Place, Run
from airflow_provider_deflow.triggers.watch import Watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_deflow.hooks.ocean_node import OceanNodeSettings
    from airflow_provider_deflow.ocean.compute import ComputeJob

# Past the deadline a stop is asked for until the job is over; a node that cannot be asked for so
# long is left to its own limit (`maxJobDuration`), and the task says so.
STOPPING_SECONDS = 600.0
# A job has about a dozen states; stops are asked for again at each look.
MOST_NOTES = 60
# A task that nobody else holds may be collected before it is done.
_STOPPING: set[asyncio.Task[None]] = set()


class OceanJobTrigger(BaseTrigger):
    """Fires once: `{"status": "over" | "vanished" | "unreachable", "job": …, "timed_out": bool}`.

    The event's `watched` is for the ledger, which the operator writes: the triggerer does it only after a
    kill, when no operator comes back.

    :param ocean_node_conn_id: connection of the Ocean Node that runs the job
    :param owner: address of the account that owns it
    :param job_id: the job, with its cluster's prefix
    :param wallet_conn_id: connection of that account, for stopping the job; None: it is another's, and is
        never stopped
    :param deadline: when it has to be over, in epoch seconds; None: whenever it likes
    """

    def __init__(
        self,
        *,
        ocean_node_conn_id: str,
        owner: str,
        job_id: str,
        wallet_conn_id: str | None = None,
        deadline: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's own
        self.ocean_node_conn_id = ocean_node_conn_id
        self.wallet_conn_id = wallet_conn_id
        self.owner = owner
        self.job_id = job_id
        self.deadline = math.inf if deadline is None or wallet_conn_id is None else deadline
        self._watched: list[tuple[str | float | int, ...]] = []

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments that make the same trigger elsewhere."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "ocean_node_conn_id": self.ocean_node_conn_id,
                "wallet_conn_id": self.wallet_conn_id,
                "owner": self.owner,
                "job_id": self.job_id,
                "deadline": None if self.deadline == math.inf else self.deadline,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follow the job until it is over, gone, or out of reach for too long after the deadline."""
        try:
            event = await self._follow()
        except errors.DeflowError as error:
            # A trigger does not raise across its boundary: the operator does, with the task's context.
            event = {"status": "failed", "error": str(error), "retryable": error.retryable}
        except Exception as error:  # Airflow's, of a connection, or whatever its secrets backend raises
            event = {"status": "failed", "error": _words(error), "retryable": True}
        yield _event(event | ({"watched": self._watched} if self._watched else {}))

    async def _follow(self) -> dict[str, Any]:
        settings = await OceanNodeHook(self.ocean_node_conn_id).async_settings()
        seen: ComputeJob | None = None
        trouble = not_asked = ""
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
                    trouble = not_asked or "it was asked to stop and does not end: the Ocean Node may hang"
                    return {"status": "unreachable", "error": trouble, "timed_out": True}
                trouble = ""
                if look is None:
                    return {"status": "vanished"}
                if seen is None or look.status != seen.status:
                    self.log.info("Job %s: %s", self.job_id, look.status_text.strip())
                    self._note("state", look.status, look.status_text.strip())
                seen = look.seen_after(seen)
                if seen.is_over:
                    return {"status": "over", "job": seen.to_document(), "timed_out": late}
                if late:
                    not_asked = await self._ask_to_stop(settings, "its deadline has passed")
        raise AssertionError("a watch never ends by itself")

    async def _ask_to_stop(self, settings: OceanNodeSettings, why: str) -> str:
        """Ask once; the reason when it could not be asked, which the next look may find gone."""
        assert self.wallet_conn_id is not None
        try:
            signer = await OceanWalletHook(self.wallet_conn_id).async_signer()
            async with aclosing(ocean_node.async_client(settings, signer)) as node:
                await node.stop(self.job_id)
        except Exception as error:  # the wallet's connection may be out of reach as well as the Ocean Node
            not_asked = _words(error)
            self.log.warning("Job %s: could not ask for its stop (%s): %s", self.job_id, why, not_asked)
            self._note("stop", not_asked)
            return not_asked
        self.log.info("Job %s: asked to stop: %s", self.job_id, why)
        self._note("stop", "")
        return ""

    def _orphan(self, url: str) -> Alarm:
        what = f"its task was ended, and it did not end within {STOPPING_SECONDS:.0f} s: it may still run"
        alarm = Alarm("orphan", what, job_id=self.job_id, ocean_node_url=url)
        if (ti := self.task_instance) is None:
            return alarm
        return replace(alarm, dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id)

    def _note(self, *what: str | int) -> None:
        if len(self._watched) < MOST_NOTES:
            self._watched.append((what[0], time.time(), *what[1:]))

    async def _record(self, *happened: Fact) -> None:
        """In a thread: neither MongoDB nor the storage may hold up the other triggers."""
        if (ti := self.task_instance) is not None:
            place = Place(ti.task_id, -1 if ti.map_index is None else ti.map_index, ti.try_number)
            await asyncio.to_thread(_record, Run(ti.dag_id, ti.run_id), place, happened)

    async def on_kill(self) -> None:
        """A person ended the task: the job is stopped, and asked again until its record says that it is over.

        Airflow 3.3 also calls this in a triggerer that it had taken for dead, when another one follows the
        job by now: then the task is still deferred, and nothing is done. And it cancels this call anew at
        every turn of its loop, about once a second, so the work is a task of its own, which goes on when
        that happens.
        """
        if self.wallet_conn_id is None:
            return
        work = asyncio.create_task(self._stop_until_over(), name=f"stop {self.job_id}")
        _STOPPING.add(work)
        work.add_done_callback(_STOPPING.discard)
        await asyncio.shield(work)

    async def _stop_until_over(self) -> None:
        if await self._is_still_deferred():
            self.log.info("Job %s: its task is still deferred: another triggerer follows it", self.job_id)
            return
        give_up_at = time.time() + STOPPING_SECONDS
        # Beside the stop, which must not wait for it.
        killed = asyncio.create_task(self._record(facts.killed("a person ended the task", self.job_id)))
        self._watched = []
        settings = await self._settings_until(give_up_at)
        last = None
        try:
            if settings is not None:
                last = await self._ask_until_over(settings, give_up_at)
        finally:
            await killed
            url = settings.url if settings is not None else ""
            await self._record(*facts.watched(self.job_id, url, self._watched))
        if last is not None:
            await self._record(facts.over(last))

    async def _is_still_deferred(self) -> bool:
        """Whether the task waits for its job as before; one that cannot be asked for was ended."""
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        if (ti := self.task_instance) is None:
            return False
        try:
            states = await asyncio.to_thread(
                RuntimeTaskInstance.get_task_states,
                dag_id=ti.dag_id,
                task_ids=[ti.task_id],
                run_ids=[ti.run_id],
                map_index=-1 if ti.map_index is None else ti.map_index,
            )
        except Exception as error:  # Airflow's, of its transport, or none that is told
            self.log.warning("Job %s: its task's state is not known: %s", self.job_id, type(error).__name__)
            return False
        return "deferred" in {str(state) for state in states.get(ti.run_id, {}).values()}

    async def _settings_until(self, give_up_at: float) -> OceanNodeSettings | None:
        """Where the job runs; None, after an alarm, when its connection could not be read until then."""
        while True:
            try:
                return await OceanNodeHook(self.ocean_node_conn_id).async_settings()
            except Exception as error:  # also that of a secrets backend that is away for a while
                not_asked = _words(error)
            self.log.warning("Job %s: could not ask for its stop: %s", self.job_id, not_asked)
            self._note("stop", not_asked)
            if (left := give_up_at - time.time()) <= 0:
                await asyncio.to_thread(raise_alarm, self._orphan(""))
                return None
            await asyncio.sleep(min(left, ocean_node.POLL_INTERVAL_SECONDS))

    async def _ask_until_over(self, settings: OceanNodeSettings, give_up_at: float) -> ComputeJob | None:
        """The job when it is over; None when it is not there any more, or does not end."""
        seen: ComputeJob | None = None
        await self._ask_to_stop(settings, "the task was ended by a person")
        async with aclosing(Watch.of(settings).follow(self.job_id, self.owner)) as looks:
            async for look in looks:
                if look is None:
                    self.log.info("Job %s: is not there any more", self.job_id)
                    return None
                if not isinstance(look, errors.OceanNodeError):
                    seen = look.seen_after(seen)
                    if seen.is_over:
                        self.log.info("Job %s: is over", self.job_id)
                        return seen
                if time.time() >= give_up_at:
                    self._note("stop", "it did not end when asked to, and may still run")
                    await asyncio.to_thread(raise_alarm, self._orphan(settings.url))
                    return None
                await self._ask_to_stop(settings, "it has not ended yet")
        raise AssertionError("a watch never ends by itself")


def _words(error: Exception) -> str:
    """Of an error that is not ours only the name: what was read from a connection may be in it."""
    if isinstance(error, errors.DeflowError | AirflowNotFoundException):
        return str(error)
    return f"{type(error).__name__} was raised, as when a connection cannot be read"


def _record(run: Run, place: Place, happened: tuple[Fact, ...]) -> None:
    ledger = recorder(run, place)
    ledger.record(*happened)
    ledger.close()


def _event(payload: dict[str, Any]) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]  # Airflow's own
