# SPDX-License-Identifier: Apache-2.0
"""One account in many processes, some of them killed: what the chain has afterwards is counted there."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Any

import pytest
from pymongo.database import Database

from tests import services
from tests.chain.wallet_process import approve
from tests.chain.wallets import Account
from tests.forked import Forked

pytestmark = pytest.mark.chain


@pytest.fixture
def account(chain: services.Chain, mongo_database: Database[dict[str, Any]]) -> Account:
    return Account.fresh(chain, mongo_database)


def start(account: Account, mongo_uri: str, amounts: Sequence[int], dies: str = "") -> Forked:
    todo = {
        "rpc_url": account.chain.rpc_url,
        "address_file": str(account.chain.address_file),
        "mongo_uri": mongo_uri,
        "database": account.database.name,
        "key": account.key,
        "amounts": list(amounts),
        "dies": dies,
    }
    return Forked(approve, todo)


def test_200_transactions_by_8_processes_have_no_gap_and_no_duplicate(account: Account, mongo_uri: str):
    shares = [range(1 + first, 201, 8) for first in range(8)]

    processes = [start(account, mongo_uri, share) for share in shares]
    hashes = [one for process in processes for one in process.result()]

    assert len(set(hashes)) == 200
    assert account.sent() == 200
    assert sorted(account.approved()) == list(range(1, 201))
    assert account.database["wallet_slots"].count_documents({}) == 200


def test_8_processes_with_the_same_purposes_send_each_once(account: Account, mongo_uri: str):
    amounts = range(1, 11)

    processes = [start(account, mongo_uri, amounts) for _ in range(8)]
    hashes = {tuple(process.result()) for process in processes}

    assert len(hashes) == 1
    assert sorted(account.approved()) == list(amounts)
    assert account.sent() == 10


@pytest.mark.parametrize("dies", ["signed", "kept", "sent"])
def test_a_purpose_is_sent_once_whenever_its_process_was_killed(account: Account, mongo_uri: str, dies: str):
    assert start(account, mongo_uri, [7], dies).killed_by() == signal.SIGKILL

    wallet = account.wallet()
    wallet.confirm(wallet.send(account.approval(7), purpose="approve 7"))

    assert account.approved() == [7]
    assert account.sent() == 1


def test_who_comes_next_sends_what_a_killed_process_kept(account: Account, mongo_uri: str):
    start(account, mongo_uri, [7], "kept").killed_by()
    assert account.sent() == 0

    wallet = account.wallet()
    wallet.confirm(wallet.send(account.approval(8), purpose="another"))

    assert account.approved() == [7, 8]
