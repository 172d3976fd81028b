# SPDX-License-Identifier: Apache-2.0
"""Requests to Airflow's REST API v2 as one user, logged in and repeated where that is safe.

The way in for programs is the same as for people: name and password, a token for a day, renewed when
Airflow no longer takes it. Reading is repeated when the connection breaks; what changes something is
sent once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

import requests
import tenacity
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from airflow_provider_deflow import http
from airflow_provider_deflow.errors import SettingsError, StackError

if TYPE_CHECKING:
    from collections.abc import Mapping

    Asked = Mapping[str, str | int]

TIMEOUT_SECONDS = 90.0  # longer than SQLite, where `deflow up` keeps Airflow's data, waits for its turn
DATABASE_TRIES = 6  # and writers there can wait for each other until one is refused, or be refused at once
DATABASE_SECONDS = 120
TOKEN_REFUSED = (401, 403)  # expired; signed by an Airflow that has been restarted since


class AirflowRequests:
    """One user's session with one Airflow; `AirflowApi` says what is asked in it."""

    def __init__(self, base_url: str, username: str, password: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.username = username
        self._password = password
        self._session = requests.Session()
        repeat = Retry(total=4, backoff_factor=0.3, status_forcelist=(502, 503, 504), allowed_methods={"GET"})
        self._session.mount(self.base_url, HTTPAdapter(max_retries=repeat))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r}, {self.username!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

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
