# SPDX-License-Identifier: Apache-2.0
"""A task that runs again: tried again, cleared, or made to start a new job; counted on the Ocean Node.

What is found and what follows is the table of test_generations.py. Here is what Airflow adds: its count of
tries, its conf, the outputs that are kept, and its waits.
"""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, ExceptionRetryPolicy, RetryAction
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from airflow_provider_deflow import errors, handover, job_request, job_search, jobs
from airflow_provider_deflow.agreement import disagreement
from airflow_provider_deflow.graphs.graph import ComputeData
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.compute import ComputeJob, JobRequest
from airflow_provider_deflow.ocean.job_records import JobRecord, of_wallet
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.operators.faults import RetryAsTold, told_to_airflow
from airflow_provider_deflow.operators.recording import recorded
from airflow_provider_deflow.signing import KeySigner
from tests import proxy
from tests.local_ocean_node.running import KEYS
from tests.local_ocean_node.test_command_line import ocean_node as ocean_node_process
from tests.operators.one_task import WRITE, Memory, context, first_event, operator, run, written

pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")

SIGNER = KeySigner(KEYS[0])
SLEEP = "import time; time.sleep(60)"
FIRST, RETRY, CLEARED, CLEARED_RETRY = (1, 2), (2, 2), (2, 3), (3, 3)
# Tells one run from another, though code and inputs are equal.
ODD = "import time\nopen('/data/outputs/out.txt', 'w').write(str(time.time_ns()))"


def jobs_at(between: proxy.Proxy) -> list[ComputeJob]:
    found = OceanNode(between.url, requests_per_minute=100_000).jobs_of(SIGNER.address)
    return sorted(found, key=lambda job: str(job.created))


GONE = "http://127.0.0.1:9"


def moved_from_a_dead_ocean_node(key: str = "k" * 64) -> Memory:
    memory = Memory()
    left = {"inputs": "x" * 64, "key": key, "job_id": "0x1-2", "url": GONE, "generation": 0, "wish": ""}
    memory.set(jobs.MEMORY_KEY, {**left, "sent_at": 1.0})
    return memory


def test_a_node_that_left_a_dead_ocean_node_says_what_to_do(between: proxy.Proxy) -> None:
    with pytest.raises(errors.OceanNodeUnreachable, match=r"If it is gone for good, .*`force_new`"):
        run(operator(WRITE.format("x")), context(moved_from_a_dead_ocean_node(), tries=CLEARED))

    assert jobs_at(between) == []


