# SPDX-License-Identifier: Apache-2.0
"""What tasks and triggers tell a StatsD server: real tasks, a real local Ocean Node, a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from airflow.sdk import DAG
from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
from airflow.sdk._shared.observability.metrics.statsd_logger import SafeStatsdLogger
from airflow.sdk.exceptions import TaskDeferred
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics import stats_utils

from airflow_provider_deflow import errors, metrics
from airflow_provider_deflow.alarms import Alarm, raise_alarm
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.operators.handover import HandoverOperator
from tests import proxy
from tests.operators.one_task import WRITE, context, first_event, operator, run
from tests.statsd_server import StatsdServer

# Airflow says so at each direct call of execute.
pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")

OF_TASK = ("dag_id=by_hand", "task_id=train")


@pytest.fixture
def statsd(monkeypatch: pytest.MonkeyPatch) -> Iterator[StatsdServer]:
    """Where Airflow's metrics go; opened as a task's process opens them."""
    with StatsdServer().running() as server:
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_HOST", "127.0.0.1")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_PORT", str(server.port))
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED", "True")
        opened()
        yield server
        closed()
        stats.initialize(factory=NoStatsLogger, export_legacy_names=False)


def opened() -> None:
    closed()
    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)


def closed() -> None:
    """Airflow never closes its socket."""
    of_airflow = stats.initialize.__globals__
    if isinstance(logger := of_airflow["_backend"], SafeStatsdLogger):
        logger.statsd.close()
    of_airflow["_backend"] = None


def there(between: proxy.Proxy) -> str:
    return f"ocean_node={metrics.host_of(between.url)}"


def looks(between: proxy.Proxy) -> int:
    return between.passed.count("GET /api/services/compute")


def looks_counted(statsd: StatsdServer, between: proxy.Proxy) -> int:
    return len(statsd.values("deflow.ocean_node.requests", "request=job_status", at_least=looks(between)))


def test_a_job_is_counted_from_its_start_to_its_outputs(between: proxy.Proxy, statsd: StatsdServer) -> None:
    returned = run(operator("import time; time.sleep(1); " + WRITE.format("x")), context())

    of = (*OF_TASK, there(between))
    assert statsd.values("deflow.download.bytes", *of)[0] > returned["bytes"]
    assert statsd.values("deflow.job.submitted", *of) == [1]
    assert len(statsd.values("deflow.download.duration", *of)) == 1
    (ran,), (queued,) = statsd.values("deflow.job.ran", *of), statsd.values("deflow.job.queued", *of)
    assert ran >= 1000, "milliseconds"
    assert queued >= 0
    sent = len(between.passed)
    assert (
        len(statsd.values("deflow.ocean_node.requests", there(between), "answer=ok", at_least=sent)) == sent
    )
    assert looks_counted(statsd, between) == looks(between) > 0
    assert statsd.values("deflow.job.polled", there(between))
    assert statsd.values("deflow.ocean_node.requests", "request=start_a_free_job") == [1]


def test_a_trigger_counts_its_looks_though_airflow_opened_no_metrics_there(
    between: proxy.Proxy, statsd: StatsdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = operator("import time; time.sleep(6); " + WRITE.format("x"))
    with pytest.raises(TaskDeferred) as deferral:
        task.execute(context())
    before = looks(between)
    # As in a triggerer.
    closed()
    monkeypatch.setitem(stats.initialize.__globals__, "_factory", None)
    metrics._open.cache_clear()

    asyncio.run(first_event(deferral.value.trigger))

    assert looks_counted(statsd, between) == looks(between) > before
    assert len(statsd.values("deflow.job.polled", there(between))) >= looks(between)


def go_wrong(**rule: Any) -> None:
    url = OceanNodeHook().settings().url
    requests.put(f"{url}/_deflow/faults", json=[rule], timeout=60).raise_for_status()


def test_a_rate_limit_is_counted_each_time(between: proxy.Proxy, statsd: StatsdServer) -> None:
    words = "Rate limit exceeded. Try again in 1 seconds."
    go_wrong(what="refuse", route="GET /api/services/computeEnvironments", status=429, words=words, times=2)

    run(operator(WRITE.format("x")), context())

    assert statsd.values("deflow.ocean_node.rate_limited", there(between), at_least=2) == [1, 1]


def test_a_try_that_will_be_repeated_is_counted_with_its_error(
    between: proxy.Proxy, statsd: StatsdServer
) -> None:
    for tries in ((1, 1), (2, 1)):
        go_wrong(what="busy", route="POST /api/services/freeCompute")
        with pytest.raises(errors.OceanNodeBusy):
            run(operator(WRITE.format("x")), context(tries=tries))

    raise_alarm(Alarm("stall", "all before has been sent"))
    assert statsd.values("deflow.alarms")
    assert statsd.values("deflow.task.retried", *OF_TASK, "error=OceanNodeBusy") == [1]


def test_a_handover_is_counted_by_bytes_and_time(between: proxy.Proxy, statsd: StatsdServer) -> None:
    algorithm = {"code": WRITE.format("12345"), "image": "python:3.11", "entrypoint": "python3 $ALGO"}
    with DAG("by_hand", schedule=None):
        a = OceanComputeOperator(task_id="a", node={"algorithm": algorithm})
        edge = HandoverOperator(task_id="a__b", edge={"source": "a", "target": "b"})
        b = OceanComputeOperator(task_id="b", node={"algorithm": algorithm})
        a >> edge >> b
    of = context()
    returned = {"a": run(a, of)}
    of["ti"].xcom_pull = lambda task_ids: returned[task_ids]

    edge.execute(of)

    tags = ("dag_id=by_hand", "task_id=a__b", there(between))
    assert statsd.values("deflow.handover.bytes", *tags) == [5]
    assert len(statsd.values("deflow.handover.duration", *tags)) == 1


def test_an_alarm_is_counted_by_its_kind(statsd: StatsdServer) -> None:
    raise_alarm(Alarm("stall", "look at it", dag_id="by_hand", task_id="train"))

    assert statsd.values("deflow.alarms", "kind=stall", *OF_TASK) == [1]


def test_no_tag_names_a_run_a_job_or_an_address(between: proxy.Proxy, statsd: StatsdServer) -> None:
    returned = run(operator(WRITE.format("x")), context())

    # The last that a task tells.
    assert statsd.values("deflow.download.bytes")
    said = json.dumps(statsd.said)
    assert [one for one in (returned["job_id"], "run 1", "0x") if one in said] == []
