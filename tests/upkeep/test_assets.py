# SPDX-License-Identifier: Apache-2.0
"""What becomes of assets that edges published: on a real chain, indexed by a local Ocean Node."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from airflow_provider_deflow.chain.data_nft import DataNft, MetadataState
from airflow_provider_deflow.dag_factory import build_dag
from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.graphs import Graph
from airflow_provider_deflow.hooks import settings
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Batch, Entry, Place, Run
from airflow_provider_deflow.ledger.store import LedgerStore
from airflow_provider_deflow.publishing import indexing
from airflow_provider_deflow.upkeep.assets import RETIRED, retire_assets
from airflow_provider_deflow.upkeep.known import Desk, Task
from tests.local_ocean_node.publishing import Publisher
from tests.operators import one_graph, one_task
from tests.operators.test_publish import api as api
from tests.operators.test_publish import chained
from tests.operators.test_publish import connections as connections
from tests.operators.test_publish import files as files
from tests.operators.test_publish import published as published
from tests.operators.test_publish import url as url
from tests.upkeep.conftest import Answers

pytestmark = [pytest.mark.chain, pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")]

QUARTER = timedelta(days=90)
STEP = Task(Run("deflow_upkeep", "upkeep 1"), Place("retire_assets"))
OWNER = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"


def retired(
    database: Database[dict[str, Any]],
    *,
    days: int = 100,
    dry_run: bool = False,
    airflow: Answers | None = None,
    graphs: tuple[str, ...] = (),
) -> list[str]:
    """What is said and done after so many days."""
    now = datetime.now(UTC) + timedelta(days=days)
    desk = Desk(LedgerStore(database), dry_run=dry_run, step=STEP, now=now)
    retire_assets(desk, airflow or Answers(), graphs, QUARTER)
    return desk.done


def told(database: Database[dict[str, Any]]) -> list[dict[str, Any]]:
    since = datetime(2020, 1, 1, tzinfo=UTC)
    return [entry["what"] for entry in LedgerStore(database).entries_since([facts.UPKEEP], since)]


def the_asset(database: Database[dict[str, Any]]) -> dict[str, Any]:
    (asset,) = LedgerStore(database).latest_of_dids(facts.HANDOVER, ("data_nft",))
    return asset


def only_the_consumer(document: dict[str, Any], returned: dict[str, Any], run_id: str) -> dict[str, Any]:
    """As when it alone is cleared: it takes what was handed over before."""
    dag = build_dag(Graph.from_document(document), revision=1)
    return one_task.run(
        dag.get_task("b"),  # type: ignore[arg-type]
        one_graph._context(dag.dag_id, "b", run_id, returned, None),
    )


def test_an_asset_that_no_run_needs_ends_its_life_and_returns_with_the_next_handover(
    published: Publisher, api: str, mongo_database: Database[dict[str, Any]]
) -> None:
    def sent() -> int:
        return int(published.chain.web3.eth.get_transaction_count(published.sender.address))

    first = one_graph.run_graph(chained("kept"), "run 1")
    asset, before = the_asset(mongo_database), sent()
    data_nft = DataNft(published.chain.web3, asset["data_nft"])

    assert retired(mongo_database, days=80) == [], "it is too young"
    assert retired(mongo_database, airflow=Answers(open_runs=frozenset({"run 1"}))) == []
    assert retired(mongo_database, graphs=(f'{{"did": "{asset["_id"]}"}}',)) == [], "somebody drew it"
    (would,) = retired(mongo_database, dry_run=True)
    assert (asset["_id"] in would, "gas" in would, sent() - before, told(mongo_database)) == (
        True,
        True,
        0,
        [],
    )
    assert data_nft.state() == MetadataState.ACTIVE

    (said,) = retired(mongo_database)

    assert (data_nft.state(), sent() - before) == (MetadataState.END_OF_LIFE, 1)
    (entry,) = told(mongo_database)
    receipt: Any = published.chain.web3.eth.get_transaction_receipt(entry["transaction"])
    assert entry["gas_wei"] == str(receipt["gasUsed"] * receipt["effectiveGasPrice"])
    assert (entry["action"], entry["did"], f"{receipt['gasUsed']} gas" in said) == (
        RETIRED,
        asset["_id"],
        True,
    )
    assert receipt["gasUsed"] < 40_000
    assert (retired(mongo_database), sent() - before) == ([], 1), "once"

    # Who holds its DID is not disturbed.
    wait_until_indexed(published, asset["_id"], MetadataState.END_OF_LIFE)
    alone = only_the_consumer(chained("kept"), first, "run 1, cleared")
    assert one_task.written(alone) == {"read.txt": "kept read"}

    again = one_graph.run_graph(chained("kept"), "run 2")
    assert one_task.written(again["b"]) == {"read.txt": "kept read"}
    assert the_asset(mongo_database)["_id"] == asset["_id"]
    assert (data_nft.state(), sent() - before) == (MetadataState.ACTIVE, 2)
    wait_until_indexed(published, asset["_id"], MetadataState.ACTIVE)

    # What the step did in the days before it was handed over again does not count any more.
    assert len(retired(mongo_database, days=200)) == 1
    assert (data_nft.state(), sent() - before) == (MetadataState.END_OF_LIFE, 3)


def wait_until_indexed(published: Publisher, did: str, state: MetadataState) -> None:
    from airflow_provider_deflow.ocean.client import OceanNode

    with OceanNode(published.url, requests_per_minute=100_000) as node:
        indexing.wait(
            node,
            did,
            lambda now: indexing.state_of(now) == state,
            old_reason="",
            at_most_seconds=20,
            say=print,
        )


def made(published: Publisher, database: Database[dict[str, Any]], **other: str) -> DataNft:
    """An asset of the account's that an edge is said to have handed over."""
    asset = published.publish({"type": "url", "url": f"{published.url}/", "method": "GET"})
    known = {"did": asset.did, "data_nft": asset.data_nft, "owner": OWNER}
    what = {**known, "wallet_conn_id": "ocean_wallet_default", **other}
    run = Run("deflow_drawn", "run 1")
    entry = Entry.of(run, Place("a__b"), facts.Fact(facts.HANDOVER, what))
    LedgerStore(database).write(Batch(run, (entry,)))
    return DataNft(published.chain.web3, asset.data_nft)


