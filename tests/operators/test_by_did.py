# SPDX-License-Identifier: Apache-2.0
"""Nodes that use datasets and algorithms by DID: what is ordered is counted on the chain itself."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from pymongo.database import Database

from airflow_provider_deflow.chain.data_nft import MetadataState
from airflow_provider_deflow.ledger.entry import Run
from airflow_provider_deflow.ledger.reservations import of_run
from airflow_provider_deflow.local_ocean_node import orders
from tests import publishing_parts as description
from tests import services
from tests.forked import Forked
from tests.local_ocean_node.file_server import FileServer, running_file_server
from tests.local_ocean_node.paying import ONE
from tests.operators import paid
from tests.operators.by_did import ByDid, by_did
from tests.operators.by_did_process import POINTS, die_at
from tests.operators.one_task import Memory, context, run, written
from tests.publishing_parts import CONTAINER, Publishing

pytestmark = [pytest.mark.chain, pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")]

ALGORITHM = (
    b"numbers = open('/data/inputs/n.txt').read().strip()\n"
    b"open('/data/outputs/out.txt', 'w').write('fetched ' + numbers)\n"
)
THREE_TOKENS = {"kind": "fixed_rate", "price": "3"}
# With the exchange's own fee of a thousandth.
TO_PAY, IN_TOKENS = 3_003 * ONE // 1000, "3.003"


@pytest.fixture
def by_dids(
    chain: services.Chain,
    tmp_path: Path,
    mongo_uri: str,
    mongo_database: Database[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[ByDid]:
    monkeypatch.setitem(FileServer.files, "/algo.py", ALGORITHM)
    with (
        running_file_server() as files,
        paid.paying(chain, tmp_path, mongo_database, monkeypatch, mongo_uri) as paying,
    ):
        yield ByDid(paying, Publishing(chain, paying.between.url, services.KEYS[6]), files)


def test_a_free_job_runs_a_published_algorithm_on_a_published_dataset(by_dids: ByDid) -> None:
    algorithm = by_dids.algorithm()
    dataset = by_dids.dataset(trusted=(algorithm.did,))

    returned = run(by_did(algorithm.did, dataset.did), context())

    assert written(returned) == {"out.txt": "fetched 42"}
    assert by_dids.orders(algorithm, dataset) == [1, 1]
    payee = {event.args["consumer"] for event in by_dids.said(dataset, "OrderStarted")}
    assert payee == {by_dids.paying.chain.web3.to_checksum_address(_node_address(by_dids))}


def test_a_second_run_uses_the_same_orders(by_dids: ByDid) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset()
    run(by_did(algorithm.did, dataset.did), context())
    sent = by_dids.paying.sent()

    returned = run(by_did(algorithm.did, dataset.did, budget={"per_run": "1"}), context(run_id="run 2"))

    assert written(returned) == {"out.txt": "fetched 42"}
    assert (by_dids.orders(algorithm, dataset), by_dids.paying.sent()) == ([1, 1], sent)


def test_runs_that_want_the_same_assets_at_once_order_them_once(by_dids: ByDid) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset(price=THREE_TOKENS)
    before = by_dids.fee_tokens()

    def one(number: int) -> dict[str, Any]:
        task = by_did(algorithm.did, dataset.did, budget={"per_run": IN_TOKENS})
        return run(task, context(run_id=f"run {number}"))

    with ThreadPoolExecutor(3) as threads:
        returned = list(threads.map(one, range(3)))

    assert [written(each) for each in returned] == [{"out.txt": "fetched 42"}] * 3
    assert by_dids.orders(algorithm, dataset) == [1, 1]
    assert by_dids.fee_tokens() == before - TO_PAY


def test_what_has_expired_is_ordered_anew(by_dids: ByDid, monkeypatch: pytest.MonkeyPatch) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset(timeout_seconds=30)
    run(by_did(algorithm.did, dataset.did), context())
    (order,) = by_dids.said(dataset, "OrderStarted")
    ordered_at = by_dids.paying.chain.web3.eth.get_block(order.block)["timestamp"]

    # By the Ocean Node's clock alone.
    monkeypatch.setattr(orders, "time", SimpleNamespace(time=lambda: ordered_at + 31, sleep=time.sleep))
    run(by_did(algorithm.did, dataset.did), context(run_id="run 2"))

    assert by_dids.orders(algorithm, dataset) == [1, 2]


def test_a_paid_job_orders_what_it_uses_once_its_budget_is_reserved(by_dids: ByDid) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset(price=THREE_TOKENS)
    task = by_did(algorithm.did, dataset.did, budget={"per_run": "5.003"}, payment={"mode": "paid"})

    returned = run(task, context())

    assert written(returned) == {"out.txt": "fetched 42"}
    assert by_dids.orders(algorithm, dataset) == [1, 1]
    assert [lock["args"]["amount"] for lock in by_dids.paying.events("Lock")] == [2 * ONE]
    assert by_dids.paying.reservations.taken_of(of_run(Run("by_hand", "run 1"), 0).id) == 2 * ONE + TO_PAY


def test_a_paid_job_whose_dataset_exceeds_the_budget_buys_and_locks_nothing(by_dids: ByDid) -> None:
    dataset = by_dids.dataset(price=THREE_TOKENS)
    algorithm = by_dids.algorithm()
    before = by_dids.fee_tokens()
    task = by_did(algorithm.did, dataset.did, budget={"per_run": "4.5"}, payment={"mode": "paid"})

    with pytest.raises(AirflowFailException, match=r"is 4\.5 tokens, 0 of it .* 5\.003 are asked for"):
        run(task, context())

    assert (by_dids.fee_tokens(), by_dids.paying.events("Lock")) == (before, [])
    assert by_dids.orders(dataset) == [0]


def test_a_dataset_is_bought_exactly_at_its_price(by_dids: ByDid) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset(price=THREE_TOKENS)
    before = by_dids.fee_tokens()

    run(by_did(algorithm.did, dataset.did, budget={"per_run": IN_TOKENS}), context())

    assert by_dids.fee_tokens() == before - TO_PAY
    assert by_dids.orders(algorithm, dataset) == [1, 1]
    assert by_dids.paying.reservations.taken_of(of_run(Run("by_hand", "run 1"), 0).id) == TO_PAY
    what = {one["did"]: [each["what"] for each in one["transactions"]] for one in by_dids.kept()}
    assert what == {algorithm.did: ["dispensed", "order"], dataset.did: ["approve", "bought", "order"]}


@pytest.mark.parametrize(
    ("budget", "says"), [({"per_run": "3.002"}, "at most 3.002 may be paid"), (None, "nothing may be paid")]
)
def test_what_costs_more_than_may_be_paid_is_not_bought(
    by_dids: ByDid, budget: dict[str, str] | None, says: str
) -> None:
    dataset = by_dids.dataset(price=THREE_TOKENS)
    before = by_dids.fee_tokens()

    with pytest.raises(
        AirflowFailException,
        match=f"PriceTooHigh: {dataset.did} is not bought: .*costs 3.003 OCEAN and {says}",
    ):
        run(by_did(by_dids.algorithm().did, dataset.did, budget=budget), context())

    assert (by_dids.fee_tokens(), by_dids.orders(dataset)) == (before, [0])


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_the_next_try_leads_to_one_order(by_dids: ByDid, point: str) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset(price=THREE_TOKENS)
    before = by_dids.fee_tokens()

    _kill(by_dids, point, algorithm.did, dataset.did, IN_TOKENS, "free")
    returned = run(by_did(algorithm.did, dataset.did, budget={"per_run": IN_TOKENS}), context())

    assert written(returned) == {"out.txt": "fetched 42"}
    assert by_dids.orders(algorithm, dataset) == [1, 1]
    assert by_dids.fee_tokens() == before - TO_PAY
    kept = {one["did"]: one for one in by_dids.kept()}
    assert {did: (one["state"], one["cost"]) for did, one in kept.items()} == {
        algorithm.did: ("settled", "0"),
        dataset.did: ("settled", str(TO_PAY)),
    }
    assert (by_dids.differences(), by_dids.gas_in_ledger()) == ([], by_dids.gas())


@pytest.mark.parametrize("point", ["bought", "order sent", "ordered"])
def test_a_paid_job_killed_while_it_orders_leads_to_one_order_and_one_lock(
    by_dids: ByDid, point: str
) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset(price=THREE_TOKENS)

    _kill(by_dids, point, algorithm.did, dataset.did, "5.003", "paid")
    task = by_did(algorithm.did, dataset.did, budget={"per_run": "5.003"}, payment={"mode": "paid"})
    returned = run(task, context())

    assert written(returned) == {"out.txt": "fetched 42"}
    assert by_dids.orders(algorithm, dataset) == [1, 1]
    assert [lock["args"]["amount"] for lock in by_dids.paying.events("Lock")] == [2 * ONE]
    assert by_dids.paying.reservations.taken_of(of_run(Run("by_hand", "run 1"), 0).id) == 2 * ONE + TO_PAY


def _kill(by_dids: ByDid, *arguments: str) -> None:
    assert Forked(die_at, *arguments).killed_by() == signal.SIGKILL
    # As if its time were over: nobody lets go of a killed process's lease.
    by_dids.paying.database["ledger_leases"].delete_many({})


def _refused(by_dids: ByDid, task: Any, says: str) -> None:
    """Before anything is sent to the chain or started."""
    with pytest.raises(AirflowFailException, match=f"AssetNotUsable: {says}"):
        run(task, context(Memory()))
    assert by_dids.paying.sent() == 0
    assert "POST /api/services/freeCompute" not in by_dids.paying.between.passed


def test_an_unknown_did_is_named(by_dids: ByDid) -> None:
    unknown = "did:op:" + "0" * 64

    _refused(by_dids, by_did(None, unknown), f"dataset {unknown} is not known to http.* correct the DID")


def test_a_dataset_that_does_not_allow_the_algorithm(by_dids: ByDid) -> None:
    algorithm, other = by_dids.algorithm(), by_dids.algorithm()
    dataset = by_dids.dataset(trusted=(other.did,))

    says = f"dataset {dataset.did} does not allow algorithm {algorithm.did}"
    _refused(by_dids, by_did(algorithm.did, dataset.did), says)
    says = f"dataset {dataset.did} lets no inline code in"
    _refused(by_dids, by_did(None, dataset.did), says)


def test_an_algorithm_whose_files_have_changed_since_it_was_trusted(
    by_dids: ByDid, monkeypatch: pytest.MonkeyPatch
) -> None:
    algorithm = by_dids.algorithm()
    dataset = by_dids.dataset(trusted=(algorithm.did,))
    monkeypatch.setitem(FileServer.files, "/algo.py", ALGORITHM + b"print('more')")

    says = (
        f"algorithm {algorithm.did} has changed since dataset {dataset.did} trusted it — "
        "the checksum of its files is [0-9a-f]{64} now, and [0-9a-f]{64} is trusted. "
    )
    _refused(by_dids, by_did(algorithm.did, dataset.did), says)


def test_an_algorithm_whose_container_has_changed_since_it_was_trusted(by_dids: ByDid) -> None:
    algorithm = by_dids.algorithm()
    dataset = by_dids.dataset(trusted=(algorithm.did,))
    container = {**CONTAINER, "checksum": "sha256:" + "1" * 64}
    changed = description.dataset(
        f"{by_dids.files}/algo.py", role="algorithm", algorithm={"container": container}
    )
    by_dids.publishing.publisher().update(algorithm.did, changed)

    _refused(by_dids, by_did(algorithm.did, dataset.did), ".*the checksum of its container is")


@pytest.mark.parametrize(
    ("state", "words"),
    [(MetadataState.REVOKED, "revoked"), (MetadataState.END_OF_LIFE, "at the end of its life")],
)
def test_an_asset_that_its_owner_took_out_of_use(by_dids: ByDid, state: MetadataState, words: str) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset()
    by_dids.publishing.publisher().set_state(dataset.did, state)

    _refused(by_dids, by_did(algorithm.did, dataset.did), f"{dataset.did} cannot be used — it is {words}")


def test_credentials_that_leave_the_account_out(by_dids: ByDid) -> None:
    dataset = by_dids.dataset(credentials={"deny": [by_dids.paying.address]})

    says = f"{dataset.did} is not open to {by_dids.paying.address}"
    _refused(by_dids, by_did(by_dids.algorithm().did, dataset.did), says)


def test_an_asset_that_is_no_dataset_or_not_for_jobs(by_dids: ByDid) -> None:
    algorithm = by_dids.algorithm()
    download = by_dids.publishing.publish(
        description.dataset(f"{by_dids.files}/n.txt", kind="access", price={"kind": "free"}), "for download"
    )

    _refused(by_dids, by_did(algorithm.did, algorithm.did), f"{algorithm.did} is a algorithm")
    _refused(by_dids, by_did(algorithm.did, download.did), f"dataset {download.did} has no compute service")


def test_an_algorithm_by_file_cannot_be_judged_by_a_dataset(by_dids: ByDid) -> None:
    dataset = by_dids.dataset()
    file = {"file": {"type": "url", "url": f"{by_dids.files}/algo.py", "method": "GET"}}

    _refused(by_dids, by_did(None, dataset.did, algorithm=file), "an algorithm by `file` cannot run on")


def _node_address(by_dids: ByDid) -> str:
    from airflow_provider_deflow.ocean.client import OceanNode

    with OceanNode(by_dids.paying.between.url) as ocean_node:
        return ocean_node.environments()[0].consumer_address
