# SPDX-License-Identifier: Apache-2.0
"""What DeFlow adds to Airflow's own processes: its API in the api-server, nothing elsewhere.

Every Airflow process imports this module, so the API is only built where it is served.
"""

from __future__ import annotations

import sys
from typing import Any

from airflow.plugins_manager import AirflowPlugin


def _fastapi_apps() -> list[dict[str, Any]]:
    if not {"api-server", "standalone"} & set(sys.argv[1:2]):
        return []
    from airflow_provider_deflow.api.app import create_app

    return [{"app": create_app(), "url_prefix": "/deflow", "name": "DeFlow"}]


class DeflowPlugin(AirflowPlugin):
    """Mounts the DeFlow API at `/deflow`."""

    name = "deflow"
    fastapi_apps = _fastapi_apps()