def test_a_wallet_that_cannot_pay_leaves_its_assets_as_they_are(
    published: Publisher, mongo_database: Database[dict[str, Any]]
) -> None:
    data_nft = made(published, mongo_database)
    web3 = published.chain.web3
    had = web3.eth.get_balance(web3.to_checksum_address(OWNER))

    def give(wei: int) -> None:
        web3.provider.make_request("anvil_setBalance", [OWNER, hex(wei)])  # type: ignore[arg-type]

    give(0)
    try:
        (said,) = retired(mongo_database)
    finally:
        give(had)

    assert "stay as they are" in said
    assert "for gas — send it" in said
    assert (data_nft.state(), told(mongo_database)) == (MetadataState.ACTIVE, [])


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"owner": "0x" + "12" * 20}, "published them"),
        ({"did": "did:op:" + "0" * 64}, "they are on another"),
        ({"wallet_conn_id": "ocean_wallet_gone"}, "ocean_wallet_gone"),
    ],
)
def test_what_the_connection_does_not_own_any_more_is_left_alone(
    published: Publisher, mongo_database: Database[dict[str, Any]], other: dict[str, str], words: str
) -> None:
    data_nft = made(published, mongo_database, **other)

    (said,) = retired(mongo_database)

    assert words in said
    assert data_nft.state() == MetadataState.ACTIVE


def test_what_its_owner_took_out_of_use_is_noted_and_not_looked_at_again(
    published: Publisher, mongo_database: Database[dict[str, Any]]
) -> None:
    data_nft = made(published, mongo_database)
    published.sender.confirm(data_nft.set_state(published.sender, MetadataState.REVOKED))

    said = [retired(mongo_database), retired(mongo_database)]

    assert ["is revoked already" in one for one in said[0]] == [True]
    assert (said[1], data_nft.state()) == ([], MetadataState.REVOKED)


def test_it_is_off_unless_asked_for_and_never_later_than_the_ledger_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert settings.asset_retention_days() == 0
    monkeypatch.setenv("AIRFLOW__DEFLOW__ASSET_RETENTION_DAYS", "90")
    assert settings.asset_retention_days() == 90
    monkeypatch.setenv("AIRFLOW__DEFLOW__LEDGER_RETENTION_DAYS", "30")
    with pytest.raises(SettingsError, match="asset_retention_days is 90, ledger_retention_days is 30"):
        settings.asset_retention_days()
