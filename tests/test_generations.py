# SPDX-License-Identifier: Apache-2.0
"""The table of rule 1, one row a case: what is found of a node's job, why the task runs, what happens.

Each row on a real local Ocean Node, whose own list of jobs is what counts. Expected values are written
out here, apart from the table in the code. Crashes and lost messages are in test_jobs.py.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import pytest
import requests

from airflow_provider_deflow import errors, generations, job_search, jobs
from airflow_provider_deflow.generations import Occasion, State
from airflow_provider_deflow.local_ocean_node.settings import EnvironmentSettings
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.compute import ComputeJob, JobRequest
from tests import proxy
from tests.local_ocean_node.running import fast, running_ocean_node
from tests.one_node import NODE, SIGNER, SLEEP, Memory, OceanNodeOfTest

ROOMY = EnvironmentSettings(cpu=2, ram=8, disk=10, free_cpu=2, free_ram=1, free_disk=1, free_max_jobs=8)
FAILS = "raise SystemExit(3)"


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, proxy.Proxy]]:
    settings = fast(tmp_path_factory.mktemp("node"), environments=(ROOMY,), test_routes=True)
    with running_ocean_node(settings) as url, proxy.between(url) as between:
        yield url, between


class Row(OceanNodeOfTest):
    """One case: a run of its own, and the jobs that the Ocean Node has of it."""

    def __init__(self, url: str, between: proxy.Proxy, name: str) -> None:
        super().__init__(between)
        self.url = url
        self.node = job_search.NodeOfRun(NODE.dag_id, name, NODE.node_id)
        self._others = {job.job_id for job in self.all_jobs()}

    def again(self, occasion: Occasion = "retry", code: str = SLEEP, **more: Any) -> jobs.Found:
        if occasion == "force_new":
            # Airflow says clear, or retry; that a person wants a new job is said by the wish.
            more, occasion = {"wish": "round 3", **more}, "clear"
        return self.find_or_start(code, node=self.node, occasion=occasion, **more)

    def first(self, code: str = SLEEP) -> ComputeJob:
        return self.again("first try", code).job

    def patient(self) -> JobRequest:
        """Waits for its turn."""
        return self.request("pass", queue_max_wait_seconds=600)

    def stop(self, job: ComputeJob) -> None:
        self.client.stop(job.job_id)

    def forget(self, job: ComputeJob) -> None:
        rule = {"what": "forget", "command": "getComputeStatus"}
        requests.put(f"{self.url}/_deflow/faults", json=[rule]).raise_for_status()
        assert self.client.status(job.job_id) is None

    def jobs(self) -> list[ComputeJob]:
        """From the first to the last, as the Ocean Node has them."""
        mine = [job for job in self.all_jobs() if job.job_id not in self._others]
        return sorted(mine, key=lambda job: str(job.created))

    def assert_never_two_alive(self) -> None:
        mine = self.jobs()
        for earlier, later in itertools.pairwise(mine):
            assert earlier.finished is not None
            assert later.created is not None
            assert earlier.finished <= later.created


@pytest.fixture
def row(urls: tuple[str, proxy.Proxy], request: pytest.FixtureRequest) -> Iterator[Row]:
    row = Row(*urls, request.node.name)
    yield row
    for job in row.jobs():
        if not job.is_over:
            row.stop(job)
            row.end_of(job)


def nothing(row: Row) -> None:
    """No job was ever asked for."""


def live(row: Row) -> None:
    row.running(row.first())


def stopping(row: Row) -> None:
    # It takes its time to end, so that it is found between the request and the end.
    job = row.running(row.first("import signal, time\nsignal.signal(15, signal.SIG_IGN)\ntime.sleep(60)"))
    row.stop(job)


def succeeded(row: Row) -> None:
    assert row.end_of(row.first("pass")).outcome == "succeeded"


def failed(row: Row) -> None:
    assert row.end_of(row.first(FAILS)).outcome == "failed"


def stopped(row: Row) -> None:
    job = row.running(row.first())
    row.stop(job)
    assert row.end_of(job).outcome == "stopped"


def expired(row: Row) -> None:
    other = row.client.start_free(row.request(SLEEP, resources={"cpu": 2}))
    row.running(other)
    queued = row.request("pass", resources={"cpu": 1}, queue_max_wait_seconds=1)
    job = row.find_or_start(node=row.node, request=lambda: queued).job
    assert row.end_of(job).status == 2
    row.stop(other)
    row._others.add(row.end_of(other).job_id)


def vanished(row: Row) -> None:
    row.forget(row.end_of(row.first("pass")))


STATES: dict[State, Callable[[Row], None]] = {
    "none": nothing,
    "live": live,
    "stopping": stopping,
    "succeeded": succeeded,
    "failed": failed,
    "stopped": stopped,
    "expired": expired,
    "vanished": vanished,
}
NEW = ("started", 1)
# What is found: what happens, and how many jobs the Ocean Node then has of the node.
ALWAYS: dict[State, tuple[tuple[str, int], int]] = {
    "none": (("started", 0), 1),
    "live": (("followed", 0), 1),
    "stopping": (NEW, 2),
    "succeeded": (("reused", 0), 1),
    "failed": (NEW, 2),
    "stopped": (NEW, 2),
    "expired": (NEW, 2),
    "vanished": (NEW, 1),
}
WHEN_FORCED = {**ALWAYS, "live": (NEW, 2), "succeeded": (NEW, 2)}
ROWS = [
    pytest.param(occasion, state, *expected, id=f"{occasion} after {state}")
    for occasion, table in [
        ("first try", ALWAYS),
        ("retry", ALWAYS),
        ("clear", ALWAYS),
        ("force_new", WHEN_FORCED),
    ]
    for state, expected in table.items()
]


def test_the_rows_are_the_whole_table() -> None:
    cases = {(state, occasion) for state in get_args(State) for occasion in get_args(Occasion)}

    assert set(generations.TABLE) == cases
    assert {(param.values[1], param.values[0]) for param in ROWS} == cases


@pytest.mark.parametrize(("occasion", "state", "happens", "count"), ROWS)
def test_row(row: Row, occasion: Occasion, state: State, happens: tuple[str, int], count: int) -> None:
    STATES[state](row)

    found = row.again(occasion)

    assert (found.how, found.generation) == happens
    assert len(row.jobs()) == count
    assert found.job.job_id == row.jobs()[-1].job_id
    row.assert_never_two_alive()


@pytest.mark.parametrize("state", ["live", "succeeded", "failed", "stopped"])
def test_a_retry_that_remembers_nothing_does_the_same(row: Row, state: State) -> None:
    STATES[state](row)
    row.memory.clear()

    found = row.again("retry")

    happens, count = ALWAYS[state]
    assert (found.how, found.generation) == happens
    assert len(row.jobs()) == count


def test_a_later_generation_is_found_though_the_first_has_expired_and_nothing_is_remembered(row: Row) -> None:
    first = row.end_of(row.first(FAILS))
    second = row.again("retry")
    row.forget(first)
    row.memory.clear()

    found = row.again("retry")

    assert (found.how, found.generation, found.job.job_id) == ("followed", 1, second.job.job_id)


def test_a_retry_after_force_new_follows_the_new_job(row: Row) -> None:
    """One generation for one wish, however often Airflow has to try."""
    row.end_of(row.first("pass"))
    new = row.again("force_new")

    again = row.again("force_new")

    assert (again.how, again.generation, again.job.job_id) == ("followed", 1, new.job.job_id)
    assert len(row.jobs()) == 2


def test_a_retry_after_a_new_job_that_failed_starts_one_more(row: Row) -> None:
    row.end_of(row.first("pass"))
    row.end_of(row.again("force_new", FAILS).job)

    again = row.again("force_new")

    assert (again.how, again.generation) == ("started", 2)


def test_a_retry_after_a_new_job_that_succeeded_reuses_it_and_not_the_one_before(row: Row) -> None:
    row.end_of(row.first("pass"))
    new = row.end_of(row.again("force_new", "pass").job)

    again = row.again("force_new")

    assert (again.how, again.generation, again.job.job_id) == ("reused", 1, new.job_id)


def test_the_next_wish_starts_the_next_job(row: Row) -> None:
    row.end_of(row.first("pass"))
    row.end_of(row.again("force_new", "pass").job)

    again = row.find_or_start("pass", node=row.node, occasion="clear", wish="round 5")

    assert (again.how, again.generation) == ("started", 2)


def test_a_new_job_that_was_meant_but_never_sent_is_started_by_the_retry(row: Row) -> None:
    """The intent is there, the start was refused by the rate limit: the old success is not taken for it."""
    row.end_of(row.first("pass"))
    words = "Too many requests, please try again in 1 seconds"
    rule = {"command": "freeStartCompute", "what": "refuse", "status": 429, "words": words, "times": 4}
    requests.put(f"{row.url}/_deflow/faults", json=[rule]).raise_for_status()
    with pytest.raises(errors.OceanNodeError):
        row.again("force_new")
    requests.delete(f"{row.url}/_deflow/faults")

    began = time.monotonic()
    again = row.again("force_new")

    assert (again.how, again.generation) == ("started", 1)
    assert time.monotonic() - began < 30, "what was refused is not looked for"


def test_equal_inputs_that_come_back_find_their_old_outputs(row: Row) -> None:
    """One upstream was cleared and wrote something else, and then again what it wrote at first."""
    first = row.end_of(row.find_or_start("pass", inputs="i1", node=row.node).job)
    row.end_of(row.find_or_start("pass", inputs="i2", node=row.node, occasion="clear").job)

    back = row.find_or_start("pass", inputs="i1", node=row.node, occasion="clear")

    assert (back.how, back.job.job_id) == ("reused", first.job_id)


def test_a_job_with_our_key_that_is_another_is_not_taken_and_none_is_started_beside_it(row: Row) -> None:
    """A stolen token starts jobs in our name, and everybody sees our keys."""
    key = job_search.key_of(SIGNER, row.node, "i1", 0)
    row.client.start_free(row.request("pass", metadata={job_search.METADATA_KEY: key}))

    with pytest.raises(errors.JobDisagrees, match=r"not what it asks for: image\. It is not taken"):
        row.again("retry", disagreement=lambda record: "image")

    assert len(row.jobs()) == 1


def test_force_new_ends_a_job_with_our_key_that_is_another(row: Row) -> None:
    key = job_search.key_of(SIGNER, row.node, "i1", 0)
    row.client.start_free(row.request(SLEEP, metadata={job_search.METADATA_KEY: key}))

    found = row.again("force_new", disagreement=lambda record: "image")

    assert (found.how, found.generation) == ("started", 1)
    row.assert_never_two_alive()


@pytest.fixture
def before(row: Row, request: pytest.FixtureRequest) -> Iterator[Row]:
    """The same node of the same run, when its connection named another URL."""
    with proxy.between(row.url) as there:
        before = Row(row.url, there, request.node.name)
        before.memory = row.memory
        yield before


def moved(row: Row, occasion: Occasion) -> jobs.Found:
    """The URL is part of the inputs."""
    return row.again(occasion, "pass", inputs="i2")


OCCASIONS = get_args(Occasion)


@pytest.mark.parametrize("occasion", OCCASIONS)
def test_moved_to_another_ocean_node_it_asks_nobody_about_a_job_that_was_seen_over(
    row: Row, before: Row, occasion: Occasion
) -> None:
    failed(before)
    jobs.remember_over(row.memory)
    before.between.go_away()

    found = moved(row, occasion)

    assert (found.how, row.left) == ("started", [])


@pytest.mark.parametrize("occasion", OCCASIONS)
def test_moved_to_another_ocean_node_it_asks_nobody_about_a_start_that_was_never_sent(
    row: Row, before: Row, occasion: Occasion
) -> None:
    request = before.request("pass")

    def of_a_node_that_goes_away() -> JobRequest:
        before.between.go_away()
        return request

    with pytest.raises(errors.OceanNodeUnreachable, match="nothing was sent"):
        before.again("first try", request=of_a_node_that_goes_away)

    found = moved(row, occasion)

    assert (found.how, row.left) == ("started", [])


@pytest.mark.parametrize("occasion", OCCASIONS)
def test_moved_to_another_ocean_node_it_ends_the_job_on_the_one_before(
    row: Row, before: Row, occasion: Occasion, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(before)
    closed: list[str] = []
    monkeypatch.setattr(OceanNode, "__exit__", lambda self, *_: (closed.append(self.url), self.close()))

    found = moved(row, occasion)

    assert (found.how, row.left) == ("started", [])
    assert closed == [before.between.url]
    row.assert_never_two_alive()


@pytest.mark.parametrize("occasion", [each for each in OCCASIONS if each != "force_new"])
def test_moved_from_an_ocean_node_that_is_gone_it_says_so_and_starts_nothing(
    row: Row, before: Row, occasion: Occasion
) -> None:
    live(before)
    before.between.go_away()

    with pytest.raises(errors.OceanNodeUnreachable, match="force_new") as raised:
        moved(row, occasion)

    assert f"may still have job {row.jobs()[0].job_id} on {before.between.url}" in str(raised.value)
    assert f"None is started on {row.between.url}" in str(raised.value)
    assert (len(row.jobs()), row.left) == (1, [])


def test_moved_from_an_ocean_node_that_is_gone_a_person_can_ask_for_a_new_job_and_the_old_one_is_told_of(
    row: Row, before: Row
) -> None:
    live(before)
    before.between.go_away()

    found = moved(row, "force_new")
    again = moved(row, "force_new")

    assert [found.how, again.job.job_id] == ["started", found.job.job_id]
    ((job_id, url, why),) = row.left
    assert (job_id, url) == (row.jobs()[0].job_id, before.between.url)
    assert f"a new one was asked for on {row.between.url}; it may still run" in why


def test_moved_from_an_ocean_node_that_is_only_busy_nobody_leaves_its_job(
    row: Row, before: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(before)
    original = OceanNode.status

    def limited(self: OceanNode, job_id: str) -> ComputeJob | None:
        if self.url == before.between.url:
            raise errors.OceanNodeBusy("too many requests", url=self.url, retry_after_seconds=1.0)
        return original(self, job_id)

    monkeypatch.setattr(OceanNode, "status", limited)

    with pytest.raises(errors.OceanNodeBusy, match="too many requests"):
        moved(row, "force_new")

    assert (len(row.jobs()), row.left) == (1, [])


def test_backfill_and_parallel_runs_of_one_graph_never_share_a_job(urls: tuple[str, proxy.Proxy]) -> None:
    day = "2026-01-31T00:00:00+00:00"
    run_ids = [f"scheduled__{day}", f"backfill__{day}", f"manual__{day}", f"manual__{day}_x"]
    rows = [Row(*urls, run_id) for run_id in run_ids]

    with ThreadPoolExecutor(len(rows)) as pool:
        found = list(pool.map(lambda row: row.again("first try", request=row.patient), rows))
        for row, one in zip(rows, found, strict=True):
            row.end_of(one.job)
        again = list(pool.map(lambda row: row.again("clear", "pass"), rows))

    assert [one.how for one in found] == ["started"] * 4
    assert len({one.job.job_id for one in found}) == 4
    assert [one.job.job_id for one in again] == [one.job.job_id for one in found]


@pytest.mark.parametrize(
    ("try_number", "max_tries", "retries", "occasion"),
    [
        (1, 2, 2, "first try"),
        (2, 2, 2, "retry"),
        (3, 2, 2, "retry"),
        # Cleared after its third try: Airflow counts on, and gives it two retries more.
        (4, 5, 2, "clear"),
        (5, 5, 2, "retry"),
        (1, 0, 0, "first try"),
        (2, 1, 0, "clear"),
    ],
)
def test_airflows_counting_says_why_a_task_runs(
    try_number: int, max_tries: int, retries: int, occasion: str
) -> None:
    assert generations.occasion_of(try_number, max_tries, retries) == occasion


def test_a_memory_is_json(row: Row) -> None:
    """Airflow's task state store takes nothing else."""
    row.end_of(row.again("force_new", "pass").job)

    assert Memory(json.loads(json.dumps(row.memory))) == row.memory
