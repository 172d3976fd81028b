# SPDX-License-Identifier: Apache-2.0
"""Runs and entries for tests of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Batch, Entry, Fact, Place, Run

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUN = Run("deflow_prediction", "manual__2026-03-01", "prediction", 3)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def fact(kind: str, seconds: float = 0, key: str = "", **what: Any) -> Fact:
    return Fact(kind, what, key, at(seconds))


def batch(*happened: Fact, task: str = "train", run: Run = RUN, try_number: int = 1) -> Batch:
    place = Place(task, -1, try_number)
    return Batch(run, tuple(Entry.of(run, place, one) for one in happened))


def began(seconds: float = 0, try_number: int = 1, role: facts.Role = "node") -> Fact:
    return fact(facts.BEGAN, seconds, f"try {try_number}", role=role, revision=3, graph_sha256="c" * 64)


def ended(seconds: float, how: facts.Ending = "succeeded", **error: Any) -> Fact:
    return fact(facts.ENDED, seconds, how=how, **error)
