# SPDX-License-Identifier: Apache-2.0
"""A task's failure as an alarm: the notifier that goes into a task's `on_failure_callback`.

Airflow calls it once a task has no try left: in the task's own process where that came to an end by itself,
where the error and the job are at hand; else, when that process was lost, in the Dag processor, which knows
only the task. A graph's Dag has it on every task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from airflow_provider_deflow import errors
from airflow_provider_deflow.alarms import Alarm, raise_alarm

if TYPE_CHECKING:
    from airflow.sdk import Context


class FailureAlarm(BaseNotifier):
    """Raises DeFlow's alarm for a failed task, with its job, Ocean Node, whose fault it is, and what to do.

    `OceanComputeOperator(…, on_failure_callback=FailureAlarm())`; who is told is `[deflow] alarm_notifiers`.
    """

    def notify(self, context: Context) -> None:
        """Raise the alarm; it never fails a callback."""
        ti: Any = context["ti"]
        task: Any = context.get("task")
        map_index = getattr(ti, "map_index", None)
        raise_alarm(
            Alarm(
                "failure",
                _what(context.get("exception"), str(getattr(ti, "log_url", "")).partition("?")[0]),
                dag_id=ti.dag_id,
                run_id=ti.run_id,
                task_id=ti.task_id,
                map_index=-1 if map_index is None else map_index,
                try_number=ti.try_number,
                # What an operator has got to so far; in the Dag processor it has got nowhere.
                job_id=getattr(task, "job_id", ""),
                ocean_node_url=getattr(task, "ocean_node_url", ""),
            ),
            context=dict(context),
        )


def _what(exception: BaseException | str | None, log_url: str) -> str:
    """What happened, whose turn it is, what to do; not the log's last lines, which are not for everybody."""
    error = _ours(exception)
    if error is None:
        told = f"{type(exception).__name__}: {exception}" if isinstance(exception, Exception) else exception
        lines = [str(told or "the task failed, and its process could not say why").split("\n", 1)[0]]
    else:
        lines = [f"{type(error).__name__}: {_without_log(str(error))}", f"fault: {error.fault}"]
    return "; ".join([*lines, f"log: {log_url}"] if log_url else lines)


def _without_log(message: str) -> str:
    """The message of an error in one line, its quoted lines left out."""
    lines = (" ".join(line.split()).rstrip(".") for line in message.splitlines())
    return "; ".join(line for line in lines if line and not line.startswith(("|", "log ")))


def _ours(exception: BaseException | str | None) -> errors.DeflowError | None:
    """The error of DeFlow's behind `exception`: Airflow is told of some with a class of its own."""
    while isinstance(exception, BaseException) and not isinstance(exception, errors.DeflowError):
        exception = exception.__cause__ or exception.__context__
    return exception if isinstance(exception, errors.DeflowError) else None
