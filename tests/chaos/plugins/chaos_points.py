# SPDX-License-Identifier: Apache-2.0
"""An Airflow plugin that names the moments of a task, and lets one be the moment of a kill.

The product knows nothing of it: what a task or a trigger calls is wrapped in its process when it begins.
An order is a file in `$DEFLOW_CHAOS/armed`, named by its run. Whoever comes to its point takes it, once,
by moving it to `reached`. Then the process pair of the task kills itself, as a lost worker would, or it
stands still until the harness has killed something else and says so in `released`.

It stands alone, because Airflow loads it from its plugins folder.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

IN_A_TASK = (
    "before intent",
    "after intent",
    "start sent",
    "start answered",
    "answer kept",
    "first poll",
    "end seen",
    "download 0 %",
    "download 50 %",
    "download 100 %",
    "stored",
    "unpacked",
    "outputs kept",
    "before upload",
    "after upload",
    "before XCom",
    "after XCom",
)
IN_THE_TRIGGERER = ("trigger begins", "trigger saw the end")
POINTS = (*IN_A_TASK, *IN_THE_TRIGGERER)

# Longer than any part takes to be killed and to come back; a harness that died must not hold tasks up.
LONGEST_WAIT_SECONDS = 120.0
FOLDERS = ("armed", "reached", "released", "seen")


class _Here:
    """The task that this process runs, and what it is to do at which point."""

    run_id = ""
    task_id = ""
    unpacking = False


def _folder() -> Path:
    return Path(os.environ["DEFLOW_CHAOS"])


def _taken(point: str, run_id: str, task_id: str) -> dict[str, Any] | None:
    """The order for this point, when there is one and nobody else took it."""
    (_folder() / "seen" / point.replace(" ", "-").replace("%", "percent")).touch()
    armed = _folder() / "armed" / run_id
    try:
        order: dict[str, Any] = json.loads(armed.read_text())
        if order["point"] != point or order["task"] not in ("", task_id):
            return None
        os.rename(armed, _folder() / "reached" / run_id)
    except FileNotFoundError:
        return None
    return order


def reached(point: str) -> None:
    """Called wherever a task comes to a point."""
    order = _taken(point, _Here.run_id, _Here.task_id)
    if order is None:
        return
    if order["victim"] == "worker":
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    while not (_folder() / "released" / _Here.run_id).exists() and time.monotonic() < until:
        time.sleep(0.02)


async def _reached_by_trigger(point: str, of: Any) -> None:
    ti = of.task_instance
    if ti is None or _taken(point, ti.run_id, ti.task_id) is None:
        return
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    while not (_folder() / "released" / ti.run_id).exists() and time.monotonic() < until:
        await asyncio.sleep(0.02)


def _nothing(*_: Any, **__: Any) -> None:
    """No point on this side of a call."""


def _wrap(
    owner: Any, name: str, before: Callable[..., None] = _nothing, after: Callable[..., None] = _nothing
) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        before(*args, **kwargs)
        returned = original(*args, **kwargs)
        after(*args, **kwargs)
        return returned

    setattr(owner, name, wrapped)


def _at(point: str) -> Callable[..., None]:
    return lambda *_, **__: reached(point)


def wrap_what_tasks_call() -> None:
    """In the process of one task, just before it is executed."""
    import requests
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

    from airflow_provider_deflow.ocean import outputs
    from airflow_provider_deflow.ocean.client import OceanNode

    _wrap(TaskStateStoreAccessor, "set", _before_set, _after_set)
    _wrap(requests.Session, "send", after=_after_send)
    _wrap(OceanNode, "start_free", after=_at("start answered"))
    _wrap(OceanNode, "status", before=_at("first poll"))
    OceanNode.download = _halting(OceanNode.download)  # type: ignore[method-assign]
    _wrap(OceanNode, "upload", _at("before upload"), _at("after upload"))
    _wrap(outputs, "unpack", _unpacking, _unpacked)
    _wrap(outputs.ContentStore, "put", after=_after_put)
    _wrap(task_runner, "_push_xcom_if_needed", _at("before XCom"), _at("after XCom"))


def _is_intent(key: str, value: Any) -> bool:
    from airflow_provider_deflow import jobs

    return key == jobs.MEMORY_KEY and not value["job_id"]


def _before_set(_: Any, key: str, value: Any, **__: Any) -> None:
    if _is_intent(key, value):
        reached("before intent")


def _after_set(_: Any, key: str, value: Any, **__: Any) -> None:
    from airflow_provider_deflow import jobs
    from airflow_provider_deflow.operators.work import OUTPUTS_KEY

    if _is_intent(key, value):
        reached("after intent")
    elif key == jobs.MEMORY_KEY:
        reached("answer kept")
    elif key == OUTPUTS_KEY:
        reached("outputs kept")


def _after_send(_: Any, request: Any, **__: Any) -> None:
    """The Ocean Node has answered, but nobody has looked at the answer yet."""
    if request.method == "POST" and request.url.endswith("/freeCompute"):
        reached("start sent")


def _unpacking(*_: Any, **__: Any) -> None:
    _Here.unpacking = True


def _unpacked(*_: Any, **__: Any) -> None:
    _Here.unpacking = False
    reached("unpacked")


def _after_put(*_: Any, **__: Any) -> None:
    if _Here.unpacking:
        reached("stored")


def _halting(download: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(download)
    def halting(self: Any, job: Any, result_type: str, write_to: Any) -> Any:
        if result_type != "output":
            return download(self, job, result_type, write_to)
        reached("end seen")
        result = (job if job.results_listed else self.status(job.job_id)).result(result_type)
        returned = download(self, job, result_type, _HaltingFile(write_to, result.size // 2))
        reached("download 100 %")
        return returned

    return halting


class _HaltingFile:
    """A file that is written to, with a point before its first byte and one in its middle."""

    def __init__(self, file: Any, half: int) -> None:
        self._file = file
        self._half = half
        self._written = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, chunk: bytes) -> int:
        if self._written == 0:
            reached("download 0 %")
        to_half = self._half - self._written
        if 0 < to_half <= len(chunk):
            self._file.write(chunk[:to_half])
            reached("download 50 %")
            self._file.write(chunk[to_half:])
        else:
            self._file.write(chunk)
        self._written += len(chunk)
        return len(chunk)


def wrap_what_triggers_call() -> None:
    """In the triggerer, before its runner is forked off."""
    from airflow_provider_deflow.triggers.ocean_job import OceanJobTrigger

    original = OceanJobTrigger.run
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    async def run(self: Any) -> Any:
        await _reached_by_trigger("trigger begins", self)
        async with aclosing(original(self)) as events:
            async for event in events:
                await _reached_by_trigger("trigger saw the end", self)
                yield event

    OceanJobTrigger.run = run  # type: ignore[method-assign]


def wrap_what_pays() -> None:
    """In the process of a task that may pay or publish; the chain's libraries take a second."""
    beside = runpy.run_path(str(Path(__file__).with_name("chaos_money.py")))
    beside["wrap_what_pays"](_wrap, reached)


class Listener:
    """Where Airflow says that something begins."""

    @hookimpl
    def on_starting(self, component: Any) -> None:
        if "triggerer" in sys.argv:
            wrap_what_triggers_call()

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
        _Here.run_id, _Here.task_id = task_instance.run_id, task_instance.task_id
        wrap_what_tasks_call()
        if "paid" in task_instance.dag_id or task_instance.task_id == "settle_payments":
            wrap_what_pays()


class ChaosPlugin(AirflowPlugin):
    """Loaded only where `[core] plugins_folder` names this folder."""

    name = "deflow_chaos"
    listeners = [Listener()]  # noqa: RUF012 - Airflow's own form
