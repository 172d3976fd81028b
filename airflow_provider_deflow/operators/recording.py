# SPDX-License-Identifier: Apache-2.0
"""What an operator does goes into the ledger: that a try began, what it did, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_deflow import errors, metrics
from airflow_provider_deflow.hooks.recording import recorder
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Place, Run
from airflow_provider_deflow.operators.occasions import graph_of

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from airflow_provider_deflow.ledger.recorder import Recorder
    from airflow_provider_deflow.ocean.connection import Observer
    from airflow_provider_deflow.ocean.routes import Route


@contextmanager
def recorded(role: facts.Role, task: BaseOperator, context: Context) -> Iterator[Recorder]:
    """The recorder of this try. An error that leaves the block is its end; a good end is told within."""
    ti = context["ti"]
    graph = graph_of(task)
    revision = graph.get("revision")
    ledger = recorder(
        Run(ti.dag_id, ti.run_id, graph.get("slug") or ti.dag_id, revision),
        Place(task.task_id, -1 if ti.map_index is None else ti.map_index, ti.try_number),
    )
    try:
        ledger.record(facts.began(role, ti.try_number, revision, graph.get("sha256") or ""))
        yield ledger
    except AirflowSkipException:
        ledger.record(facts.ended("skipped"))
        raise
    except BaseException as error:  # a timeout of Airflow's among them
        again = _again(ti, error)
        if again:
            metrics.count(metrics.RETRIED, dag_id=ti.dag_id, task_id=task.task_id, error=type(error).__name__)
        ledger.record(facts.ended("to be tried again" if again else "failed", error))
        raise
    finally:
        ledger.close()


def requests_to(ledger: Recorder, *, counted: bool = True) -> Observer:
    """Keeps what an Ocean Node was asked for and what it said.

    Not `counted` in a signal handler, which may have interrupted the counting and would wait for itself.
    """

    def observe(route: Route[Any], url: str, error: Exception | None) -> None:
        ledger.record(facts.request(route, url, error))
        if counted:
            metrics.requested(route, url, error)

    return observe


def _again(ti: Any, error: BaseException) -> bool:
    """Whether Airflow has a try left, and the error is one that a try can mend."""
    is_final = isinstance(error, errors.DeflowError) and not error.retryable
    return not is_final and ti.try_number <= ti.max_tries
