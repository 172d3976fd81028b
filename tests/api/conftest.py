# SPDX-License-Identifier: Apache-2.0
"""The API mounted beside Airflow's own auth manager, over a real MongoDB, in this process.

What needs the rest of Airflow's API server is asked of one, in `server`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pymongo.database import Database
from starlette.testclient import TestClient

from airflow_provider_deflow.stack import mongod
from tests.api import server
from tests.api.people import NAMES, ROLES, USERS, Asking

SECRET = "for-tests-only-" * 5


@pytest.fixture(scope="session")
def airflow_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Airflow's metadata database, empty: whose Dag is of which team is looked up there."""
    from airflow import settings

    file = tmp_path_factory.mktemp("airflow") / "airflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{file}")
        settings.configure_vars()  # type: ignore[no-untyped-call]
        settings.configure_orm()  # type: ignore[no-untyped-call]
        from airflow import models
        from airflow.models.base import Base

        models.import_all_models()  # type: ignore[no-untyped-call]
        Base.metadata.create_all(settings.engine)
        yield
        settings.dispose_orm()


@pytest.fixture
def ask(
    airflow_database: None,
    mongo_uri: str,
    mongo_database: Database[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Callable[[str], Asking]]:
    """`ask("viewer")` is the API as a user of that role; `ask("")` as nobody."""
    from airflow.api_fastapi.app import init_auth_manager, purge_cached_app
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    from airflow_provider_deflow.api import stores
    from airflow_provider_deflow.api.app import create_app

    connection = {**json.loads(mongod.airflow_connection(mongo_uri)), "schema": mongo_database.name}
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", USERS)
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(tmp_path / "passwords.json"))
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", SECRET)
    root = FastAPI()
    manager = init_auth_manager()
    root.mount("/deflow", create_app())
    tokens = {
        role: manager.generate_jwt(SimpleAuthManagerUser(username=NAMES[role], role=role)) for role in ROLES
    }
    with TestClient(root, raise_server_exceptions=False) as client:
        yield lambda role: Asking(client, tokens.get(role))
    stores.close()
    purge_cached_app()


@pytest.fixture(scope="session")
def api_server(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[server.Server]:
    """Airflow's own API server, with the plugin: one for all tests, whose graphs have names of their own."""
    with server.running(tmp_path_factory.mktemp("api") / "stack", mongo_uri) as one:
        yield one
