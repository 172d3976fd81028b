# SPDX-License-Identifier: Apache-2.0
"""Airflow as a client sees it: the few calls of REST API v2 that start a run and follow it.

How they are sent is in `airflow_requests`, what comes back in `airflow_replies`. Nothing here imports
Airflow.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_deflow.errors import GraphNotFound, SettingsError
from airflow_provider_deflow.stack.airflow_replies import (
    OVER,
    TASK_OVER,
    DagImportError,
    DagRun,
    RunState,
    TaskInstance,
    log_lines,
    moment,
)
from airflow_provider_deflow.stack.airflow_requests import AirflowRequests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from airflow_provider_deflow.stack.airflow_requests import Asked

__all__ = ["OVER", "TASK_OVER", "AirflowApi", "DagImportError", "DagRun", "RunState", "TaskInstance"]

PAGE_SIZE = 100  # Airflow gives no more at once
POLL_SECONDS = 0.5
FOLDING = ("::group::", "::endgroup::")  # marks for Airflow's own log page


class AirflowApi(AirflowRequests):
    """REST API v2 of one Airflow, as one user."""

    # ---- Dags ---------------------------------------------------------------------------------------

    def wait_for_dag(self, dag_id: str, timeout_seconds: float, *, graph_sha256: str | None = None) -> None:
        """Return when Airflow can run the Dag, as made from the graph with that hash when one is given.

        Raises `GraphNotFound` when it cannot in time; the message has the import error if there is one.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            dag = self._get(f"/dags/{_part(dag_id)}/details", none_if_missing=True)
            # `dag_factory` puts the graph's hash into the Dag's page.
            if dag and not dag["is_stale"] and (graph_sha256 or "") in (dag["doc_md"] or ""):
                return
            if time.monotonic() >= deadline:
                raise GraphNotFound(self._why_missing(dag_id, timeout_seconds))
            time.sleep(POLL_SECONDS)

    def node_ids(self, dag_id: str) -> tuple[str, ...]:
        """The nodes that a run of a graph's Dag may name in `from`; none of a Dag without that parameter."""
        params = self._get(f"/dags/{_part(dag_id)}/details")["params"] or {}
        return tuple(params.get("from", {}).get("schema", {}).get("items", {}).get("enum", ()))

    def unpause(self, dag_id: str) -> None:
        """Let the Dag's runs start."""
        self._ask("PATCH", f"/dags/{_part(dag_id)}", body={"is_paused": False})

    def import_errors(self) -> tuple[DagImportError, ...]:
        """The Dag files that Airflow could not import, the last hundred of them."""
        reply = self._get("/importErrors", {"limit": PAGE_SIZE, "order_by": "-timestamp"})
        return tuple(
            DagImportError(error["filename"], error["stack_trace"]) for error in reply["import_errors"]
        )

    # ---- runs ---------------------------------------------------------------------------------------

    def trigger(
        self, dag_id: str, conf: Mapping[str, Any] | None = None, logical_date: datetime | None = None
    ) -> str:
        """Start a run with `conf` as its parameters; its id is returned."""
        body = {
            "logical_date": logical_date.isoformat() if logical_date else None,
            "conf": dict(conf or {}),
        }
        run_id: str = self._ask("POST", f"/dags/{_part(dag_id)}/dagRuns", body=body)["dag_run_id"]
        return run_id

    def resume(self, dag_id: str, run_id: str) -> None:
        """Run all tasks of a run again, on the newest version of its Dag.

        Raises `SettingsError` while the run goes on.
        """
        run = self.dag_run(dag_id, run_id)
        if run.state not in OVER:
            raise SettingsError(
                f"{run_id} is {run.state}: only a run that is over can be resumed. Wait for its end, or mark "
                f"it failed: {self.base_url}/dags/{dag_id}/runs/{run_id}"
            )
        body = {"dry_run": False, "only_failed": False, "run_on_latest_version": True}
        self._ask("POST", f"{_run_path(dag_id, run_id)}/clear", body=body)

    def dag_run(self, dag_id: str, run_id: str) -> DagRun:
        """The run as it is now."""
        return DagRun.from_reply(self._get(_run_path(dag_id, run_id)))

    def task_instances(self, dag_id: str, run_id: str) -> tuple[TaskInstance, ...]:
        """All tasks of a run, however many pages they fill."""
        tasks: list[TaskInstance] = []
        cursor: str | None = ""
        while cursor is not None:
            asked: Asked = {"limit": PAGE_SIZE, "order_by": "id", "cursor": cursor}
            page = self._get(f"{_run_path(dag_id, run_id)}/taskInstances", asked)
            tasks += (TaskInstance.from_reply(reply) for reply in page["task_instances"])
            cursor = page["next_cursor"]
        return tuple(tasks)

    def follow(self, dag_id: str, run_id: str, interval_seconds: float = 1.0) -> Iterator[RunState]:
        """The run and its tasks, again and again; the last one given is over."""
        while True:
            run = self.dag_run(dag_id, run_id)
            state = RunState(run, self.task_instances(dag_id, run_id))
            yield state
            if state.is_over:
                return
            time.sleep(interval_seconds)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """What a task returned, or pushed under `key`; None when it did not."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{_part(task_id)}/xcomEntries/{_part(key)}"
        entry = self._get(path, none_if_missing=True)
        if entry is None:
            return None
        value = entry["value"]
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError:
            return value

    def task_log_tail(self, dag_id: str, run_id: str, task: TaskInstance, lines: int = 20) -> tuple[str, ...]:
        """The last lines of the task's last try, an exception as the lines that Airflow kept of it."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{_part(task.task_id)}/logs/{task.try_number}"
        asked: Asked = {"full_content": "true", "map_index": task.map_index}
        reply = self._get(path, asked, none_if_missing=True) or {"content": []}
        found = (line for entry in reply["content"] for line in log_lines(entry))
        return tuple(line for line in found if not line.startswith(FOLDING))[-lines:]

    # ---- Airflow itself -----------------------------------------------------------------------------

    def newest_heartbeat(self, job_type: str, hostname: str) -> datetime | None:
        """Of the scheduler, triggerer or Dag processor that runs on a host."""
        asked: Asked = {
            "job_type": job_type,
            "hostname": hostname,
            "job_state": "running",
            "order_by": "-latest_heartbeat",
            "limit": 1,
        }
        jobs = self._get("/jobs", asked)["jobs"]
        return moment(jobs[0]["latest_heartbeat"]) if jobs else None

    def _why_missing(self, dag_id: str, timeout_seconds: float) -> str:
        missing = f"Airflow at {self.base_url} has no such Dag {dag_id!r}, or not this revision of it, after "
        missing += f"{timeout_seconds:g} s"
        errors = [error for error in self.import_errors() if dag_id.removeprefix("deflow_") in error.filename]
        if errors:
            return f"{missing}: {errors[0].filename} could not be imported:\n{errors[0].stack_trace}"
        return f"{missing}. Is its graph published? `deflow graphs list` shows it."


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/dags/{_part(dag_id)}/dagRuns/{_part(run_id)}"


def _part(text: str) -> str:
    return quote(text, safe="")
