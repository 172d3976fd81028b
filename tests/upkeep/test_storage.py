# SPDX-License-Identifier: Apache-2.0
"""What goes from the storage and from buckets, and what stays: on what real tasks left there."""

from __future__ import annotations

import io
import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_deflow.handover import BUCKET_LABEL
from airflow_provider_deflow.hooks import settings
from airflow_provider_deflow.hooks.storage import content_store, stored_contents
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Batch, Entry, Place, Run
from airflow_provider_deflow.ledger.store import LedgerStore
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.operators.handover import HandoverOperator
from airflow_provider_deflow.operators.results import CollectResultsOperator
from airflow_provider_deflow.signing import KeySigner
from airflow_provider_deflow.upkeep import storage
from airflow_provider_deflow.upkeep.known import Desk, Known
from airflow_provider_deflow.upkeep.needed import needed
from airflow_provider_deflow.upkeep.storage import TOO_YOUNG, clear_buckets, clear_storage
from tests.local_ocean_node.running import KEYS
from tests.operators.one_task import WRITE, Memory, context, operator, run
from tests.upkeep.conftest import Deployment

# Airflow says so at each direct call of execute.
pytestmark = [pytest.mark.stack, pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")]

MONTH = timedelta(days=30)
ALGORITHM = {"image": "python:3.11", "entrypoint": "python3 $ALGO"}


@pytest.fixture(autouse=True)
def old_ledger(deployment: Deployment) -> None:
    """It reaches back further than any retention."""
    first = Run("by_hand", "the first run")
    fact = facts.Fact(facts.ENDED, {"how": "succeeded"}, at=datetime.now(UTC) - timedelta(days=300))
    deployment.ledger.write(Batch(first, (Entry.of(first, Place("train"), fact),)))


def two_jobs(run_id: str, until: str = "results") -> dict[str, Any]:
    """A run of two nodes and an edge by bucket; what each task returned, `until` the last that ran."""
    with DAG("by_hand", schedule=None):
        make = OceanComputeOperator(
            task_id="make", node={"algorithm": {"code": WRITE.format(run_id), **ALGORITHM}}
        )
        edge = HandoverOperator(task_id="make__use", edge={"source": "make", "target": "use"})
        code = "open('/data/outputs/b.txt', 'w').write(open('/data/inputs/out.txt').read() * 2)"
        use = OceanComputeOperator(task_id="use", node={"algorithm": {"code": code, **ALGORITHM}})
        results = CollectResultsOperator(task_id="results")
        make >> edge >> use >> results
    returned: dict[str, Any] = {}
    for task in (make, edge, use, results):
        of = context(Memory(), run_id)
        of["ti"] = SimpleNamespace(**vars(of["ti"]) | {"xcom_pull": lambda task_ids: returned[task_ids]})
        returned[task.task_id] = run(task, of) if task in (make, use) else task.execute(of)
        if task.task_id == until:
            break
    return returned


def files() -> set[str]:
    return {f"{one.kind}/{one.name}" for one in stored_contents()}


def aged(days: float) -> None:
    """All that is stored now was put so long ago."""
    then = time.time() - days * 24 * 3600
    for one in stored_contents():
        os.utime(one.path, (then, then))


def clear(
    deployment: Deployment, later: timedelta = timedelta(), graphs: list[str] | None = None, **desk: Any
):
    at = deployment.desk(later=later, **desk)
    clear_storage(at, deployment.airflow, graphs or [], stored_contents(), MONTH)
    return at.done


def test_what_a_run_within_retention_left_stays_however_old_its_files(deployment: Deployment) -> None:
    two_jobs("run 1")
    before = files()
    aged(days=200)

    assert clear(deployment) == []
    assert files() == before


def test_what_an_entry_has_no_room_for_is_found_by_the_list_that_it_names(deployment: Deployment) -> None:
    code = "for n in range(120): open(f'/data/outputs/{n}.txt', 'w').write(str(n))"
    run(operator(code), context(Memory(), "run 1"))
    before = files()
    assert len(before) > 120
    aged(days=200)

    assert clear(deployment) == []
    assert files() == before


def test_what_only_runs_past_retention_need_goes_with_its_lists_and_notes(deployment: Deployment) -> None:
    returned = two_jobs("run 1")
    aged(days=31)
    assert content_store().has(returned["results"]["archive"])

    done = clear(deployment, later=timedelta(days=31))

    assert files() == set()
    assert len(done) >= 8  # two files, lists and records; handover, archive and manifest


def test_what_is_younger_than_retention_stays_though_nothing_needs_it(deployment: Deployment) -> None:
    content_store().put(io.BytesIO(b"uploaded just now, for a graph to come"))

    assert clear(deployment) == []
    assert len(files()) == 1


def test_uploads_of_graphs_stay(deployment: Deployment) -> None:
    store = content_store()
    named, _ = store.put(io.BytesIO(b"named by a draft"))
    store.put(io.BytesIO(b"named by nobody"))
    aged(days=31)

    clear(deployment, graphs=[json.dumps({"datasets": [{"upload": named}]})])

    assert files() == {f"files/{named}"}


def test_a_run_that_airflow_has_not_ended_keeps_what_it_made(deployment: Deployment) -> None:
    run(operator(WRITE.format("x")), context(Memory(), "run 1"))
    aged(days=31)
    before = files()
    deployment.airflow.open_runs = frozenset({"run 1"})

    clear(deployment, later=timedelta(days=31))
    assert files() == before

    deployment.airflow.open_runs = frozenset()
    clear(deployment, later=timedelta(days=31))
    assert files() == set()


def test_nothing_goes_by_a_ledger_that_is_too_young_to_know(deployment: Deployment) -> None:
    content_store().put(io.BytesIO(b"of a run that the ledger has lost"))
    aged(days=31)
    deployment.database.drop_collection("ledger_runs")

    assert clear(deployment) == [TOO_YOUNG]
    assert len(files()) == 1


def test_a_dry_run_deletes_nothing(deployment: Deployment) -> None:
    content_store().put(io.BytesIO(b"old"))
    aged(days=31)

    (would,) = clear(deployment, dry_run=True)

    assert would.startswith("delete files/")
    assert len(files()) == 1


def test_what_is_put_again_while_it_is_cleared_stays(deployment: Deployment) -> None:
    sha256, _ = content_store().put(io.BytesIO(b"old"))
    aged(days=31)
    (seen,) = stored_contents()
    content_store().put(io.BytesIO(b"old"))

    assert stored_contents().remove(seen) is False
    with content_store().open(sha256) as content:
        assert content.read() == b"old"


def test_what_a_crash_left_half_goes(deployment: Deployment) -> None:
    content_store().put(io.BytesIO(b"whole"))
    incoming = Path(str(stored_contents()._root)) / "incoming"
    (incoming / "half").write_bytes(b"ha")
    assert clear(deployment) == [], "it may still be on its way"

    clear(deployment, later=timedelta(days=2))

    assert list(incoming.iterdir()) == []


def in_buckets(deployment: Deployment) -> list[str]:
    client = deployment.client
    (bucket,) = client.buckets(KeySigner(KEYS[0]).address)
    return [file.name for file in client.bucket_files(bucket.bucket_id)]


def test_bucket_files_past_retention_go_and_others_stay(deployment: Deployment) -> None:
    two_jobs("run 1")
    (first,) = in_buckets(deployment)
    client = deployment.client
    bucket = next(one for one in client.buckets(KeySigner(KEYS[0]).address) if one.label == BUCKET_LABEL)
    client.upload(bucket.bucket_id, "notes.txt", io.BytesIO(b"of its owner's own"))

    for later in (timedelta(days=29), timedelta(days=31)):
        desk = deployment.desk(later=later)
        clear_buckets(desk, deployment.known(), deployment.airflow, [], stored_contents(), MONTH)
        kept = ["notes.txt"] if later > MONTH else [first, "notes.txt"]
        assert sorted(in_buckets(deployment)) == sorted(kept)


def test_a_file_that_is_handed_over_while_upkeep_looks_stays(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_jobs("run 1")
    (first,) = in_buckets(deployment)

    def just_before(*asked: Any) -> set[str] | None:
        found = needed(*asked)
        two_jobs("run 2", until="make__use")
        return found

    monkeypatch.setattr(storage, "needed", just_before)
    # By this clock the new file is past retention as well.
    desk = deployment.desk(later=timedelta(days=31))
    clear_buckets(desk, deployment.known(), deployment.airflow, [], stored_contents(), MONTH)

    (second,) = in_buckets(deployment)
    assert first != second


def test_a_file_that_is_younger_than_retention_stays_though_nothing_needs_it(deployment: Deployment) -> None:
    two_jobs("run 1")
    long_ago = datetime.now(UTC) - timedelta(days=200)
    deployment.database["ledger_entries"].update_many({}, {"$set": {"at": long_ago}})
    deployment.database["ledger_runs"].update_many({}, {"$set": {"last_at": long_ago}})

    desk = deployment.desk()
    known = Known.of(deployment.ledger, desk.now, timedelta(days=365))
    clear_buckets(desk, known, deployment.airflow, [], stored_contents(), MONTH)

    assert len(in_buckets(deployment)) == 1


def test_a_file_of_another_ledger_stays(deployment: Deployment) -> None:
    """Two Airflows with a database each, and one wallet."""
    two_jobs("run 1")
    ours = deployment.ledger
    name = f"{deployment.database.name}_of_another"
    other = LedgerStore(deployment.database.client[name])
    try:
        for entry in ours.entries_since([facts.ENDED, facts.INTENT], datetime(2020, 1, 1, tzinfo=UTC)):
            fact = facts.Fact(entry["kind"], entry["what"], at=entry["at"])
            run_ = Run("by_hand", f"{entry['run_id']} elsewhere")
            other.write(Batch(run_, (Entry.of(run_, Place(entry["task_id"]), fact),)))
        desk = Desk(other, now=datetime.now(UTC) + timedelta(days=31))
        known = Known.of(other, datetime.now(UTC))
        assert known.accounts
        clear_buckets(desk, known, deployment.airflow, [], stored_contents(), MONTH)
    finally:
        deployment.database.client.drop_database(name)

    assert (desk.done, len(in_buckets(deployment))) == ([], 1)


def test_a_file_that_a_running_job_reads_stays(deployment: Deployment) -> None:
    returned = two_jobs("run 1")
    (file,) = content_store().outputs(returned["make"]["outputs"]).files
    slow = "import time; time.sleep(60)"
    with DAG("by_hand", schedule=None):
        edge = HandoverOperator(task_id="make__slow", edge={"source": "make", "target": "slow"})
        use = OceanComputeOperator(task_id="slow", node={"algorithm": {"code": slow, **ALGORITHM}})
        OceanComputeOperator(task_id="make", node={"algorithm": {"code": "pass", **ALGORITHM}}) >> edge >> use
    of = context(Memory(), "run 2")
    results = {"make": returned["make"]}
    of["ti"] = SimpleNamespace(**vars(of["ti"]) | {"xcom_pull": lambda task_ids: results[task_ids]})
    results["make__slow"] = edge.execute(of)
    with pytest.raises(TaskDeferred):
        use.execute(of)

    desk = deployment.desk(later=timedelta(days=31))
    clear_buckets(desk, deployment.known(), deployment.airflow, [], stored_contents(), MONTH)

    assert in_buckets(deployment) == [file.sha256]


@pytest.mark.parametrize(
    ("written", "storage", "buckets"),
    [({}, 365, 30), ({"LEDGER": 7}, 7, 7), ({"LEDGER": 0}, 0, 30), ({"STORAGE": 90}, 90, 30)],
)
def test_nothing_is_kept_longer_than_the_ledger_knows(
    monkeypatch: pytest.MonkeyPatch, written: dict[str, int], storage: int, buckets: int
) -> None:
    for name, days in written.items():
        monkeypatch.setenv(f"AIRFLOW__DEFLOW__{name}_RETENTION_DAYS", str(days))

    assert (settings.storage_retention_days(), settings.bucket_retention_days()) == (storage, buckets)


def test_a_retention_beyond_the_ledgers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DEFLOW__LEDGER_RETENTION_DAYS", "30")
    monkeypatch.setenv("AIRFLOW__DEFLOW__STORAGE_RETENTION_DAYS", "31")

    with pytest.raises(Exception, match="storage_retention_days is 31, ledger_retention_days is 30"):
        settings.storage_retention_days()
