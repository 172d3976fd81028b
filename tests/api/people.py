# SPDX-License-Identifier: Apache-2.0
"""Who asks: one user per role of Airflow's simple auth manager, and the API as each of them sees it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx
from starlette.testclient import TestClient

ROLES = ("viewer", "user", "op", "admin")
NAMES = {"viewer": "vera", "user": "uma", "op": "opal", "admin": "ada"}
# Who may log in, and nothing else.
OUTSIDER = "otto"
# As `[core] simple_auth_manager_users` has it.
USERS = ",".join(f"{NAMES[role]}:{role}" for role in ROLES) + f",{OUTSIDER}:"
API = "/deflow/api/v1"
ALGORITHM = {"code": "print(1)"}


def drawing(slug: str, *nodes: str, **more: Any) -> dict[str, Any]:
    """A graph's document: a chain of nodes."""
    ids = nodes or ("a", "b")
    return {
        "slug": slug,
        "nodes": [{"id": node, "data": {"algorithm": ALGORITHM}} for node in ids],
        "edges": [{"source": one, "target": two} for one, two in pairwise(ids)],
        **more,
    }


class Asking:
    """The API as one user; a path begins below `/deflow/api/v1`."""

    def __init__(self, client: httpx.Client | TestClient, token: str | None) -> None:
        self._client = client
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    def __call__(
        self, method: str, path: str, body: Any = None, *, version: int | None = None, **more: Any
    ) -> httpx.Response:
        headers = {**self._headers, **more.pop("headers", {})}
        if version is not None:
            headers["if-match"] = f'"{version}"'
        client: Any = self._client
        answer: httpx.Response = client.request(method, API + path, json=body, headers=headers, **more)
        return answer

    def get(self, path: str, **more: Any) -> Any:
        """What a request that is fine gives."""
        return self.fine(self("GET", path, **more))

    def create(self, document: dict[str, Any]) -> Any:
        return self.fine(self("POST", "/graphs", {"document": document}))

    def publish(self, slug: str, version: int, message: str = "") -> Any:
        return self.fine(self("POST", f"/graphs/{slug}/publish", {"message": message}, version=version))

    @staticmethod
    def fine(response: httpx.Response) -> Any:
        assert response.is_success, (response.status_code, response.text)
        return response.json() if response.content else None
