# SPDX-License-Identifier: Apache-2.0
"""Whether a task still wants its job, asked of Airflow as any task may ask it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from airflow_provider_deflow.upkeep.known import Task

Fate = Literal["open", "final", "unknown"]

FINAL_TASK_STATES = frozenset({"success", "failed", "skipped", "removed", "upstream_failed"})
# In these somebody works on the task now, whatever its run is said to be.
_AT_WORK = frozenset({"running", "deferred", "queued", "restarting", "awaiting_input"})
_FINAL_RUN_STATES = frozenset({"success", "failed"})


class Airflow(Protocol):
    """What upkeep asks of Airflow."""

    def fate(self, task: Task) -> Fate:
        """`open` while it may come back for its job; `unknown` to this Airflow: it may be another's."""

    def has_open_runs(self, dag_id: str, run_ids: Sequence[str]) -> bool:
        """Whether one of these runs is not over."""


class ThisAirflow:
    """Airflow as a task reaches it, by the Task SDK: only within a running task."""

    def fate(self, task: Task) -> Fate:
        """A task of a run that ended may be without a state, or wait for a retry that never comes."""
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        dag_id, run_id = task.run.dag_id, task.run.run_id
        states = RuntimeTaskInstance.get_task_states(
            dag_id=dag_id,
            task_ids=[task.place.task_id],
            run_ids=[run_id],
            map_index=task.place.map_index,
        )
        found = set(states.get(run_id, {}).values())
        if not found:
            return "unknown"
        if found <= FINAL_TASK_STATES:
            return "final"
        if found & _AT_WORK:
            return "open"
        ended = RuntimeTaskInstance.get_dagrun_state(dag_id, run_id) in _FINAL_RUN_STATES
        return "final" if ended else "open"

    def has_open_runs(self, dag_id: str, run_ids: Sequence[str]) -> bool:
        """By one question where no run of the Dag is open."""
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        open_states = ["queued", "running"]
        if RuntimeTaskInstance.get_dr_count(dag_id, states=open_states) == 0:
            return False
        return RuntimeTaskInstance.get_dr_count(dag_id, run_ids=list(run_ids), states=open_states) > 0
