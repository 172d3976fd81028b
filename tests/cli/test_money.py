# SPDX-License-Identifier: Apache-2.0
"""`deflow graphs quote` and `deflow ledger …` against a paid Ocean Node, a chain and what it says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pymongo.database import Database

from airflow_provider_deflow import cli
from airflow_provider_deflow.ledger.leases import Leases
from airflow_provider_deflow.ledger.store import LedgerStore
from airflow_provider_deflow.upkeep.known import Desk
from airflow_provider_deflow.upkeep.payments import settle_payments
from tests import services
from tests.graphs.documents import drawn
from tests.local_ocean_node.paying import ONE
from tests.operators import paid
from tests.operators.one_task import WRITE, context, run
from tests.operators.paid import Paid, paid_operator
from tests.upkeep.conftest import Answers

pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")

RUN = "run 1"
SAME = "1 lock(s) and 0 order(s) compared with the chain, 0 difference(s)"


@pytest.fixture
def paying(
    chain: services.Chain,
    tmp_path: Path,
    mongo_uri: str,
    mongo_database: Database[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Paid]:
    monkeypatch.setenv("DEFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MONGO_URI", raising=False)
    node = {"claim_interval_seconds": 0.3}
    with paid.paying(chain, tmp_path, mongo_database, monkeypatch, mongo_uri, **node) as one:
        yield one


@pytest.fixture
def settled(paying: Paid) -> Paid:
    """A job of one minute was paid, of two that were locked, and the ledger knows."""
    run(paid_operator(WRITE.format("x")), context())
    give_up_at = time.monotonic() + 15
    while not paying.events("Claimed"):
        assert time.monotonic() < give_up_at
        time.sleep(0.1)
    desk = Desk(LedgerStore(paying.database))
    settle_payments(desk, paying.reservations, Leases(paying.database), Answers({RUN: "final"}))
    return paying


def deflow(*arguments: str, input: str | None = None) -> Result:
    return CliRunner().invoke(cli.main, arguments, input=input)


def graph(per_run: str, **data: Any) -> str:
    document = drawn("a b", "a c")
    document["budget"] = {"per_run": per_run}
    for node in document["nodes"][:2]:
        node["data"] |= {"payment": {"mode": "paid"}, "max_duration_seconds": 120, **data}
    return json.dumps(document)


def test_a_quote_says_to_the_base_unit_what_the_ocean_node_asks(paying: Paid) -> None:
    result = deflow("graphs", "quote", "-", "--json", input=graph("5"))

    assert result.exit_code == 0, result.output
    quote = json.loads(result.output)
    assert {node_id: one["base_units"] for node_id, one in quote["nodes"].items()} == {
        "a": str(2 * ONE),
        "b": str(2 * ONE),
    }
    assert quote["total"] == {"base_units": str(4 * ONE), "tokens": "4"}
    assert (quote["free"], quote["nodes"]["a"]["minutes"]) == (["c"], 2)
    assert quote["nodes"]["a"]["fee_token"] == paying.chain.fee_token
    assert paying.sent() == 0


def test_nodes_that_ask_for_the_same_are_quoted_once(paying: Paid) -> None:
    document = drawn(nodes=" ".join(f"n{number}" for number in range(50)))
    document["budget"] = {"per_run": "200"}
    for number, one in enumerate(document["nodes"]):
        one["data"] |= {"payment": {"mode": "paid"}, "max_duration_seconds": 120 if number else 60}

    result = deflow("graphs", "quote", "-", "--json", input=json.dumps(document))

    assert json.loads(result.output)["total"]["tokens"] == "99"
    assert len([one for one in paying.between.passed if "initializeCompute" in one]) == 2
    assert len([one for one in paying.between.passed if "computeEnvironments" in one]) == 1


def test_a_quote_beyond_the_budget_says_so_and_fails(paying: Paid) -> None:
    result = deflow("graphs", "quote", "-", input=graph("3.5"))

    assert result.exit_code == 1
    assert "total: 4 tokens of a budget of 3.5: too much" in result.output


def test_a_quote_of_a_free_graph_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    result = deflow("graphs", "quote", "-", input=json.dumps(drawn("a b")))

    assert (result.exit_code, result.output.splitlines()[:2]) == (0, ["free: a, b", "total: 0 tokens"])


def test_the_ledger_shows_what_the_chain_says_of_a_run(settled: Paid) -> None:
    result = deflow("ledger", "show", RUN, "--json")

    assert result.exit_code == 0, result.output
    (one,) = json.loads(result.output)
    (claimed,) = settled.events("Claimed")
    assert one["task_id"] == "train"
    assert (one["locked"], one["claimed"]) == (str(2 * ONE), str(claimed["args"]["amount"]))
    assert (one["refunded"], one["held"]) == (str(ONE), "0")
    # All that the wallet had for gas and has not any more.
    spent = 10**18 - settled.chain.web3.eth.get_balance(settled.address)
    assert int(one["gas"]) == spent


def test_the_ledger_is_proven_by_the_chain(settled: Paid) -> None:
    result = deflow("ledger", "reconcile", RUN)

    assert (result.exit_code, result.output) == (0, f"{SAME}\n")
    assert deflow("ledger", "reconcile").exit_code == 0


def test_a_ledger_that_says_something_else_is_found_out(settled: Paid) -> None:
    settled.database["ledger_reservations"].update_many(
        {"state": "settled"}, {"$set": {"cost": str(ONE + 1)}}
    )

    result = deflow("ledger", "reconcile", RUN)

    assert result.exit_code == 1
    assert "train of run 1: claimed, refunded are" in result.output


def test_a_lock_that_the_ledger_does_not_know_is_found_out(settled: Paid) -> None:
    settled.database["ledger_reservations"].update_many({}, {"$unset": {"lock_number": ""}})

    result = deflow("ledger", "reconcile")

    assert result.exit_code == 1
    assert "is not in the ledger" in result.output


def test_a_run_that_paid_nothing_is_told(paying: Paid) -> None:
    result = deflow("ledger", "show", "no such run")

    assert result.exit_code == 1
    assert "no job of a run 'no such run' was paid" in result.output
