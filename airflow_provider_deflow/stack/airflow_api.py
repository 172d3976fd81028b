# SPDX-License-Identifier: Apache-2.0
"""Airflow as a client sees it: the few calls of REST API v2 that start a run and follow it.

The way in for programs is the same as for people: name and password, a token for a day, renewed when
Airflow no longer takes it. Reading is repeated when the connection breaks; what changes something is
sent once. Nothing here imports Airflow.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import requests
import tenacity
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from airflow_provider_deflow import http
from airflow_provider_deflow.errors import GraphNotFound, SettingsError, StackError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Asked = Mapping[str, str | int]

PAGE_SIZE = 100  # Airflow gives no more at once
POLL_SECONDS = 0.5
TIMEOUT_SECONDS = 90.0  # longer than SQLite, where `deflow up` keeps Airflow's data, waits for its turn
DATABASE_TRIES = 6  # and writers there can wait for each other until one is refused, or be refused at once
DATABASE_SECONDS = 120
TOKEN_REFUSED = (401, 403)  # expired; signed by an Airflow that has been restarted since
FOLDING = ("::group::", "::endgroup::")  # marks for Airflow's own log page
OVER = frozenset({"success", "failed"})
TASK_OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


@dataclass(frozen=True, slots=True)
class DagRun:
    """One run of a Dag; `state` is Airflow's word, such as queued, running, success, failed."""

    dag_id: str
    run_id: str
    state: str
    started: datetime | None
    ended: datetime | None
    bundle_version: str | None

    @classmethod
    def from_reply(cls, reply: Mapping[str, Any]) -> Self:
        return cls(
            dag_id=reply["dag_id"],
            run_id=reply["dag_run_id"],
            state=reply["state"],
            started=_moment(reply["start_date"]),
            ended=_moment(reply["end_date"]),
            bundle_version=reply["bundle_version"],
        )


@dataclass(frozen=True, slots=True)
class TaskInstance:
    """One task of a run; `state` is empty while nothing has been decided about it."""

    task_id: str
    map_index: int
    state: str
    try_number: int
    operator: str
    started: datetime | None
    ended: datetime | None
    queue: str = ""
    pool: str = ""
    hostname: str = ""

    @classmethod
    def from_reply(cls, reply: Mapping[str, Any]) -> Self:
        return cls(
            task_id=reply["task_id"],
            map_index=reply["map_index"],
            state=reply["state"] or "",
            try_number=reply["try_number"],
            operator=reply["operator_name"] or "",
            started=_moment(reply["start_date"]),
            ended=_moment(reply["end_date"]),
            queue=reply["queue"] or "",
            pool=reply["pool"],
            hostname=reply["hostname"] or "",
        )


@dataclass(frozen=True, slots=True)
class RunState:
    """A run and its tasks as they were at one moment."""

    run: DagRun
    tasks: tuple[TaskInstance, ...]

    @property
    def is_over(self) -> bool:
        return self.run.state in OVER


@dataclass(frozen=True, slots=True)
class DagImportError:
    """A Dag file that Airflow could not import."""

    filename: str
    stack_trace: str


class AirflowApi:
    """REST API v2 of one Airflow, as one user."""

    def __init__(self, base_url: str, username: str, password: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.username = username
        self._password = password
        self._session = requests.Session()
        repeat = Retry(total=4, backoff_factor=0.3, status_forcelist=(502, 503, 504), allowed_methods={"GET"})
        self._session.mount(self.base_url, HTTPAdapter(max_retries=repeat))

    def __repr__(self) -> str:
        return f"AirflowApi({self.base_url!r}, {self.username!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

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
        found = (line for entry in reply["content"] for line in _log_lines(entry))
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
        return _moment(jobs[0]["latest_heartbeat"]) if jobs else None

    # ---- requests -----------------------------------------------------------------------------------

    def _get(self, path: str, asked: Asked | None = None, *, none_if_missing: bool = False) -> Any:
        return self._ask("GET", path, asked=asked, none_if_missing=none_if_missing)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        asked: Asked | None = None,
        body: Mapping[str, Any] | None = None,
        none_if_missing: bool = False,
    ) -> Any:
        again = tenacity.Retrying(
            retry=tenacity.retry_if_result(_found_the_database_locked),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=8),
            stop=tenacity.stop_after_attempt(DATABASE_TRIES) | tenacity.stop_after_delay(DATABASE_SECONDS),
            retry_error_callback=_last_answer,
        )
        response = again(self._send_logged_in, method, f"/api/v2{path}", asked, body)
        if response.status_code == 404 and none_if_missing:
            return None
        if not response.ok:
            refusal = f"{response.status_code} {_words(response)}"
            raise StackError(f"Airflow at {self.base_url} refused {method} {path}: {refusal}")
        return response.json()

    def _send_logged_in(
        self, method: str, path: str, asked: Asked | None, body: Mapping[str, Any] | None
    ) -> requests.Response:
        if "Authorization" not in self._session.headers:
            self._log_in()
        response = self._send(method, path, asked, body)
        if response.status_code in TOKEN_REFUSED:
            self._log_in()
            response = self._send(method, path, asked, body)
        return response

    def _log_in(self) -> None:
        self._session.headers.pop("Authorization", None)
        login = {"username": self.username, "password": self._password}
        response = self._send("POST", "/auth/token", None, login)
        if response.status_code != 201:
            raise SettingsError(
                f"Airflow at {self.base_url} does not take the password of {self.username!r}: "
                f"{response.status_code} {_words(response)}. Use the login that `deflow up` prints."
            )
        self._session.headers["Authorization"] = f"Bearer {response.json()['access_token']}"

    def _send(
        self,
        method: str,
        path: str,
        asked: Asked | None,
        body: Mapping[str, Any] | None,
    ) -> requests.Response:
        url = self.base_url + path
        try:
            return self._session.request(method, url, params=asked, json=body, timeout=TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise StackError(
                f"Airflow at {self.base_url} does not answer {method} {path}: {http.explain(error)}. "
                "Is it running? `deflow up` starts it."
            ) from error

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


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _words(response: requests.Response) -> str:
    """Airflow's own words about a refusal."""
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = response.text or response.reason
    return detail if isinstance(detail, str) else json.dumps(detail)


def _found_the_database_locked(response: requests.Response) -> bool:
    """Airflow's transaction failed as a whole; only of a backfill it says with which words."""
    words = _words(response)
    return (response.status_code == 500 and '"reason": "Database error"' in words) or (
        response.status_code == 503 and words.startswith("Database is locked")
    )


def _last_answer(state: tenacity.RetryCallState) -> requests.Response:
    assert state.outcome is not None
    last: requests.Response = state.outcome.result()
    return last


def _log_lines(entry: str | Mapping[str, Any]) -> list[str]:
    if isinstance(entry, str):
        return entry.splitlines()
    errors = entry.get("error_detail") or ()
    return [
        *str(entry["event"]).splitlines(),
        *(line for error in errors for line in f"{error['exc_type']}: {error['exc_value']}".splitlines()),
    ]
