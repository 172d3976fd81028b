# SPDX-License-Identifier: Apache-2.0
"""What a run is going to pay is reserved as a whole: what it locks, and what it orders."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_deflow.chain.datatoken import Datatoken
from airflow_provider_deflow.ledger.entry import Run
from airflow_provider_deflow.ledger.reservations import of_run
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from tests.local_ocean_node.paying import ONE
from tests.operators.by_did import ByDid, by_did_task, node_of
from tests.operators.one_task import WRITE, context, run
from tests.operators.test_by_did import THREE_TOKENS, TO_PAY
from tests.operators.test_by_did import by_dids as by_dids

pytestmark = [
    pytest.mark.chain,
    pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*"),
]
PAID = {"payment": {"mode": "paid"}}


def taken(by_dids: ByDid) -> int:
    return by_dids.paying.reservations.taken_of(of_run(Run("by_hand", "run 1"), 0).id)


def tasks(budget: str, *nodes: tuple[str | None, tuple[str, ...], dict[str, Any]]) -> list[Any]:
    """Of one Dag, in this order."""
    with DAG("by_hand", schedule=None):
        return [
            by_did_task(f"node{number}", did, *datasets, budget={"per_run": budget}, **more)
            for number, (did, datasets, more) in enumerate(nodes)
        ]


def test_a_run_that_could_not_order_what_a_later_node_uses_pays_for_none(by_dids: ByDid) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset(price=THREE_TOKENS)
    # 2 that are locked, and 3.003 that a free node would order with.
    first, _ = tasks("5.002", (None, (), PAID), (algorithm.did, (dataset.did,), {}))

    with pytest.raises(AirflowFailException, match=r"is 5\.002 tokens, 0 of it .*, and 5\.003 are asked for"):
        run(first, context())

    assert (by_dids.paying.sent(), taken(by_dids)) == (0, 0)


def test_a_run_that_could_not_lock_for_a_later_node_orders_for_none(by_dids: ByDid) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset(price=THREE_TOKENS)
    before = by_dids.fee_tokens()
    first, _ = tasks("5.002", (algorithm.did, (dataset.did,), {}), (None, (), PAID))

    with pytest.raises(AirflowFailException, match=r"BudgetExceeded: .* and 5\.003 are asked for"):
        run(first, context())

    assert (by_dids.fee_tokens(), by_dids.orders(dataset), taken(by_dids)) == (before, [0], 0)


def test_a_run_reserves_all_it_pays_before_it_pays_anything_and_an_order_once(by_dids: ByDid) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset(price=THREE_TOKENS)
    both = (algorithm.did, (dataset.did,), PAID)
    first, second = tasks("7.003", both, both)
    before = by_dids.fee_tokens()

    run(first, context())
    assert taken(by_dids) == 4 * ONE + TO_PAY

    run(second, context())
    assert taken(by_dids) == 4 * ONE + TO_PAY == before - by_dids.fee_tokens()
    assert by_dids.orders(algorithm, dataset) == [1, 1]
    assert {
        one["state"]
        for one in by_dids.paying.reservations.of_run_called("run 1")
        if one["_id"].startswith("plan ")
    } == {"released"}


@pytest.mark.parametrize("unknown", ["did:op:" + "0" * 64, "{{ params.published_before }}"])
def test_what_a_node_publishes_for_the_next_one_is_not_planned(by_dids: ByDid, unknown: str) -> None:
    code = {"code": WRITE.format("x"), "image": "python:3.11", "entrypoint": "python3 $ALGO"}
    first, _ = tasks("2", (None, (), {**PAID, "algorithm": code}), (None, (unknown,), {}))

    run(first, context())

    assert [lock["args"]["amount"] for lock in by_dids.paying.events("Lock")] == [2 * ONE]


def test_what_the_task_itself_was_told_from_upstream_is_planned(by_dids: ByDid) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset(price=THREE_TOKENS)
    with DAG("by_hand", schedule=None):
        task = OceanComputeOperator(
            task_id="mean",
            node=node_of("{{ params.algorithm }}", "{{ params.dataset }}", **PAID),
            values={"algorithm": algorithm.did, "dataset": dataset.did},
            budget={"per_run": "5.002"},
        )

    with pytest.raises(AirflowFailException, match=r"is 5\.002 tokens, 0 of it .*, and 5\.003 are asked for"):
        run(task, context())

    assert by_dids.paying.sent() == 0


def test_a_price_that_rises_after_the_plan_and_beyond_the_budget_is_not_paid(by_dids: ByDid) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset(price=THREE_TOKENS)
    code = {"code": WRITE.format("x"), "image": "python:3.11", "entrypoint": "python3 $ALGO"}
    first, second = tasks(
        "5.003", (None, (), {**PAID, "algorithm": code}), (algorithm.did, (dataset.did,), {})
    )
    run(first, context())
    before = by_dids.fee_tokens()
    chain = by_dids.paying.chain
    ((exchange, exchange_id, _, price),) = Datatoken(chain.web3, dataset.datatoken).fixed_rates()
    raised = chain.at("FixedRateExchange", exchange).functions.setRate(exchange_id, price + 1)
    chain.send(by_dids.publishing.key, raised)

    # The exchange's fee of a thousandth is of the new price, rounded down.
    asked = r"is 5\.003 tokens, 2 of it .*, and 3\.003000000000000001 are asked for"
    with pytest.raises(AirflowFailException, match=asked):
        run(second, context())

    assert (by_dids.fee_tokens(), by_dids.orders(dataset)) == (before, [0])
