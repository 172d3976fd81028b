# SPDX-License-Identifier: Apache-2.0
"""`deflow ledger …` of what was ordered: each amount against the chain's own events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_deflow.chain.datatoken import Datatoken
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.publishing.publisher import Published
from tests.cli.test_money import deflow
from tests.graphs.documents import drawn
from tests.local_ocean_node.paying import ONE
from tests.operators.by_did import ByDid, by_did, node_of
from tests.operators.one_task import context, run
from tests.operators.test_by_did import IN_TOKENS, THREE_TOKENS, TO_PAY
from tests.operators.test_by_did import by_dids as by_dids

pytestmark = [
    pytest.mark.chain,
    pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*"),
]

RUN = "run 1"
SAME = "0 lock(s) and 2 order(s) compared with the chain, 0 difference(s)"


@pytest.fixture
def ordered(by_dids: ByDid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ByDid, Published]:
    """A free job used an algorithm that costs nothing and a dataset of three tokens."""
    monkeypatch.setenv("DEFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MONGO_URI", raising=False)
    dataset = by_dids.dataset(price=THREE_TOKENS)
    run(by_did(by_dids.algorithm().did, dataset.did, budget={"per_run": IN_TOKENS}), context())
    return by_dids, dataset


def changed(by_dids: ByDid, dataset: Published, change: dict[str, Any]) -> str:
    """What the proof says once the ledger says something else of the dataset's order."""
    by_dids.paying.database["ledger_reservations"].update_one({"did": dataset.did}, {"$set": change})
    result = deflow("ledger", "reconcile", RUN)
    assert result.exit_code == 1, result.output
    return result.output


def test_the_ledger_shows_what_was_ordered_and_all_its_gas(ordered: tuple[ByDid, Published]) -> None:
    by_dids, dataset = ordered

    found = json.loads(deflow("ledger", "show", RUN, "--json").output)
    table = deflow("ledger", "show", RUN).output

    assert {one["kind"] for one in found} == {"order"}
    assert {one["task_id"] for one in found} == {"train"}
    (bought,) = [one for one in found if one["did"] == dataset.did]
    assert (bought["paid"], bought["fees"], bought["locked"]) == (str(TO_PAY), str(3 * ONE // 1000), "0")
    assert [one["paid"] for one in found if one["did"] != dataset.did] == ["0"]
    # A purchase needs an approval first, which costs gas as well.
    assert sum(int(one["gas"]) for one in found) == by_dids.gas()
    assert f"cost: 3.003 of token {by_dids.paying.chain.fee_token}" in table
    assert f"order {dataset.did[:16]}" in table


def test_orders_are_proven_by_the_chain(ordered: tuple[ByDid, Published]) -> None:
    result = deflow("ledger", "reconcile", RUN)

    assert (result.exit_code, result.output) == (0, f"{SAME}\n")
    assert json.loads(deflow("ledger", "reconcile", "--json").output) == {
        "locks": 0,
        "orders": 2,
        "differences": [],
    }


def test_a_ledger_that_says_something_else_of_an_order_is_found_out(
    ordered: tuple[ByDid, Published],
) -> None:
    by_dids, dataset = ordered

    said = changed(by_dids, dataset, {"cost": str(TO_PAY - 1)})
    assert f"the chain took {TO_PAY} base units for its datatoken, the ledger says {TO_PAY - 1}" in said

    said = changed(by_dids, dataset, {"cost": str(TO_PAY), "order_tx": "0x" + "1" * 64})
    assert "the ledger has it in transaction 0x1111" in said

    said = changed(by_dids, dataset, {"transactions.2.hash": "0x" + "2" * 64})
    assert f"order in 0x{'2' * 64} is not on the chain" in said
    assert "an order at" in said


def test_an_order_that_the_ledger_does_not_know_is_found_out(ordered: tuple[ByDid, Published]) -> None:
    by_dids, dataset = ordered
    by_dids.paying.database["ledger_reservations"].delete_one({"did": dataset.did})

    result = deflow("ledger", "reconcile")

    assert result.exit_code == 1
    assert f"an order at {dataset.datatoken}" in result.output
    assert "a purchase at" in result.output


def test_an_order_that_was_used_again_by_hand_is_found_out(ordered: tuple[ByDid, Published]) -> None:
    by_dids, dataset = ordered
    (order,) = by_dids.said(dataset, "OrderStarted")
    sender = Sender(by_dids.paying.chain.web3, by_dids.paying.key)
    fee = _fee_of(by_dids, order.transaction_hash)

    sender.confirm(Datatoken(sender.web3, dataset.datatoken).reuse_order(sender, order.transaction_hash, fee))

    result = deflow("ledger", "reconcile")
    assert result.exit_code == 1
    assert f"an order used again at {dataset.datatoken}" in result.output


def graph(per_run: str, *nodes: dict[str, Any]) -> str:
    document = drawn(nodes=" ".join("abc"[: len(nodes)]))
    document["budget"] = {"per_run": per_run}
    for node, data in zip(document["nodes"], nodes, strict=True):
        node["data"] = data
    return json.dumps(document)


def test_a_quote_of_what_is_used_by_did_is_what_is_paid_then(by_dids: ByDid) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset(price=THREE_TOKENS)
    node = node_of(algorithm.did, dataset.did, payment={"mode": "paid"})
    free = node_of(algorithm.did, dataset.did)
    before, token = by_dids.fee_tokens(), by_dids.paying.chain.fee_token

    result = deflow("graphs", "quote", "-", "--json", input=graph("5.003", node, free))

    assert result.exit_code == 0, result.output
    assert by_dids.paying.sent() == 0
    quote = json.loads(result.output)
    assert {one["did"]: (one["how"], one["tokens"], one["nodes"]) for one in quote["orders"]} == {
        algorithm.did: ("dispensed", "0", ["a", "b"]),
        dataset.did: ("bought", IN_TOKENS, ["a", "b"]),
    }
    (total,) = quote["totals"]
    assert (total["token"], total["tokens"], quote["within_budget"]) == (token, "5.003", True)

    run(by_did(algorithm.did, dataset.did, budget={"per_run": "5.003"}, payment={"mode": "paid"}), context())

    assert before - by_dids.fee_tokens() == int(total["base_units"])
    again = json.loads(deflow("graphs", "quote", "-", "--json", input=graph("5.003", node, free)).output)
    # What is ordered already is not ordered again.
    assert (again["orders"], again["total"]["tokens"]) == ([], "2")


def test_a_quote_says_when_orders_exceed_the_budget(by_dids: ByDid) -> None:
    dataset = by_dids.dataset(price=THREE_TOKENS)
    node = node_of(by_dids.algorithm().did, dataset.did)

    result = deflow("graphs", "quote", "-", input=graph("3", node))

    assert result.exit_code == 1
    assert f"{dataset.did}: its datatoken is sold, 3.003 tokens" in result.output
    assert "total: 3.003 tokens of a budget of 3: too much" in result.output


def _fee_of(by_dids: ByDid, order: str) -> Any:
    """As the Ocean Node signed it for the order."""
    from airflow_provider_deflow.chain.datatoken import ProviderFee, read_order

    found = read_order(by_dids.paying.chain.web3, order)
    assert found is not None
    told = found.provider_fees[0].args
    return ProviderFee(
        told["providerFeeAddress"],
        told["providerFeeToken"],
        told["providerFeeAmount"],
        told["providerData"],
        told["v"],
        told["r"],
        told["s"],
        told["validUntil"],
    )
