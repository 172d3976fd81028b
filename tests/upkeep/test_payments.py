# SPDX-License-Identifier: Apache-2.0
"""What upkeep does about money: costs read from the chain, expired locks back, authorisations ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from pymongo.database import Database

from airflow_provider_deflow.ledger.entry import Run
from airflow_provider_deflow.ledger.leases import Leases
from airflow_provider_deflow.ledger.reservations import of_run
from airflow_provider_deflow.ledger.store import LedgerStore
from airflow_provider_deflow.upkeep.known import Desk
from airflow_provider_deflow.upkeep.payments import settle_payments
from tests import services
from tests.forked import Forked
from tests.local_ocean_node.paying import ONE
from tests.operators import paid
from tests.operators.one_task import WRITE, context, run
from tests.operators.paid import Paid, paid_operator
from tests.operators.paid_process import die_at
from tests.upkeep.conftest import Answers

pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")

Paying = Callable[..., AbstractContextManager[Paid]]


@pytest.fixture
def paying(
    chain: services.Chain,
    tmp_path: Path,
    mongo_uri: str,
    mongo_database: Database[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Paying:
    return partial(paid.paying, chain, tmp_path, mongo_database, monkeypatch, mongo_uri)


@pytest.fixture
def claiming(paying: Paying) -> Iterator[Paid]:
    """The Ocean Node claims at once, not once an hour."""
    with paying(claim_interval_seconds=0.3) as one:
        yield one


@pytest.fixture
def not_claiming(paying: Paying) -> Iterator[Paid]:
    with paying() as one:
        yield one


def eventually(is_so: Callable[[], bool], within_seconds: float = 15.0) -> None:
    """The Ocean Node claims when its own time comes."""
    give_up_at = time.monotonic() + within_seconds
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.1)


def keep_up(one: Paid, fate: Any = "final", **desk: Any) -> list[str]:
    at = Desk(LedgerStore(one.database), **desk)
    settle_payments(at, one.reservations, Leases(one.database), Answers({"run 1": fate}))
    return at.done


def taken(one: Paid) -> int:
    return one.reservations.taken_of(of_run(Run("by_hand", "run 1"), 0).id)


def test_what_a_job_cost_is_what_the_chain_says_was_claimed(claiming: Paid) -> None:
    run(paid_operator(WRITE.format("x")), context())
    eventually(lambda: bool(claiming.events("Claimed")))

    keep_up(claiming)

    (claimed,) = claiming.events("Claimed")
    reservation = claiming.reservation()
    assert reservation["state"] == "settled"
    assert (int(reservation["cost"]), int(reservation["refunded"])) == (ONE, ONE)  # one minute of two
    assert int(reservation["cost"]) == claimed["args"]["amount"] == taken(claiming)
    assert claiming.escrow_funds() == (ONE, 0)


def test_a_lock_that_is_still_held_stays_reserved(not_claiming: Paid) -> None:
    run(paid_operator(WRITE.format("x")), context())

    keep_up(not_claiming)

    assert (not_claiming.reservation()["state"], taken(not_claiming)) == ("locked", 2 * ONE)


def test_an_authorisation_ends_with_the_run_and_what_is_locked_can_still_be_claimed(paying: Paying) -> None:
    with paying(claim_interval_seconds=6.0) as one:
        run(paid_operator(WRITE.format("x")), context())
        keep_up(one, "open")
        assert one.authorization()[0] == 2 * ONE

        keep_up(one, "final")

        assert one.authorization()[0] == 0
        eventually(lambda: bool(one.events("Claimed")), 20)


def test_who_was_revoked_once_is_not_asked_about_again(claiming: Paid) -> None:
    run(paid_operator(WRITE.format("x")), context())
    eventually(lambda: bool(claiming.events("Claimed")))
    assert keep_up(claiming) != []
    sent = claiming.sent()

    assert keep_up(claiming) == []
    assert claiming.sent() == sent


def test_an_authorisation_ends_though_who_made_it_died_before_the_ledger_heard_of_it(
    claiming: Paid, tmp_path: Path
) -> None:
    """Approved, deposited and authorised, each by a process that is killed when the chain has it."""
    for _ in range(3):
        assert Forked(die_at, "told", tmp_path / "memory").killed_by() == signal.SIGKILL
        claiming.database["ledger_leases"].delete_many({})
    run(paid_operator(WRITE.format("x")), context())
    assert claiming.authorization()[0] == 2 * ONE
    eventually(lambda: bool(claiming.events("Claimed")))

    keep_up(claiming)

    assert claiming.authorization()[0] == 0
    assert keep_up(claiming) == []


@pytest.mark.usefixtures("clock_kept")
def test_an_expired_lock_of_a_job_comes_back_and_cost_nothing(not_claiming: Paid) -> None:
    run(paid_operator(WRITE.format("x")), context())
    not_claiming.chain.pass_time(3 * 3600)

    keep_up(not_claiming)

    assert not_claiming.escrow_funds() == (2 * ONE, 0)
    assert (not_claiming.reservation()["state"], taken(not_claiming)) == ("settled", 0)


@pytest.mark.usefixtures("clock_kept")
def test_a_lock_without_a_job_is_reported_once_and_comes_back_when_it_expired(not_claiming: Paid) -> None:
    """The Ocean Node looks for the image when the money is locked."""
    with pytest.raises(AirflowFailException, match="LockOrphaned"):
        run(image_that_is_not_there(), context())

    (first, *_revoked), second = keep_up(not_claiming), keep_up(not_claiming)
    assert "come back" in first
    assert second == []
    not_claiming.chain.pass_time(3 * 3600)
    keep_up(not_claiming)

    assert not_claiming.escrow_funds() == (2 * ONE, 0)
    assert (not_claiming.reservation()["state"], taken(not_claiming)) == ("released", 0)


def test_a_job_that_its_killed_task_never_heard_of_is_accounted_for(claiming: Paid, tmp_path: Path) -> None:
    assert Forked(die_at, "answered", tmp_path / "memory").killed_by() == signal.SIGKILL
    claiming.database["ledger_leases"].delete_many({})
    eventually(lambda: bool(claiming.events("Claimed")))

    keep_up(claiming)
    keep_up(claiming)

    assert (claiming.reservation()["state"], taken(claiming)) == ("settled", ONE)


def test_what_was_reserved_and_never_sent_is_released_with_its_run(not_claiming: Paid) -> None:
    with pytest.raises(AirflowFailException, match="TooFewTokens"):
        run(
            paid_operator("pass", per_run="1000", max_duration_seconds=3600, compute_resources={"cpu": 2}),
            context(),
        )
    assert taken(not_claiming) == 120 * ONE

    keep_up(not_claiming, "open")
    assert taken(not_claiming) == 120 * ONE
    keep_up(not_claiming)

    assert taken(not_claiming) == 0


def test_a_dry_run_changes_nothing(claiming: Paid) -> None:
    run(paid_operator(WRITE.format("x")), context())
    eventually(lambda: bool(claiming.events("Claimed")))
    before, sent = claiming.reservation(), claiming.sent()

    assert keep_up(claiming, dry_run=True) != []

    assert (claiming.reservation(), claiming.sent()) == (before, sent)


def image_that_is_not_there() -> Any:
    return paid_operator(
        "pass", algorithm={"code": "pass", "image": "nobody/nothing:1", "entrypoint": "sh $ALGO"}
    )
