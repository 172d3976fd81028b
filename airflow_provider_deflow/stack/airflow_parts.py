# SPDX-License-Identifier: Apache-2.0
"""Airflow as four parts of the stack, with settings for a laptop: SQLite, few workers, short pauses.

Airflow is run, never imported. Its settings are one generated airflow.cfg. The caller's own
`AIRFLOW__SECTION__KEY` variables stay out; those given to the stack by name win over the file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import requests

from airflow_provider_deflow.errors import StackError
from airflow_provider_deflow.stack import marks
from airflow_provider_deflow.stack.home import Home, write_private
from airflow_provider_deflow.stack.ports import LOOPBACK
from airflow_provider_deflow.stack.supervision import Part, tail

USERNAME = "admin"
# The api-server first: it takes longest, and all others are seen through it.
NAMES = ("api-server", "scheduler", "dag-processor", "triggerer")
_COMMANDS = {
    "api-server": ("api-server",),
    # Logs are read from the folder all parts share; a log server would listen on every interface.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
# For one answer of the API server; the default of 5 s is short on a busy laptop.
TASKS_WAIT_SECONDS = 30

_BUNDLES = [
    {
        "name": "deflow",
        "classpath": "airflow_provider_deflow.bundle.DeflowDagBundle",
        "kwargs": {"refresh_interval": 1},
    }
]


def write_settings(home: Home, port: int, dags: Path | None) -> None:
    """airflow.cfg and the login, with keys that stay the same from start to start.

    `dags` is a folder of Dag files to read beside the drawn graphs.
    """
    # By name: an Ocean Node does not fetch from 127.0.0.1, not even files that we signed.
    url = f"http://localhost:{port}"
    passwords = home.airflow / "passwords.json"
    write_private(passwords, {USERNAME: password(home)})
    settings: dict[str, dict[str, object]] = {
        "core": {
            "executor": "LocalExecutor",
            "parallelism": 4,  # more writers than that and SQLite says "database is locked"
            "load_examples": False,
            "fernet_key": _fernet_key(home),
            "simple_auth_manager_users": f"{USERNAME}:admin",
            "simple_auth_manager_passwords_file": passwords,
            "execution_api_server_url": f"http://{LOOPBACK}:{port}/execution/",
            "default_task_retry_delay": 5,  # a person is watching
            "min_serialized_dag_update_interval": 0,
            "hostname_callable": "socket.gethostname",  # the default asks DNS, slowly when offline
            "sensitive_var_conn_names": "rpc_url",  # an RPC URL often carries a key
        },
        "database": {
            # A writer waits for its turn; the default of 5 s is too short when many tasks end at once.
            "sql_alchemy_conn": _database(home, waits_seconds=60),
            "check_migrations": False,  # `migrate` has done it, once for all four
        },
        "logging": {"base_log_folder": home.logs / "tasks"},
        "api": {"host": LOOPBACK, "port": port, "base_url": url, "secret_key": home.secret("api_secret_key")},
        # HS512 wants 64 bytes.
        "api_auth": {"jwt_secret": home.secret("jwt_secret", 64)},
        "scheduler": {"scheduler_idle_sleep_time": 0.2},  # with 0.1 it takes a sixth of a core at rest
        "workers": {"execution_api_timeout": TASKS_WAIT_SECONDS},
        "dag_processor": {
            "dag_bundle_config_list": json.dumps(_BUNDLES + ([_folder(dags)] if dags else [])),
            "dag_bundle_storage_path": home.airflow / "bundles",  # the default is in /tmp, one for all stacks
            "bundle_refresh_check_interval": 1,
            # Once a callback of a graph has run there, Airflow 3.3 parses it without a pause
            # (apache/airflow#73432): that shall take no second core, and no second writer to SQLite.
            "parsing_processes": 1,
            "dag_file_processor_timeout": 300,  # a graph of a thousand nodes on a busy laptop
        },
        "usage_data_collection": {"enabled": False},
    }
    lines = ["# Written by `deflow up` at each start."]
    for section, options in settings.items():
        lines.append(f"\n[{section}]")
        lines += [f"{name} = {str(value).replace('%', '%%')}" for name, value in options.items()]
    write_private(home.airflow / "airflow.cfg", "\n".join(lines) + "\n")


def _database(home: Home, *, waits_seconds: int) -> str:
    return f"sqlite:///{home.airflow / 'airflow.db'}?timeout={waits_seconds}"


def api_server_settings(home: Home) -> dict[str, str]:
    """What the API server needs otherwise on SQLite: it must not wait for long.

    Airflow 3.3 writes its audit log in the event loop (`log_action`). While that waits for the lock, another
    request that has it cannot go on to give it back: both stand still until the wait is over, and one is
    refused. `AirflowApi` asks again; Airflow's tasks have done so by then, and never hear the refusal.
    """
    return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _database(home, waits_seconds=TASKS_WAIT_SECONDS + 5)}


def _folder(dags: Path) -> dict[str, Any]:
    return {
        "name": "dags",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(dags.resolve()), "refresh_interval": 5},
    }


def password(home: Home) -> str:
    """Of the one user of the UI and the REST API."""
    return home.secret("password", 12)


def _fernet_key(home: Home) -> str:
    digest = hashlib.sha256(home.secret("fernet").encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()


def migrate(home: Home, environment: Mapping[str, str]) -> None:
    """Bring the metadata database to this Airflow's version; nothing to do when it is there already."""
    done = home.airflow / "migrated"
    version = metadata.version("apache-airflow-core")
    if (home.airflow / "airflow.db").exists() and done.exists() and done.read_text() == version:
        return
    with home.log("migrate").open("wb") as log:
        status = subprocess.call(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(environment) | marks.mark(home.root, "migrate"),
        )
    if status != 0:
        raise StackError(
            f"`airflow db migrate` failed — the end of {home.log('migrate')}:\n{tail(home, 'migrate')}\n"
            f"when its state cannot be saved, remove {home.airflow} and start again"
        )
    done.write_text(version)


