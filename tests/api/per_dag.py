# SPDX-License-Identifier: Apache-2.0
"""An auth manager that tells Dags apart, as the simple one does not: each user has the Dags of their name."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class PerDagAuthManager(SimpleAuthManager):
    """The simple one, but a Dag, and a connection, is only for the user in its name; `ada` has all."""

    def is_authorized_dag(self, *, user: Any, details: Any = None, **asked: Any) -> bool:
        return _is_theirs(user, details and details.id) and super().is_authorized_dag(
            user=user, details=details, **asked
        )

    def is_authorized_connection(self, *, user: Any, details: Any = None, **asked: Any) -> bool:
        return _is_theirs(user, details and details.conn_id)


def _is_theirs(user: Any, name: str | None) -> bool:
    return name is None or user.username == "ada" or user.username in name