def test_a_node_that_left_a_dead_ocean_node_runs_with_force_new_and_an_alarm(
    between: proxy.Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    forced = context(moved_from_a_dead_ocean_node(), tries=CLEARED, conf={"force_new": True})

    returned = run(operator(WRITE.format("x")), forced)

    assert returned["ocean_node"] == between.url
    assert (
        f"DeFlow alarm: orphan dag_id=by_hand run_id=run 1 task_id=train job_id=0x1-2 ocean_node_url={GONE}"
        in (caplog.text)
    )


@pytest.mark.parametrize("code", ["pass", "raise SystemExit(3)", SLEEP])
def test_a_job_that_a_task_saw_over_is_asked_about_no_more(between: proxy.Proxy, code: str) -> None:
    memory = Memory()
    of = context(memory)
    task = operator(code)
    if code == SLEEP:
        task.execution_timeout = timedelta(seconds=1)
    # Nothing written, an exit code, a deadline: each an end that no retry mends.
    with pytest.raises((errors.DeflowError, AirflowFailException)):
        run(task, of)

    assert jobs.may_live(memory) == {}


def test_a_cleared_node_that_failed_runs_again(between: proxy.Proxy) -> None:
    memory = Memory()
    with pytest.raises(AirflowFailException):
        run(operator("raise SystemExit(3)"), context(memory))

    with pytest.raises(AirflowFailException):
        run(operator("raise SystemExit(3)"), context(memory, tries=CLEARED))

    assert [job.outcome for job in jobs_at(between)] == ["failed", "failed"]


@pytest.mark.parametrize("conf", [{"force_new": True}, {"force_new": ["train"]}], ids=["all", "by id"])
def test_force_new_by_conf_starts_one_new_job_at_a_clear(between: proxy.Proxy, conf: dict[str, Any]) -> None:
    """Airflow keeps the conf of a run, so the wish holds for each clear of it, and once for each."""
    memory = Memory()
    first = run(operator(ODD), context(memory, tries=FIRST, conf=conf))
    again = run(operator(ODD), context(memory, tries=CLEARED, conf=conf))
    tried = run(operator(ODD), context(memory, tries=CLEARED_RETRY, conf=conf))

    assert written(again) != written(first)
    assert tried == again
    assert len(jobs_at(between)) == 2


@pytest.mark.parametrize("conf", [None, {}, {"force_new": False}, {"force_new": ["other"]}])
def test_without_the_wish_for_this_node_a_clear_reuses_its_outputs(
    between: proxy.Proxy, conf: dict[str, Any] | None
) -> None:
    memory = Memory()
    first = run(operator(ODD), context(memory, tries=FIRST, conf=conf))

    assert run(operator(ODD), context(memory, tries=CLEARED, conf=conf)) == first
    assert len(jobs_at(between)) == 1


def test_force_new_by_argument_starts_one_new_job_at_a_clear(between: proxy.Proxy) -> None:
    memory = Memory()
    first = run(operator(ODD, force_new=True), context(memory, tries=FIRST))
    again = run(operator(ODD, force_new=True), context(memory, tries=CLEARED))

    assert written(again) != written(first)
    assert len(jobs_at(between)) == 2


def test_a_retry_after_force_new_does_not_return_what_was_kept_before(between: proxy.Proxy) -> None:
    """The worker died between the new start and its end; the old outputs lie there for equal inputs."""
    memory, conf = Memory(), {"force_new": True}
    slow = "import time\ntime.sleep(6)\n" + ODD
    first = run(operator(slow), context(memory, tries=FIRST, conf=conf))
    with pytest.raises(TaskDeferred):
        operator(slow).execute(context(memory, tries=CLEARED, conf=conf))

    again = run(operator(slow), context(memory, tries=CLEARED_RETRY, conf=conf))

    assert written(again) != written(first)
    assert [job.outcome for job in jobs_at(between)] == ["succeeded", "succeeded"]


def test_a_wish_that_cannot_be_read_fails_before_anything_is_asked(between: proxy.Proxy) -> None:
    with pytest.raises(AirflowFailException, match="force_new in the conf of this run is 'yes': write true"):
        run(operator(ODD), context(conf={"force_new": "yes"}))
    assert between.passed == []


def test_a_job_in_our_name_that_runs_another_image_is_not_taken(between: proxy.Proxy) -> None:
    task, of = operator(ODD), context()
    with recorded("node", task, of) as ledger:
        work = task._prepare(of, ledger)
    key = job_search.key_of(SIGNER, work.of_run, work.inputs_sha256, 0)
    request = job_request.build(work.node, (), work.ocean_node.environments()[0], 60)
    container = {**request.algorithm["meta"]["container"], "tag": "3.11-slim"}
    forged = {"meta": {"rawcode": WRITE.format("forged"), "container": container}}
    work.ocean_node.start_free(
        JobRequest(request.environment, forged, metadata={job_search.METADATA_KEY: key})
    )

    with pytest.raises(
        AirflowFailException, match=r"JobDisagrees: .* tag: it is '3.11-slim', asked for is '3.11'"
    ):
        run(task, of)

    assert len(jobs_at(between)) == 1


def test_what_a_node_shows_of_its_own_job_agrees(between: proxy.Proxy) -> None:
    """Sent by one function, judged by another: they must not drift apart."""
    node = ComputeData.model_validate(
        {
            "algorithm": {"file": {"type": "url", "url": "http://localhost:9/a.py"}, "image": "python:3.11"},
            "datasets": [{"file": {"type": "url", "url": "http://localhost:9/b.csv", "method": "GET"}}],
        }
    )
    sha256 = "ab" * 32
    inputs = handover.inputs_of(
        [
            handover.Handed("e1", "a", "bucket", (handover.HandedFile("x y.txt", 1, sha256),), "bucket"),
            handover.Handed("e2", "b", "url", (handover.HandedFile("z ü.txt", 1, sha256),)),
        ],
        (),
        lambda sha256, name: f"http://localhost:9/token/{name.replace(' ', '%20')}",
    )
    client = OceanNode(between.url, SIGNER, requests_per_minute=100_000)
    environment = client.environments()[0]
    request = job_request.build(node, [], environment, 60)
    datasets = [*request.datasets, *(each.dataset for each in inputs)]
    try:
        client.start_free(JobRequest(environment.id, request.algorithm, [datasets[0], datasets[2]]))
    finally:
        (shown,) = client.ask(of_wallet(SIGNER.address))
    whole = JobRecord(shown.job, shown.algorithm, tuple(datasets))

    assert disagreement(shown, node, inputs[1:]) == ""
    assert disagreement(whole, node, inputs) == ""
    assert disagreement(JobRecord(shown.job, None, None), node, inputs) == ""


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "environment": ({"environment": "0xab-0xcd"}, "environment: it is "),
    "image": ({"algorithm": {"code": "pass", "image": "python:3.12"}}, "algorithm: tag: it is '3.11'"),
    "entrypoint": (
        {"algorithm": {"code": "pass", "image": "python:3.11", "entrypoint": "sh $ALGO"}},
        "algorithm: entrypoint: it is",
    ),
    "one dataset more": (
        {"datasets": [{"file": {"type": "url", "url": "http://localhost:9/b"}}]},
        "datasets: it has 0, asked for are 1",
    ),
}


