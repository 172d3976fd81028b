# SPDX-License-Identifier: Apache-2.0
"""Orphans, stalls and expiring results: jobs that real tasks started on a real local Ocean Node."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Batch, Entry, Fact, Place, Run
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.compute import ComputeJob
from airflow_provider_deflow.upkeep import expiry, orphans
from airflow_provider_deflow.upkeep.expiry import fetch_expiring
from airflow_provider_deflow.upkeep.known import Account, Known
from airflow_provider_deflow.upkeep.orphans import stop_orphans
from airflow_provider_deflow.upkeep.stalls import report_stalls
from tests.local_ocean_node.running import KEYS
from tests.operators.one_task import WRITE, Memory, context, operator, run
from tests.upkeep.conftest import Deployment

# Airflow says so at each direct call of execute.
pytestmark = [pytest.mark.stack, pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")]

SLEEP = "import time; time.sleep(60)"
RESULT = "GET /api/services/computeResult"
STOP = "PUT /api/services/compute"
HALF_AN_HOUR = timedelta(minutes=30)


def test_a_job_whose_task_is_final_is_stopped_and_seen_to_its_end(deployment: Deployment) -> None:
    job = deployment.started(SLEEP)
    wanted = deployment.started(SLEEP, "run 2")
    deployment.airflow.fates["run 1"] = "final"
    desk = deployment.desk()

    stop_orphans(desk, deployment.known(), deployment.airflow)

    assert deployment.job(job.job_id).outcome == "stopped"
    assert not deployment.job(wanted.job_id).stop_requested
    assert [f"stop job {job.job_id}" in done for done in desk.done] == [True]
    assert [(one["run"], one["job_id"]) for one in deployment.told(facts.OVER)] == [("run 1", job.job_id)]
    assert [one["action"] for one in deployment.told(facts.UPKEEP)] == ["stop asked", "stopped"]
    assert deployment.told(facts.ALARM) == []


def test_a_job_that_nobody_heard_of_is_tied_to_its_task_by_its_key(deployment: Deployment) -> None:
    """The start's answer was lost, and the try died before it could look for the job."""
    deployment.between.lose_reply = "POST /api/services/freeCompute"

    class Died(Exception):
        pass

    def die(*_: object) -> None:
        raise Died

    task = operator(SLEEP)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airflow_provider_deflow.job_search.Search.look_until_certain", die)
        with pytest.raises(Died):
            task.execute(context(Memory()))
    (job,) = deployment.client.jobs_of(deployment.client.signer.address)  # type: ignore[union-attr]
    assert deployment.told(facts.JOB) == []
    deployment.airflow.fates["run 1"] = "final"

    stop_orphans(deployment.desk(), deployment.known(), deployment.airflow)

    assert deployment.job(job.job_id).is_over


def test_a_dry_run_says_what_it_would_do_and_does_nothing(deployment: Deployment) -> None:
    job = deployment.started(SLEEP)
    deployment.airflow.fates["run 1"] = "final"
    desk = deployment.desk(dry_run=True)

    stop_orphans(desk, deployment.known(), deployment.airflow)

    assert len(desk.done) == 1
    assert STOP not in deployment.between.passed
    assert not deployment.job(job.job_id).stop_requested
    assert deployment.told(facts.UPKEEP) == []


def test_a_job_of_a_run_that_airflow_does_not_know_is_reported_once_and_left_alone(
    deployment: Deployment,
) -> None:
    job = deployment.started(SLEEP)
    deployment.airflow.fates["run 1"] = "unknown"

    for _ in range(2):
        stop_orphans(deployment.desk(), deployment.known(), deployment.airflow)

    assert not deployment.job(job.job_id).stop_requested
    (alarm,) = deployment.told(facts.ALARM)
    assert (alarm["alarm"], alarm["job_id"]) == ("orphan", job.job_id)


