# SPDX-License-Identifier: Apache-2.0
"""A real Ocean Node, a real ledger and graph store, storage in a folder; of Airflow only its answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from pymongo.database import Database

from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.ledger.store import LedgerStore
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.compute import ComputeJob
from airflow_provider_deflow.signing import KeySigner
from airflow_provider_deflow.stack import mongod as part
from airflow_provider_deflow.upkeep.fate import Fate
from airflow_provider_deflow.upkeep.known import Desk, Known, Task
from tests import proxy
from tests.local_ocean_node.running import KEYS
from tests.operators.conftest import between as between
from tests.operators.conftest import deferring_costs_nothing as deferring_costs_nothing
from tests.operators.one_task import Memory, context, operator


@dataclass
class Answers:
    """What Airflow says of a task, by its run; a run that is not named goes on."""

    fates: dict[str, Fate] = field(default_factory=dict)
    open_runs: frozenset[str] = frozenset()

    def fate(self, task: Task) -> Fate:
        return self.fates.get(task.run.run_id, "open")

    def has_open_runs(self, dag_id: str, run_ids: Sequence[str]) -> bool:
        return bool(self.open_runs & set(run_ids))


@dataclass
class Deployment:
    """What the steps of upkeep work on."""

    between: proxy.Proxy
    database: Database[dict[str, Any]]
    airflow: Answers = field(default_factory=Answers)

    @property
    def ledger(self) -> LedgerStore:
        return LedgerStore(self.database)

    def desk(self, *, dry_run: bool = False, later: timedelta = timedelta()) -> Desk:
        return Desk(self.ledger, dry_run=dry_run, now=datetime.now(UTC) + later)

    def known(self) -> Known:
        return Known.of(self.ledger, datetime.now(UTC))

    @property
    def client(self) -> OceanNode:
        return OceanNodeHook().client(KeySigner(KEYS[0]))

    def job(self, job_id: str) -> ComputeJob:
        job = self.client.status(job_id)
        assert job is not None
        return job

    def started(self, code: str, run_id: str = "run 1", **node: Any) -> ComputeJob:
        """A job whose task is in the triggerer."""
        with pytest.raises(TaskDeferred) as deferral:
            operator(code, **node).execute(context(Memory(), run_id))
        return self.job(deferral.value.trigger.job_id)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The entries of a kind in the ledger, each with its run's id."""
        since = datetime(2020, 1, 1, tzinfo=UTC)
        return [
            {"run": entry["run_id"], **entry["what"]} for entry in self.ledger.entries_since([kind], since)
        ]


@pytest.fixture
def deployment(
    between: proxy.Proxy,
    mongo_uri: str,
    mongo_database: Database[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Deployment:
    connection = json.loads(part.airflow_connection(mongo_uri))
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", json.dumps({**connection, "schema": mongo_database.name}))
    return Deployment(between, mongo_database)
