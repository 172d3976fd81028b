# SPDX-License-Identifier: Apache-2.0
"""Wait for compute jobs that somebody else started.

What: `wait` is done when the jobs of a colleague's account that were started since a moment have
succeeded; `report` says which they were. Run it with the account's address in `owner_address`.
Why: `OceanJobSensor` puts work that another team or program started before your own tasks. It looks and
never stops a job, and needs no wallet; deferred, it costs no worker while it waits.
Needs: connection `ocean_node_default` (`deflow up` sets it).
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG, Param, task

from airflow_provider_deflow.sensors.ocean_job import OceanJobSensor

with DAG(
    "example_wait_for_a_colleague",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    params={
        "owner_address": Param(type="string", pattern="^0x[0-9a-fA-F]{40}$"),
        "since": Param("2026-01-01T00:00:00Z", type="string", format="date-time"),
    },
    tags=["example"],
):
    wait = OceanJobSensor(
        task_id="wait",
        owner_address="{{ params.owner_address }}",
        created_since="{{ params.since }}",
        poke_interval=5,
        timeout=3600,
        deferrable=True,
    )

    @task
    def report(waited_for: dict[str, Any]) -> None:
        """Say what was waited for."""
        print(f"succeeded on {waited_for['ocean_node']}: {', '.join(waited_for['jobs'])}")

    report(wait.output)
