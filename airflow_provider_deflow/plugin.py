# SPDX-License-Identifier: Apache-2.0
"""What DeFlow adds to Airflow's own processes: its API and page, and warm imports where tasks start.

Every Airflow process imports this module, so each part is only made where it is used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import conf


def _serves() -> bool:
    return bool({"api-server", "standalone"} & set(sys.argv[1:2]))


def _fastapi_apps() -> list[dict[str, Any]]:
    if not _serves():
        return []
    from airflow_provider_deflow.api.app import create_app

    return [{"app": create_app(), "url_prefix": "/deflow", "name": "DeFlow"}]


def _react_apps() -> list[dict[str, Any]]:
    """The page in the navigation, and the same as a tab of a Dag and of a Dag run.

    All three have one name: Airflow's loader keeps a bundle's component under it, and would find none when a
    second name asked for a bundle that the browser has run already.
    """
    if not _serves():
        return []
    from airflow_provider_deflow.api.editor_files import BUNDLE, bundle_version

    base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
    app = {"name": "DeFlow", "bundle_url": f"{base}/deflow/static/{BUNDLE}?v={bundle_version()}"}
    return [
        {**app, "url_route": "deflow", "destination": "nav", "nav_top_level": True},
        {**app, "url_route": "deflow_graph", "destination": "dag"},
        {**app, "url_route": "deflow_run", "destination": "dag_run"},
    ]


def _import_what_tasks_will_need() -> None:
    """Tasks of a LocalExecutor, and triggers, are forked: what was imported before need not be by each.

    That is two seconds of a task on a laptop, twice for one that defers. Other executors start tasks
    elsewhere.
    """
    if sys.argv[1:2] == ["scheduler"] and "LocalExecutor" in conf.get("core", "executor", fallback=""):
        import_module("airflow_provider_deflow.bundle")
        import_module("airflow_provider_deflow.dag_factory")
    elif sys.argv[1:2] == ["triggerer"]:
        import_module("airflow_provider_deflow.triggers.ocean_job")


class DeflowPlugin(AirflowPlugin):
    """Mounts the DeFlow API at `/deflow` and puts the DeFlow page into Airflow's navigation."""

    name = "deflow"
    fastapi_apps = _fastapi_apps()
    react_apps = _react_apps()

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Called once per process, by Airflow."""
        _import_what_tasks_will_need()
