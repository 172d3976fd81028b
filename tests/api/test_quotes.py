# SPDX-License-Identifier: Apache-2.0
"""What a graph costs, asked over the API of a paid Ocean Node and a real chain; and what a run did cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from airflow_provider_deflow.api import costs
from airflow_provider_deflow.ledger.entry import Run
from airflow_provider_deflow.ledger.reservations import Token, of_day
from tests import services
from tests.api.people import Asking
from tests.graphs.documents import drawn
from tests.operators import paid
from tests.operators.one_task import WRITE, context, run
from tests.operators.paid import Paid, paid_operator

pytestmark = [
    pytest.mark.stack,
    pytest.mark.chain,
    pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*"),
]

Ask = Callable[[str], Asking]


@pytest.fixture
def paying(
    ask: Ask,
    chain: services.Chain,
    tmp_path: Path,
    mongo_uri: str,
    mongo_database: Database[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Paid]:
    with paid.paying(chain, tmp_path, mongo_database, monkeypatch, mongo_uri) as one:
        yield one


def graph(per_run: str, per_day: str | None = None, **data: Any) -> dict[str, Any]:
    document = drawn("a b", "a c")
    document["budget"] = {"per_run": per_run, "per_day": per_day}
    for node in document["nodes"][:2]:
        node["data"] |= {"payment": {"mode": "paid"}, "max_duration_seconds": 120, **data}
    return document


def quote(ask: Ask, document: dict[str, Any]) -> Any:
    return ask("op").fine(ask("op")("POST", "/graphs/quoted/quote", {"document": document}))


def test_a_quote_has_what_each_node_locks_and_what_is_left_of_the_budget(ask: Ask, paying: Paid) -> None:
    said = quote(ask, graph("5", "10"))

    assert {one["id"]: (one["amount"], one["minutes"]) for one in said["nodes"]} == {
        "a": ("2", 2),
        "b": ("2", 2),
    }
    assert (said["free"], said["orders"], said["problems"]) == (["c"], [], [])
    (total,) = said["totals"]
    assert (total["amount"], total["token"]) == ("4", paying.chain.fee_token)
    assert total["symbol"] == said["nodes"][0]["symbol"] != ""
    assert int(said["nodes"][0]["gas_wei"]) > 0
    assert said["budget"] == {"per_run": "5", "per_day": "10", "left_today": "10"}
    assert said["exceeds"] is False
    assert paying.sent() == 0


def test_a_quote_beyond_what_is_left_today_says_so(ask: Ask, paying: Paid) -> None:
    assert quote(ask, graph("3.5"))["exceeds"] is True
    token = Token(paying.chain.chain_id, paying.chain.fee_token, 18)
    day = of_day("deflow_quoted", datetime.now(UTC), 10 * 10**18)
    paying.reservations.reserve({"earlier": 7 * 10**18}, token, [day], {})

    said = quote(ask, graph("5", "10"))

    assert (said["budget"]["left_today"], said["exceeds"]) == ("3", True)


def test_a_node_that_cannot_be_quoted_hides_no_other(
    ask: Ask, paying: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = {"conn_type": "ocean_node", "host": "http://127.0.0.1:9"}
    monkeypatch.setenv("AIRFLOW_CONN_AWAY", json.dumps(away))
    document = graph("5")
    document["nodes"][1]["data"]["environment"] = "no-such"
    document["nodes"][0]["data"]["wallet"] = "no_such_wallet"

    said = quote(ask, document)

    assert [problem["where"] for problem in said["problems"]] == ["a", "b"]
    assert "compute environment" in said["problems"][1]["message"]
    assert (said["nodes"], said["totals"], said["exceeds"]) == ([], [], False)


def test_a_quote_is_for_who_may_read_the_connections_and_of_a_drawing_without_problems(ask: Ask) -> None:
    path, document = "/graphs/quoted/quote", drawn("a b")
    assert ask("viewer")("POST", path, {"document": document}).status_code == 403
    refused = ask("user")("POST", path, {"document": document})
    assert (refused.status_code, refused.json()["error"]) == (403, "connection_forbidden")
    wrong = ask("op")("POST", path, {"document": {"nodes": []}})
    assert (wrong.status_code, wrong.json()["error"]) == (422, "invalid_graph")
    assert ask("op")("POST", path, {}).status_code == 404
    free = quote(ask, document)
    assert (free["nodes"], free["free"], free["budget"]) == ([], ["a", "b"], None)


def test_a_run_shows_the_transactions_that_paid_for_it(paying: Paid) -> None:
    run(paid_operator(WRITE.format("x")), context())

    reservations = paying.reservations.of_run(Run("by_hand", "run 1"))
    (sent,) = costs.transactions_by_task(reservations).values()
    (cost,) = costs.by_task(reservations).values()

    assert cost.startswith("at most 2 0x") or cost[0].isdigit()
    assert len({one.hash for one in sent}) == len(sent) > 0
    for one in sent:
        assert paying.chain.web3.eth.get_transaction_receipt(one.hash)["status"] == 1
        assert one.what
        assert one.url is None  # no explorer knows a chain of one's own
