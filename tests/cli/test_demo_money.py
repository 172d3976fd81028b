# SPDX-License-Identifier: Apache-2.0
"""What `deflow demo` says of its money, against the chain."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_deflow.cli import demo_money
from tests.operators.by_did import ByDid, by_did
from tests.operators.one_task import context, run
from tests.operators.test_by_did import IN_TOKENS, THREE_TOKENS
from tests.operators.test_by_did import by_dids as by_dids

pytestmark = [
    pytest.mark.chain,
    pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*"),
]


def test_the_demo_says_what_an_asset_and_an_order_cost(
    by_dids: ByDid, mongo_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, publisher = by_dids.paying.chain, by_dids.publishing.address
    before = chain.web3.eth.get_balance(publisher)
    dataset = by_dids.dataset(price=THREE_TOKENS)
    gas = before - chain.web3.eth.get_balance(publisher)
    run(by_did(by_dids.algorithm().did, dataset.did, budget={"per_run": IN_TOKENS}), context())
    monkeypatch.setattr("airflow_provider_deflow.graphs.mongo.DATABASE", by_dids.paying.database.name)
    up: Any = SimpleNamespace(chain=chain, mongo_uri=mongo_uri, ocean_node_url=by_dids.paying.between.url)

    cost = demo_money.read(up, "run 1", by_dids.paying.key, {"a__b": dataset.did})

    assert [(one.edge, one.did, one.gas) for one in cost.assets] == [("a__b", dataset.did, gas)]
    assert cost.lines()[0].startswith(f"a__b was published as {dataset.did}; gas 0.0")
    assert [one for one in cost.lines() if f"train ordered {dataset.did} for 3.003 tokens; gas 0.0" in one]
    assert cost.proof.summary == "0 lock(s) and 2 order(s) compared with the chain, 0 difference(s)"
    assert cost.faults == ["no job was paid"]
