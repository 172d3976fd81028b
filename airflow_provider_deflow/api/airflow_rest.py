# SPDX-License-Identifier: Apache-2.0
"""Airflow's public REST API, asked in this very process as the user who asks us.

The request goes through the whole of Airflow's application, with the user's own token or cookie, so Airflow
decides by itself what they may. No socket and no address is needed. It is awaited, never waited for in a
thread: Airflow's own routes need the threads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import tenacity
from fastapi import Depends, Request

from airflow_provider_deflow.api.faults import Refusal

# What says who the user is.
IDENTITY = ("authorization", "cookie")
PAGE_SIZE = 100  # Airflow gives no more at once
_PASSED_ON = (400, 401, 403, 404, 409, 422)
_WORDS = {
    400: "invalid",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    422: "invalid",
}
_NDJSON = "application/x-ndjson"
# On SQLite, whose writers can wait for each other until one is refused; nothing was changed then.
_DATABASE_TRIES = 4
_DATABASE_SECONDS = 60.0


class AirflowRest:
    """REST API v2 as one user."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    async def get(self, path: str, asked: Mapping[str, Any] | None = None) -> Any:
        """Raises `Refusal` with Airflow's status and words."""
        return (await self._ask("GET", path, asked=asked)).json()

    async def find(self, path: str) -> Any | None:
        """Like `get`; None when there is no such thing."""
        try:
            return await self.get(path)
        except Refusal as refusal:
            if refusal.status == 404:
                return None
            raise

    async def send(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        return (await self._ask(method, path, body=body)).json()

    async def lines(self, path: str, asked: Mapping[str, Any]) -> list[str]:
        """A log, a line each, as Airflow shows it."""
        response = await self._ask("GET", path, asked=asked, accept=_NDJSON)
        return [
            line for entry in response.text.splitlines() if entry for line in _log_lines(json.loads(entry))
        ]

    async def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """All tasks of a run, however many pages they fill."""
        found: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            asked = {"limit": PAGE_SIZE, "order_by": "id", "cursor": cursor}
            page = await self.get(f"{run_path(dag_id, run_id)}/taskInstances", asked)
            found += page["task_instances"]
            cursor = page["next_cursor"]
        return found

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        asked: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        accept: str = "application/json",
    ) -> httpx.Response:
        # Made by Airflow before it serves the first request, and by nobody else.
        from airflow.api_fastapi.main import app

        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {**self._headers, "accept": accept}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://airflow", headers=headers
        ) as client:
            again = tenacity.AsyncRetrying(
                retry=tenacity.retry_if_result(_found_the_database_locked),
                wait=tenacity.wait_random_exponential(multiplier=0.3, max=3),
                stop=tenacity.stop_after_attempt(_DATABASE_TRIES)
                | tenacity.stop_after_delay(_DATABASE_SECONDS),
                retry_error_callback=_last_answer,
            )
            response: httpx.Response = await again(
                client.request, method, f"/api/v2{path}", params=asked, json=body
            )
        if response.is_success:
            return response
        words = _words(response)
        if response.status_code in _PASSED_ON:
            raise Refusal(response.status_code, _WORDS[response.status_code], f"Airflow: {words}")
        raise Refusal(
            503,
            "airflow",
            f"Airflow could not answer ({response.status_code} {words}): try again in a moment.",
        )


def as_the_user(request: Request) -> AirflowRest:
    """A dependency: Airflow as who asks us."""
    return AirflowRest({name: request.headers[name] for name in IDENTITY if name in request.headers})


AirflowAsUser = Annotated[AirflowRest, Depends(as_the_user)]


def dag_path(dag_id: str) -> str:
    return f"/dags/{_part(dag_id)}"


def run_path(dag_id: str, run_id: str) -> str:
    return f"{dag_path(dag_id)}/dagRuns/{_part(run_id)}"


def log_path(dag_id: str, run_id: str, task_id: str, attempt: int) -> str:
    return f"{run_path(dag_id, run_id)}/taskInstances/{_part(task_id)}/logs/{attempt}"


def xcom_path(dag_id: str, run_id: str, task_id: str, key: str) -> str:
    return f"{run_path(dag_id, run_id)}/taskInstances/{_part(task_id)}/xcomEntries/{_part(key)}"


def _part(text: str) -> str:
    return quote(text, safe="")


def _found_the_database_locked(response: httpx.Response) -> bool:
    """Airflow's transaction failed as a whole."""
    return response.status_code == 500 and '"reason": "Database error"' in _words(response)


def _last_answer(state: tenacity.RetryCallState) -> httpx.Response:
    assert state.outcome is not None
    last: httpx.Response = state.outcome.result()
    return last


def _words(response: httpx.Response) -> str:
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = response.reason_phrase
    return detail if isinstance(detail, str) else json.dumps(detail)


def _log_lines(entry: str | Mapping[str, Any]) -> Iterator[str]:
    """An entry of the log; an exception as the lines that Airflow kept of it."""
    if isinstance(entry, str):
        yield from entry.splitlines()
        return
    yield from str(entry.get("event", "")).splitlines()
    for error in entry.get("error_detail") or ():
        yield from f"{error.get('exc_type')}: {error.get('exc_value')}".splitlines()