def parts(
    port: int,
    environment: Mapping[str, str],
    names: tuple[str, ...] = NAMES,
    api_server: Mapping[str, str] | None = None,
) -> tuple[Part, ...]:
    """Scheduler, API server, Dag processor and triggerer, or those of them that are named.

    `api_server` is what that one alone gets on top of `environment`.
    """
    url = f"http://{LOOPBACK}:{port}"
    return tuple(
        Part(
            name=name,
            group="airflow",
            command=(sys.executable, "-m", "airflow", *_COMMANDS[name]),
            environment={**environment, **(api_server or {})} if name == "api-server" else environment,
            is_ready=lambda since, name=name: is_healthy(url, name, since),  # type: ignore[misc]
            port=port if name == "api-server" else None,
        )
        for name in names
    )


def is_healthy(url: str, part: str, since: float) -> bool:
    """Whether the part does its work, as Airflow sees it; an earlier process's heartbeat does not count."""
    try:
        reply = requests.get(f"{url}/api/v2/monitor/health", timeout=5)
        health: dict[str, Any] = reply.json() if reply.ok else {}
    except (requests.RequestException, ValueError):
        return False
    if part == "api-server":
        return bool(health) and health["metadatabase"]["status"] == "healthy"
    component = part.replace("-", "_")
    found = health.get(component) or {}
    heartbeat = found.get(f"latest_{component}_heartbeat")
    if found.get("status") != "healthy" or not heartbeat:
        return False
    return datetime.fromisoformat(heartbeat).timestamp() >= since


def environment(home: Home, more: Mapping[str, str]) -> dict[str, str]:
    """What every process of the stack's Airflow gets, and a command that shall see the same Airflow.

    The caller's own Airflow settings stay out: they may name another database.
    """
    inherited = {name: value for name, value in os.environ.items() if not _is_setting(name)}
    return inherited | {"AIRFLOW_HOME": str(home.airflow)} | dict(more)


def _is_setting(name: str) -> bool:
    # Without bytecode every process of Airflow takes seconds longer to start.
    return name.startswith("AIRFLOW__") or name in ("AIRFLOW_CONFIG", "PYTHONDONTWRITEBYTECODE")
