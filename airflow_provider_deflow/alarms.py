# SPDX-License-Identifier: Apache-2.0
"""What a person should hear about: a node failed, a job stalls, a result expires, a job belongs to nobody.

An alarm is a warning in the log in one fixed form, a metric, a fact in the ledger, and a message through
the notifiers that `[deflow] alarm_notifiers` names: any `BaseNotifier` of Airflow's, so mail, Slack and the
like are its providers' own. Whatever is wrong with one of these ways, the others are gone, and who raises
an alarm never feels it.
"""

from __future__ import annotations

import copy
import inspect
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import BaseNotifier
from airflow.sdk.module_loading import import_string  # type: ignore[attr-defined]  # its __all__ is missing

from airflow_provider_deflow import errors, metrics
from airflow_provider_deflow.hooks import settings
from airflow_provider_deflow.hooks.recording import recorder
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Place, Run, clean

if TYPE_CHECKING:
    from airflow_provider_deflow.ledger.recorder import Recorder

log = logging.getLogger(__name__)

Kind = Literal["failure", "stall", "expiry", "orphan"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """What happened (`what`, in a sentence that says what to do), and to whom, as far as that is known."""

    kind: Kind
    what: str
    dag_id: str = field(default="", kw_only=True)
    run_id: str = field(default="", kw_only=True)
    task_id: str = field(default="", kw_only=True)
    map_index: int = field(default=-1, kw_only=True)
    try_number: int = field(default=1, kw_only=True)
    job_id: str = field(default="", kw_only=True)
    ocean_node_url: str = field(default="", kw_only=True)

    def __str__(self) -> str:
        where = ("dag_id", "run_id", "task_id", "job_id", "ocean_node_url")
        known = "".join(f" {name}={value}" for name in where if (value := getattr(self, name)))
        return f"DeFlow alarm: {self.kind}{known}: {self.what}"


def raise_alarm(
    alarm: Alarm, *, ledger: Recorder | None = None, context: Mapping[str, Any] | None = None
) -> None:
    """Tell people. Never raises; it may take as long as the notifiers do, so not in an event loop.

    `ledger` is a recorder that is open already, such as one `aside` in a signal handler; without it one is
    opened for this. `context` is the task's, which notifiers may have templates for.
    """
    # An Ocean Node's words, a URL's query or an algorithm's log may be in it.
    alarm = replace(alarm, what=clean(alarm.what), ocean_node_url=clean(alarm.ocean_node_url))
    log.warning("%s", alarm)
    # In this order: who raises it may have seconds to live, and a way that hangs takes those after it along.
    ways: dict[str, Callable[[], None]] = {
        "in the ledger": lambda: _record(alarm, ledger),
        "told": lambda: _tell(alarm, context or {}),
        "counted": lambda: metrics.count(
            metrics.ALARMS, kind=alarm.kind, dag_id=alarm.dag_id, task_id=alarm.task_id
        ),
    }
    for way, go in ways.items():
        try:
            go()
        except Exception as error:
            log.exception("this alarm is not %s: %s", way, error)


def _tell(alarm: Alarm, context: Mapping[str, Any]) -> None:
    for path in settings.alarm_notifiers():
        try:
            _notifier(path)({**_context(alarm), **context, "alarm": asdict(alarm)})
        except Exception as error:
            log.exception("the notifier %s did not take this alarm: %s", path, error)


def _record(alarm: Alarm, ledger: Recorder | None) -> None:
    if ledger is not None:
        ledger.record(facts.alarm(alarm.kind, alarm.what, alarm.job_id, alarm.ocean_node_url))
    elif alarm.dag_id and alarm.run_id and alarm.task_id:
        own = recorder(
            Run(alarm.dag_id, alarm.run_id), Place(alarm.task_id, alarm.map_index, alarm.try_number)
        )
        _record(alarm, own)
        own.close()


def _context(alarm: Alarm) -> dict[str, Any]:
    """What Airflow's notifiers find where there is no task: their own templates name some of it."""
    where = {
        name: getattr(alarm, name) for name in ("dag_id", "run_id", "task_id", "map_index", "try_number")
    }
    ti = SimpleNamespace(**where)
    return {"run_id": alarm.run_id, "ti": ti, "task_instance": ti, "reason": str(alarm)}


def _notifier(path: str) -> BaseNotifier:
    """The notifier that `path` names, as itself or as what makes it."""
    found = import_string(path)
    if inspect.isclass(found) or inspect.isfunction(found):
        found = found()
    if not isinstance(found, BaseNotifier):
        raise errors.SettingsError(
            f"[{settings.SECTION}] alarm_notifiers names {path}, which is a {type(found).__name__}: "
            "name a notifier, or a class or function that gives one without arguments."
        )
    # A notifier fills in its templates once and for all, and this one is wanted for the next alarm too.
    return copy.copy(found)