@pytest.mark.parametrize(("changes", "said"), OTHERS.values(), ids=OTHERS)
def test_what_differs_is_named(between: proxy.Proxy, changes: dict[str, Any], said: str) -> None:
    drawn = {"algorithm": {"code": "pass", "image": "python:3.11", "entrypoint": "python3 $ALGO"}}
    client = OceanNode(between.url, SIGNER, requests_per_minute=100_000)
    sent = ComputeData.model_validate(drawn)
    client.start_free(job_request.build(sent, [], client.environments()[0], 60))
    (record,) = client.ask(of_wallet(SIGNER.address))

    assert disagreement(record, sent, []) == ""
    assert disagreement(record, ComputeData.model_validate({**drawn, **changes}), []).startswith(said)


def test_an_algorithm_from_elsewhere_is_another() -> None:
    node = ComputeData.model_validate({"algorithm": {"code": "pass", "image": "python:3.11"}})
    file = {"fileObject": {"type": "url", "url": "http://elsewhere.example/signed?key=1"}}

    said = disagreement(JobRecord(None, file, None), node, [])  # type: ignore[arg-type]  # no environment asked

    assert said == "algorithm: another fileObject"


def test_an_ocean_node_killed_in_mid_run_costs_one_new_job(
    tmp_path: Path, between: proxy.Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL to the Ocean Node: its jobs die with it; the retry starts one more, once it is back."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    options = ("--port", port, "--requests-per-minute", "100000")
    extra = '{"requests_per_minute": 100000, "poll_interval_seconds": 0.3}'
    connection = f'{{"conn_type": "ocean_node", "host": "{url}", "extra": {extra}}}'
    monkeypatch.setenv("AIRFLOW_CONN_OCEAN_NODE_DEFAULT", connection)
    memory = Memory()
    task = operator("import time\ntime.sleep(6)\n" + WRITE.format("x"))
    with ocean_node_process(tmp_path / "killed", *options) as (process, _):
        with pytest.raises(TaskDeferred) as deferral:
            task.execute(context(memory, tries=FIRST))
        process.kill()
        process.wait()

    with ocean_node_process(tmp_path / "killed", *options):
        event = asyncio.run(first_event(deferral.value.trigger))
        with pytest.raises(errors.JobNotRun, match="its container was gone when the Ocean Node came back"):
            task.resume(context(memory, tries=FIRST), event)
        returned = run(task, context(memory, tries=RETRY))
        outcomes = [job.outcome for job in OceanNode(url).jobs_of(SIGNER.address)]

    assert written(returned) == {"out.txt": "x"}
    assert sorted(map(str, outcomes)) == ["failed", "succeeded"]


TRANSIENT = {
    "StoreUnreachable",
    "OceanNodeUnreachable",
    "OceanNodeBusy",
    "NotIndexed",
    "NonceRejected",
    "JobNotRun",
    "JobStopped",
    "JobVanished",
    "ChainUnreachable",
    "GasTooDear",
    "WalletBusy",
    "IncompleteDownload",
    "FilesBusy",
}


def every_error(base: type[errors.DeflowError]) -> list[type[errors.DeflowError]]:
    return [base, *(one for child in base.__subclasses__() for one in every_error(child))]


@pytest.mark.parametrize("kind", every_error(errors.DeflowError), ids=lambda kind: kind.__name__)
def test_only_what_can_pass_by_itself_is_tried_again(kind: type[errors.DeflowError]) -> None:
    """The drawing's, the settings', the algorithm's and money's faults fail at once."""
    error = kind.__new__(kind)
    Exception.__init__(error, "it is so")

    expected = kind if kind.__name__ in TRANSIENT else AirflowFailException
    with pytest.raises(expected), told_to_airflow():
        raise error


@pytest.mark.parametrize("kind", [errors.OceanNodeBusy, errors.FilesBusy])
def test_an_ocean_node_that_names_a_wait_is_waited_for_and_not_by_all_at_once(
    kind: type[errors.OceanNodeBusy | errors.FilesBusy],
) -> None:
    busy = kind("429", retry_after_seconds=40)

    decisions = [RetryAsTold().evaluate(busy, 1, 2) for _ in range(50)]

    assert {decision.action for decision in decisions} == {RetryAction.RETRY}
    delays = {decision.retry_delay for decision in decisions if decision.retry_delay}
    assert timedelta(seconds=40) <= min(delays) < max(delays) <= timedelta(seconds=55)
    assert len(delays) > 40


@pytest.mark.parametrize(
    "error", [errors.OceanNodeBusy("no cpu"), errors.OceanNodeUnreachable("gone"), ValueError("x")]
)
def test_all_else_waits_as_the_tasks_own_settings_say(error: Exception) -> None:
    assert RetryAsTold().evaluate(error, 1, 2).action == RetryAction.DEFAULT


def test_a_policy_of_the_users_own_is_kept() -> None:
    own = ExceptionRetryPolicy([])
    with DAG("by_hand", schedule=None, default_args={"retry_policy": own}):
        task = OceanComputeOperator(task_id="train", node={"algorithm": {"code": "pass", "image": "a:1"}})

    assert task.retry_policy is own
    assert isinstance(operator("pass").retry_policy, RetryAsTold)
