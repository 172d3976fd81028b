# SPDX-License-Identifier: Apache-2.0
"""The trigger on a real local Ocean Node: one request per interval for all jobs, and every ending."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_deflow.hooks import ocean_node
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook, OceanNodeSettings
from airflow_provider_deflow.ocean.client import AsyncOceanNode, OceanNode
from airflow_provider_deflow.ocean.compute import ComputeJob, JobRequest
from airflow_provider_deflow.signing import KeySigner
from airflow_provider_deflow.triggers import ocean_job
from airflow_provider_deflow.triggers.ocean_job import OceanJobTrigger
from tests import proxy
from tests.local_ocean_node.running import KEYS, fast, running_ocean_node

INTERVAL_SECONDS = 0.2
LISTING = "POST /directCommand"
BY_ID = "GET /api/services/compute"


@dataclass(frozen=True)
class Watched:
    """A node behind a counting proxy, reached by Airflow connections."""

    between: proxy.Proxy
    client: OceanNode

    def start(self, code: str) -> ComputeJob:
        container = {"image": "python", "tag": "3.11", "checksum": "", "entrypoint": "python3 $ALGO"}
        algorithm = {"meta": {"rawcode": code, "container": container}, "envs": {}}
        environment = self.client.environments()[0].id
        return self.client.start_free(JobRequest(environment, algorithm, queue_max_wait_seconds=60))

    def trigger(self, job_id: str, seconds: float = 60) -> OceanJobTrigger:
        return OceanJobTrigger(
            ocean_node_conn_id="watched",
            wallet_conn_id="wallet",
            owner=KeySigner(KEYS[0]).address,
            job_id=job_id,
            deadline=time.time() + seconds,
        )


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    with running_ocean_node(fast(tmp_path / "node")) as url, proxy.between(url) as between:
        extra = {"requests_per_minute": 100_000, "poll_interval_seconds": INTERVAL_SECONDS}
        connection = {"conn_type": "ocean_node", "host": between.url, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_WATCHED", json.dumps(connection))
        monkeypatch.setenv(
            "AIRFLOW_CONN_WALLET", json.dumps({"conn_type": "ocean_wallet", "password": KEYS[0]})
        )
        yield Watched(between, OceanNode(url, KeySigner(KEYS[0]), requests_per_minute=100_000))


async def fired(trigger: OceanJobTrigger) -> dict[str, Any]:
    async for event in trigger.run():
        return dict(event.payload)
    raise AssertionError("it ended without an event")


def test_it_fires_when_the_job_is_over(node: Watched) -> None:
    job = node.start("print('done')")

    payload = asyncio.run(fired(node.trigger(job.job_id)))

    assert payload["status"] == "over"
    assert payload["timed_out"] is False
    assert ComputeJob.from_document(json.loads(json.dumps(payload["job"]))).outcome == "succeeded"


def test_many_jobs_cost_one_request_per_interval(node: Watched) -> None:
    """Six jobs, three at a time on this node: followed one by one they would cost six times as many."""
    jobs = [node.start("import time; time.sleep(1)") for _ in range(6)]

    async def all_of_them() -> list[dict[str, Any]]:
        return await asyncio.gather(*(fired(node.trigger(job.job_id)) for job in jobs))

    began = time.monotonic()
    payloads = asyncio.run(all_of_them())
    intervals = (time.monotonic() - began) / INTERVAL_SECONDS

    assert [payload["status"] for payload in payloads] == ["over"] * 6
    assert node.between.passed.count(LISTING) + node.between.passed.count(BY_ID) <= intervals + 2


def connected(monkeypatch: pytest.MonkeyPatch, node: Watched, name: str, **extra: Any) -> None:
    connection = {"conn_type": "ocean_node", "host": node.between.url, "extra": extra}
    monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))


def test_two_connections_to_one_ocean_node_look_as_often_as_each_says(
    node: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(monkeypatch, node, "PATIENT", requests_per_minute=100_000, poll_interval_seconds=30)
    patient = node.trigger(node.start("import time; time.sleep(60)").job_id)
    patient.ocean_node_conn_id = "patient"
    short = node.trigger(node.start("import time; time.sleep(1)").job_id)

    async def both() -> dict[str, Any]:
        following = asyncio.create_task(fired(patient))
        while not node.between.passed:
            await asyncio.sleep(0.01)
        try:
            return await asyncio.wait_for(fired(short), timeout=25)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    assert asyncio.run(both())["status"] == "over"


def test_two_connections_to_one_ocean_node_share_its_allowance(
    node: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = 7
    connected(monkeypatch, node, "WATCHED", requests_per_minute=places, poll_interval_seconds=0.05)
    connected(monkeypatch, node, "PATIENT", requests_per_minute=places, poll_interval_seconds=0.06)
    one, other = (node.trigger(node.start("import time; time.sleep(60)").job_id) for _ in range(2))
    other.ocean_node_conn_id = "patient"

    async def look_for_a_while() -> None:
        looking = asyncio.gather(fired(one), fired(other))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(30):
                while len(node.between.passed) < places:
                    await asyncio.sleep(0.02)
        # Time for many more, if nobody held them back.
        await asyncio.sleep(1)
        looking.cancel()

    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(look_for_a_while())

    assert len(node.between.passed) == places


def test_a_look_that_fails_in_an_unforeseen_way_is_not_the_last(
    node: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = node.start("print('done')")
    original = AsyncOceanNode.status
    failures = [OSError(24, "too many open files")]

    async def status(self: AsyncOceanNode, job_id: str) -> ComputeJob | None:
        if failures:
            raise failures.pop()
        return await original(self, job_id)

    monkeypatch.setattr(AsyncOceanNode, "status", status)

    assert asyncio.run(fired(node.trigger(job.job_id)))["status"] == "over"


def test_at_the_deadline_the_trigger_stops_the_job(node: Watched) -> None:
    job = node.start("import time; time.sleep(60)")

    payload = asyncio.run(fired(node.trigger(job.job_id, seconds=0.5)))

    assert (payload["status"], payload["timed_out"]) == ("over", True)
    seen = node.client.status(job.job_id)
    assert seen is not None
    assert seen.outcome == "stopped"


def test_a_persons_kill_stops_the_job_and_waits_for_its_end(node: Watched) -> None:
    """As the triggerer does it: the run is cancelled, and within that cancellation `on_kill` is called."""
    job = node.start("import time; time.sleep(60)")
    trigger = node.trigger(job.job_id)

    async def killed() -> None:
        try:
            await fired(trigger)
        except asyncio.CancelledError:
            await asyncio.wait_for(trigger.on_kill(), timeout=30)
            raise

    async def kill() -> None:
        task = asyncio.create_task(killed())
        while not node.between.passed:
            await asyncio.sleep(0.01)
        while not is_over():
            task.cancel("a person")  # as Airflow 3.3 does: again and again
            await asyncio.sleep(0.05)
        await asyncio.gather(task, return_exceptions=True)

    def is_over() -> bool:
        seen = node.client.status(job.job_id)
        return seen is not None and seen.is_over

    asyncio.run(kill())

    seen = node.client.status(job.job_id)
    assert seen is not None
    assert seen.outcome == "stopped"


def test_a_shutdown_leaves_the_job_alone(node: Watched) -> None:
    job = node.start("import time; time.sleep(60)")

    async def cancelled() -> None:
        task = asyncio.create_task(fired(node.trigger(job.job_id)))
        while not node.between.passed:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancelled())

    seen = node.client.status(job.job_id)
    assert seen is not None
    assert not seen.stop_requested


def test_a_job_that_the_node_does_not_know_is_told_as_vanished(node: Watched) -> None:
    job = node.start("pass")
    unknown = f"{job.job_id.split('-')[0]}-{'0' * 64}"

    assert asyncio.run(fired(node.trigger(unknown))) == {"status": "vanished"}


def test_a_connection_without_a_host_is_an_event_not_a_crash(
    node: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WATCHED", json.dumps({"conn_type": "ocean_node"}))

    payload = asyncio.run(fired(node.trigger("0x1-2")))

    assert (payload["status"], payload["retryable"]) == ("failed", False)
    assert "has no host" in payload["error"]


def test_a_missing_connection_is_an_event_not_a_crash(node: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_WATCHED")

    payload = asyncio.run(fired(node.trigger("0x1-2")))

    assert (payload["status"], payload["retryable"]) == ("failed", True)
    assert "`watched` isn't defined" in payload["error"]


def test_what_a_secrets_backend_says_is_an_event_without_its_words(
    node: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sealed(_: OceanNodeHook) -> OceanNodeSettings:
        raise RuntimeError(f"the vault is sealed, token {KEYS[0]}")

    monkeypatch.setattr(OceanNodeHook, "async_settings", sealed)

    payload = asyncio.run(fired(node.trigger("0x1-2")))

    assert (payload["status"], payload["retryable"]) == ("failed", True)
    assert "RuntimeError" in payload["error"]
    assert KEYS[0] not in payload["error"]


def test_without_its_wallet_the_trigger_asks_on_past_the_deadline_and_then_says_why(
    node: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocean_job, "STOPPING_SECONDS", 1.0)
    job = node.start("import time; time.sleep(60)")
    monkeypatch.delenv("AIRFLOW_CONN_WALLET")

    payload = asyncio.run(fired(node.trigger(job.job_id, seconds=0)))

    assert (payload["status"], payload["timed_out"]) == ("unreachable", True)
    assert "`wallet` isn't defined" in payload["error"]
    stops = [what for what in payload["watched"] if what[0] == "stop"]
    assert len(stops) > 1


@pytest.mark.parametrize("gone", ["WATCHED", "WALLET"])
def test_a_kill_that_finds_a_connection_gone_ends_with_an_alarm(
    node: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, gone: str
) -> None:
    monkeypatch.setattr(ocean_job, "STOPPING_SECONDS", 1.0)
    job = node.start("import time; time.sleep(60)")
    monkeypatch.delenv(f"AIRFLOW_CONN_{gone}")

    asyncio.run(node.trigger(job.job_id).on_kill())

    assert f"DeFlow alarm: orphan job_id={job.job_id}" in caplog.text


@pytest.mark.parametrize("gone", ["WATCHED", "WALLET"])
def test_a_kill_that_finds_a_connection_gone_asks_again_and_stops_the_job_when_it_is_back(
    node: Watched, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    monkeypatch.setattr(ocean_node, "POLL_INTERVAL_SECONDS", 0.1)
    job = node.start("import time; time.sleep(60)")
    trigger = node.trigger(job.job_id)
    connection = os.environ[f"AIRFLOW_CONN_{gone}"]
    monkeypatch.delenv(f"AIRFLOW_CONN_{gone}")

    async def killed() -> None:
        stopping = asyncio.create_task(trigger.on_kill())
        while not trigger._watched and not stopping.done():
            await asyncio.sleep(0.01)
        monkeypatch.setenv(f"AIRFLOW_CONN_{gone}", connection)
        await stopping

    asyncio.run(asyncio.wait_for(killed(), timeout=30))

    seen = node.client.status(job.job_id)
    assert seen is not None
    assert seen.is_over


def test_serialized_and_made_again_it_is_the_same_trigger_and_holds_no_key(node: Watched) -> None:
    trigger = node.trigger("0x1-2")

    path, arguments = trigger.serialize()

    assert path == "airflow_provider_deflow.triggers.ocean_job.OceanJobTrigger"
    assert OceanJobTrigger(**json.loads(json.dumps(arguments))).serialize() == (path, arguments)
    assert KEYS[0].removeprefix("0x") not in repr(trigger)
