# SPDX-License-Identifier: Apache-2.0
"""What upkeep does about orders of assets: they are counted, once their task is over, if they were paid."""

from __future__ import annotations

import pytest

from airflow_provider_deflow.ledger.entry import Run
from airflow_provider_deflow.ledger.leases import Leases
from airflow_provider_deflow.ledger.reservations import of_run
from airflow_provider_deflow.ledger.store import LedgerStore
from airflow_provider_deflow.upkeep.known import Desk
from airflow_provider_deflow.upkeep.payments import settle_payments
from tests.local_ocean_node.paying import ONE
from tests.operators.by_did import ByDid, by_did
from tests.operators.one_task import context, run
from tests.operators.test_by_did import IN_TOKENS, THREE_TOKENS, TO_PAY, _kill
from tests.operators.test_by_did import by_dids as by_dids
from tests.upkeep.conftest import Answers

pytestmark = [
    pytest.mark.stack,
    pytest.mark.chain,
    pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*"),
]


def keep_up(by_dids: ByDid, *, dry_run: bool = False) -> list[str]:
    paying = by_dids.paying
    desk = Desk(LedgerStore(paying.database), dry_run=dry_run)
    settle_payments(desk, paying.reservations, Leases(paying.database), Answers({"run 1": "final"}))
    return desk.done


def taken(by_dids: ByDid) -> int:
    return by_dids.paying.reservations.taken_of(of_run(Run("by_hand", "run 1"), 0).id)


def test_orders_that_their_task_has_counted_stay_and_hold_up_no_payment(by_dids: ByDid) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset(price=THREE_TOKENS)
    task = by_did(algorithm.did, dataset.did, budget={"per_run": "5.003"}, payment={"mode": "paid"})
    run(task, context())

    done = keep_up(by_dids)

    assert [one for one in done if "lock nothing more" in one]
    assert not [one for one in done if "look at the payments" in one or "order" in one]
    assert taken(by_dids) == 2 * ONE + TO_PAY


@pytest.mark.parametrize("point", ["reserved", "bought", "order sent"])
def test_of_a_killed_task_just_what_it_has_paid_is_counted(by_dids: ByDid, point: str) -> None:
    algorithm, dataset = by_dids.algorithm(), by_dids.dataset(price=THREE_TOKENS)
    before = by_dids.fee_tokens()
    _kill(by_dids, point, algorithm.did, dataset.did, IN_TOKENS, "free")

    said = keep_up(by_dids, dry_run=True)
    assert any("for the order of" in one for one in said)
    keep_up(by_dids)

    assert taken(by_dids) == before - by_dids.fee_tokens()
    assert not by_dids.paying.reservations.open()
    assert keep_up(by_dids) == []
