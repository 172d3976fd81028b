# SPDX-License-Identifier: Apache-2.0
"""What may go wrong with chain, wallet and Ocean Node before a lock: a clear error, and nothing is paid."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_deflow import errors
from airflow_provider_deflow.chain import funding
from airflow_provider_deflow.ocean.client import OceanNode
from tests.local_ocean_node.paying import ONE
from tests.operators.one_task import WRITE, Memory, context, run, written
from tests.operators.paid import Paid, paid_operator
from tests.operators.test_paid import paying as paying

pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")


def change_wallet(monkeypatch: pytest.MonkeyPatch, **extra: Any) -> None:
    wallet = json.loads(os.environ["AIRFLOW_CONN_OCEAN_WALLET_DEFAULT"])
    wallet["extra"] |= extra
    monkeypatch.setenv("AIRFLOW_CONN_OCEAN_WALLET_DEFAULT", json.dumps(wallet))


def locked_once(paying: Paid) -> bool:
    return [lock["args"]["amount"] for lock in paying.events("Lock")] == [2 * ONE]


def test_a_chain_that_is_down_is_tried_again_later_and_the_job_is_paid_once(
    paying: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, there = Memory(), paying.chain.rpc_url
    change_wallet(monkeypatch, rpc_url="http://127.0.0.1:9")
    with pytest.raises(errors.ChainUnreachable):
        run(paid_operator(WRITE.format("x")), context(memory))
    assert "POST /api/services/compute" not in paying.between.passed

    change_wallet(monkeypatch, rpc_url=there)
    run(paid_operator(WRITE.format("x")), context(memory, tries=(2, 2)))

    assert locked_once(paying)


def test_a_chain_of_another_id_is_not_paid_on(
    paying: Paid, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    networks = json.loads(paying.chain.address_file.read_text())
    networks["development"]["chainId"] = 1234
    other = tmp_path / "other.json"
    other.write_text(json.dumps(networks))
    change_wallet(monkeypatch, chain_id=1234, address_file=str(other))

    with pytest.raises(AirflowFailException, match=r"WrongChain: .* serves chain 8996"):
        run(paid_operator("pass"), context())

    assert paying.sent() == 0


@pytest.fixture
def frozen(paying: Paid) -> Iterator[Callable[[], None]]:
    """Stops the chain for two seconds: it takes connections and answers nothing."""
    pid = paying.chain.process.pid
    thaw = threading.Timer(2, lambda: os.kill(pid, signal.SIGCONT))

    def freeze() -> None:
        os.kill(pid, signal.SIGSTOP)
        thaw.start()

    yield freeze
    thaw.join()


@pytest.mark.parametrize("point", ["before the lock", "after the lock"])
def test_a_chain_that_lags_behind_holds_a_paid_job_up_and_costs_nothing_more(
    paying: Paid, monkeypatch: pytest.MonkeyPatch, frozen: Callable[[], None], point: str
) -> None:
    owner, name = {"before the lock": (funding, "make_ready"), "after the lock": (OceanNode, "start_paid")}[
        point
    ]
    original: Any = getattr(owner, name)

    def then_freeze(*args: Any, **named: Any) -> Any:
        result = original(*args, **named)
        frozen()
        return result

    monkeypatch.setattr(owner, name, then_freeze)

    returned = run(paid_operator(WRITE.format("x")), context())

    assert written(returned) == {"out.txt": "x"}
    assert locked_once(paying)
    assert paying.reservation()["state"] in ("locked", "settled")


@pytest.mark.parametrize(
    ("amount", "seconds", "count"),
    [(2 * ONE - 1, 100_000, 5), (50 * ONE, 60, 5), (50 * ONE, 100_000, 0)],
    ids=["amount", "seconds", "count"],
)
def test_where_too_little_is_authorised_just_enough_is_authorised_anew(
    paying: Paid, amount: int, seconds: int, count: int
) -> None:
    payee = _payee(paying)
    authorize = paying.chain.at("Escrow").functions.authorize
    paying.chain.send(paying.key, authorize(paying.chain.fee_token, payee, amount, seconds, count))

    run(paid_operator(WRITE.format("x")), context())

    assert locked_once(paying)
    most, _current, _seconds, most_locks, _locks = paying.authorization()
    assert (most, most_locks) == (2 * ONE, 1)


def test_an_allowance_that_is_too_small_is_made_exactly_as_large_as_the_deposit(paying: Paid) -> None:
    token = paying.chain.at("OceanToken", paying.chain.fee_token).functions
    escrow = paying.chain.addresses["Escrow"]
    paying.chain.send(paying.key, token.approve(escrow, 2 * ONE - 1))

    run(paid_operator(WRITE.format("x")), context())

    assert locked_once(paying)
    assert token.allowance(paying.address, escrow).call() == 0


def test_too_little_gas_is_said_before_anything_is_signed(paying: Paid) -> None:
    paying.chain.give_gas(paying.address, 1000)

    with pytest.raises(AirflowFailException, match=r"InsufficientFunds: .* may need .* for gas — send it"):
        run(paid_operator("pass"), context())

    assert (paying.sent(), paying.events("Lock")) == (0, [])


def test_an_environment_that_is_not_there_any_more_is_not_replaced_by_another(paying: Paid) -> None:
    gone = (
        requests.get(f"{paying.between.url}/api/services/computeEnvironments").json()[0]["id"][:-4] + "0000"
    )

    with pytest.raises(AirflowFailException, match="NoEnvironment"):
        run(paid_operator("pass", environment=gone), context())

    assert (paying.sent(), paying.reservations.open()) == (0, [])


def _payee(paying: Paid) -> str:
    return str(_environment(paying)["consumerAddress"])


def _environment(paying: Paid) -> dict[str, Any]:
    (environment, *_) = requests.get(f"{paying.between.url}/api/services/computeEnvironments").json()
    return dict(environment)