def test_a_job_that_does_not_end_is_an_alarm(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Ocean Node takes a stop, and it gets lost there."""
    job = deployment.started(SLEEP)
    deployment.airflow.fates["run 1"] = "final"
    monkeypatch.setattr(OceanNode, "stop", lambda *_: None)

    for _ in range(2):
        stop_orphans(deployment.desk(), deployment.known(), deployment.airflow, stopping_seconds=0.5)

    (alarm,) = deployment.told(facts.ALARM)
    assert (alarm["alarm"], alarm["job_id"]) == ("orphan", job.job_id)
    assert "may still run" in alarm["what"]


def test_a_job_is_found_however_the_connection_writes_its_ocean_node(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = json.loads(os.environ["AIRFLOW_CONN_OCEAN_NODE_DEFAULT"])
    host = deployment.between.url.replace("127.0.0.1", "LocalHost") + "/"
    monkeypatch.setenv("AIRFLOW_CONN_OCEAN_NODE_DEFAULT", json.dumps({**node, "host": host}))
    job = deployment.started(SLEEP)
    deployment.airflow.fates["run 1"] = "final"

    stop_orphans(deployment.desk(), deployment.known(), deployment.airflow)

    assert deployment.job(job.job_id).is_over


def test_a_job_that_ends_though_its_stop_is_refused_is_seen_to_its_end(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = deployment.started("import time; time.sleep(6)")
    deployment.airflow.fates["run 1"] = "final"

    def refuse(*_: object) -> None:
        raise errors.RequestRejected("stop a job: not now")

    monkeypatch.setattr(OceanNode, "stop", refuse)
    monkeypatch.setattr(orphans, "ENOUGH_SECONDS", 0.0)

    stop_orphans(deployment.desk(), deployment.known(), deployment.airflow)

    assert [one["job_id"] for one in deployment.told(facts.OVER)] == [job.job_id]
    assert deployment.told(facts.ALARM) == []


def test_all_accounts_share_the_time_of_a_step(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = {"conn_type": "ocean_wallet", "password": KEYS[1]}
    monkeypatch.setenv("AIRFLOW_CONN_ANOTHER", json.dumps(wallet))
    one = deployment.started(SLEEP)
    two = deployment.started(SLEEP, wallet="another")
    deployment.airflow.fates["run 1"] = "final"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OceanNode, "stop", lambda *_: None)
        began = time.monotonic()
        stop_orphans(deployment.desk(), deployment.known(), deployment.airflow, stopping_seconds=5)
        took = time.monotonic() - began

    asked = [each["job_id"] for each in deployment.told(facts.UPKEEP) if each["action"] == orphans.ASKED]
    assert sorted(asked) == sorted([one.job_id, two.job_id])
    assert took < 10
    assert deployment.told(facts.ALARM) == [], "there was no time to end"


def test_a_wallet_on_an_ocean_node_is_looked_at_once_by_whichever_connection_still_leads_there(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = os.environ["AIRFLOW_CONN_OCEAN_NODE_DEFAULT"]
    monkeypatch.setenv("AIRFLOW_CONN_SAME", same)
    first = deployment.started(SLEEP)
    second = deployment.started(SLEEP, ocean_node="same")
    deployment.airflow.fates["run 1"] = "final"
    looked: list[str] = []
    deployment.known().each_account(lambda account, *_: looked.append(account.url))
    monkeypatch.delenv("AIRFLOW_CONN_SAME")
    assert looked == [deployment.between.url]

    stop_orphans(deployment.desk(), deployment.known(), deployment.airflow)

    assert deployment.job(first.job_id).is_over
    assert deployment.job(second.job_id).is_over


def test_no_account_is_always_the_last(deployment: Deployment) -> None:
    """Each is told to lead nowhere, in the order in which they are looked at."""
    nowhere = (("ocean_node_default", "ocean_wallet_default"),)
    where = [Account(f"http://127.0.0.1:{n}", "0x1", nowhere) for n in (8, 9)]
    known = Known(deployment.ledger, datetime.now(UTC), frozenset(where))
    firsts = set()
    for _ in range(30):
        said: list[str] = []
        known.each_account(lambda *_: None, said.append)
        firsts.add(said[0].split()[0])

    assert firsts == {"http://127.0.0.1:8", "http://127.0.0.1:9"}


def test_one_ocean_node_out_of_reach_does_not_hold_up_the_others(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    job = deployment.started(SLEEP)
    gone = {"ocean_node": "http://127.0.0.1:9", "owner": "0x" + "1" * 40}
    place = Place("train")
    entry = Entry.of(Run("by_hand", "run 0"), place, facts.intent("a" * 64, gone))
    deployment.ledger.write(Batch(Run("by_hand", "run 0"), (entry,)))
    deployment.airflow.fates["run 1"] = "final"

    stop_orphans(deployment.desk(), deployment.known(), deployment.airflow)

    assert deployment.job(job.job_id).is_over
    assert "do not lead to http://127.0.0.1:9" in caplog.text


def earlier_job(deployment: Deployment, status: int, seconds: float) -> None:
    """A job of the same task in another run, that was so long in a status."""
    run_, began = Run("by_hand", "run 0"), datetime.now(UTC) - timedelta(days=1)
    account = {"ocean_node": deployment.between.url, "owner": "0x" + "1" * 40}
    happened = (
        Fact(facts.JOB, {"job_id": "0x1-2", **account}, at=began),
        facts.state("0x1-2", status, "", began),
        facts.state("0x1-2", 70, "", began + timedelta(seconds=seconds)),
    )
    deployment.ledger.write(Batch(run_, tuple(Entry.of(run_, Place("train"), one) for one in happened)))


def test_a_job_that_stalls_against_its_own_history_is_reported_once(deployment: Deployment) -> None:
    job = deployment.started(SLEEP)
    (state, *_) = [one for one in deployment.told(facts.STATE) if one["job_id"] == job.job_id]
    while (now := deployment.job(job.job_id)).status != 40:
        time.sleep(0.05)
    earlier_job(deployment, 40, seconds=1200)

    report_stalls(deployment.desk(), deployment.known(), HALF_AN_HOUR, "report")  # its status is noted
    report_stalls(deployment.desk(later=timedelta(minutes=55)), deployment.known(), HALF_AN_HOUR, "report")
    assert deployment.told(facts.ALARM) == [], f"{state} {now}: an earlier one took 20 minutes"
    for _ in range(2):
        late = deployment.desk(later=timedelta(minutes=65))
        report_stalls(late, deployment.known(), HALF_AN_HOUR, "report")

    (alarm,) = deployment.told(facts.ALARM)
    assert (alarm["alarm"], alarm["job_id"]) == ("stall", job.job_id)
    assert "where 60 min would be long for it" in alarm["what"]
    assert STOP not in deployment.between.passed


def test_by_policy_a_job_that_stalls_is_stopped(deployment: Deployment) -> None:
    job = deployment.started(SLEEP)

    report_stalls(deployment.desk(later=timedelta(days=1)), deployment.known(), HALF_AN_HOUR, "stop")

    assert deployment.job(job.job_id).outcome is not None
    assert [one["alarm"] for one in deployment.told(facts.ALARM)] == ["stall"]


def expiring(deployment: Deployment, dry_run: bool = False, minutes: float = 0) -> list[str]:
    """As a day before the end of the week for which the Ocean Node keeps results."""
    desk = deployment.desk(later=timedelta(days=6, hours=1, minutes=minutes), dry_run=dry_run)
    fetch_expiring(desk, deployment.known(), deployment.airflow, content_store(), timedelta(hours=24))
    return desk.done


def test_results_that_nobody_fetched_are_fetched_before_they_expire(deployment: Deployment) -> None:
    job = deployment.started("import time; time.sleep(5); " + WRITE.format("x"))
    while not deployment.job(job.job_id).is_over:
        time.sleep(0.05)
    deployment.airflow.fates["run 1"] = "final"
    early = deployment.desk()
    fetch_expiring(early, deployment.known(), deployment.airflow, content_store(), timedelta(hours=24))
    assert early.done == [], "there is time"
    assert len(expiring(deployment, dry_run=True)) == 1

    assert len(expiring(deployment)) == 1
    assert expiring(deployment) == [], "it is done"

    (fetched,) = [one for one in deployment.told(facts.UPKEEP) if one["action"] == expiry.FETCHED]
    (file,) = content_store().outputs(fetched["outputs"]).files
    with content_store().open(file.sha256) as content:
        assert content.read() == b"x"


def test_results_that_a_task_may_still_fetch_are_reported_once(deployment: Deployment) -> None:
    job = deployment.started("import time; time.sleep(5); " + WRITE.format("x"))
    while not deployment.job(job.job_id).is_over:
        time.sleep(0.05)

    expiring(deployment)
    expiring(deployment)

    (alarm,) = deployment.told(facts.ALARM)
    assert (alarm["alarm"], alarm["job_id"]) == ("expiry", job.job_id)


def left_there(deployment: Deployment, write: str) -> ComputeJob:
    """A job that succeeded, and whose task was over before."""
    job = deployment.started(f"import os, time; time.sleep(5); {write}")
    while not (now := deployment.job(job.job_id)).is_over:
        time.sleep(0.05)
    assert now.outcome == "succeeded"
    deployment.airflow.fates["run 1"] = "final"
    return now


def test_results_that_are_not_to_be_taken_are_fetched_once(deployment: Deployment) -> None:
    left_there(deployment, "os.symlink('/etc/passwd', '/data/outputs/x')")

    for hours in range(4):
        expiring(deployment, minutes=60 * hours)

    assert deployment.between.passed.count(RESULT) == 1
    (alarm,) = deployment.told(facts.ALARM)
    assert "could not be fetched" in alarm["what"]


def test_results_that_do_not_come_in_time_are_fetched_again_in_longer_and_longer_intervals(
    deployment: Deployment,
) -> None:
    left_there(deployment, WRITE.format("x"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expiry, "FETCH_SECONDS", 0.0)
        fetched = [minutes for minutes in range(1, 39, 3) if expiring(deployment, minutes=minutes)]

    assert fetched == [1, 7, 19], "at once, after 5 minutes, after 10; the next after 20"
    assert deployment.between.passed.count(RESULT) == 3
    (alarm,) = deployment.told(facts.ALARM)
    assert "within 0 s" in alarm["what"]
    assert len(expiring(deployment, minutes=60)) == 1
    assert expiry.FETCHED in [one["action"] for one in deployment.told(facts.UPKEEP)]


def test_results_that_a_task_kept_are_left_alone(deployment: Deployment) -> None:
    run(operator(WRITE.format("x")), context(Memory()))
    deployment.airflow.fates["run 1"] = "final"

    assert expiring(deployment) == []
