# SPDX-License-Identifier: Apache-2.0
"""The escrow in both forms that are deployed: views, locks, claims, and events in their recorded shape."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3
from web3.logs import DISCARD

from airflow_provider_deflow.chain.escrow import Authorization, Claim, Escrow, Funds, abi
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.errors import TransactionFailed, WrongChain
from tests import services

pytestmark = pytest.mark.chain

RECORDED = {
    one["name"]: one for one in json.loads((Path(__file__).parents[1] / "wire/chain.json").read_text())
}
ONE = 10**18


@dataclass
class Paid:
    """An escrow where a payer has deposited and authorised, and the payee."""

    chain: services.Chain
    escrow: Escrow
    raw: Any
    payer: Sender
    payee: Sender

    @property
    def token(self) -> str:
        return self.chain.fee_token

    def authorize(self, amount: int = 100 * ONE, seconds: int = 100_000, count: int = 20) -> Any:
        call = self.raw.functions.authorize(self.token, self.payee.address, amount, seconds, count)
        return self.payer.confirm(self.payer.send(call))

    def lock(self, job_id: int, amount: int = 2 * ONE, seconds: int = 500) -> Any:
        sent = self.escrow.create_lock(self.payee, job_id, self.payer.address, self.token, amount, seconds)
        return self.payee.confirm(sent)

    def claim(self, job_id: int, amount: int, proof: bytes = b"proof") -> Any:
        claim = Claim(job_id, self.token, self.payer.address, amount, proof)
        return self.payee.confirm(self.escrow.claim(self.payee, [claim]))

    def funds(self) -> Funds:
        return self.escrow.funds(self.payer.address, self.token)

    def balance(self, account: str) -> int:
        return int(self.chain.at("OceanToken", self.token).functions.balanceOf(account).call())

    def events(self, receipt: Any) -> dict[str, dict[str, Any]]:
        found = {}
        for event in self.raw.events:
            for log in event().process_receipt(receipt, errors=DISCARD):
                found[log["event"]] = dict(log["args"])
        return found


@pytest.fixture(params=["earlier", "later"])
def paid(request: pytest.FixtureRequest, chain: services.Chain) -> Iterator[Paid]:
    address = chain.addresses["Escrow"] if request.param == "later" else services.earlier_escrow(chain)
    raw = chain.web3.eth.contract(address, abi=abi(later=request.param == "later"))
    payer, payee = (Sender(chain.web3, services.KEYS[account]) for account in (6, 7))
    one = Paid(chain, Escrow(chain.web3, address), raw, payer, payee)
    chain.send(6, chain.at("OceanToken", chain.fee_token).functions.approve(address, 5 * ONE))
    payer.confirm(payer.send(raw.functions.deposit(chain.fee_token, 5 * ONE)))
    one.authorize()
    yield one
    locked = one.escrow.locks(payee.address)
    if locked:
        claims = [Claim(lock.job_id, lock.token, lock.payer, 1, b"") for lock in locked]
        payee.confirm(one.escrow.claim(payee, claims))
    payer.confirm(payer.send(raw.functions.withdraw([one.token], [one.funds().available])))


def test_the_earlier_form_is_as_its_own_compiler_says():
    compiled = services.earlier_escrow_artifact()["abi"]

    assert signatures(abi(later=False)) == signatures(compiled)


def test_views_have_the_recorded_values(paid: Paid):
    recorded = RECORDED["escrow-view-before"]["view"]["results"]

    (authorization,) = paid.escrow.authorizations(paid.payer.address, paid.payee.address, paid.token)

    assert paid.funds() == Funds(5 * ONE, 0)
    assert paid.escrow.locks(paid.payee.address) == []
    assert authorization == Authorization(paid.payee.address, *map(int, recorded["getAuthorizations"][0][1:]))


def test_a_lock_holds_funds_until_its_expiry(paid: Paid):
    receipt = paid.lock(1001)

    (lock,) = paid.escrow.locks(paid.payee.address)

    assert (lock.job_id, lock.payer, lock.amount, lock.token) == (
        1001,
        paid.payer.address,
        2 * ONE,
        paid.token,
    )
    # By the chain's clock, which other tests set on.
    assert lock.expiry == paid.payer.web3.eth.get_block(receipt["blockNumber"])["timestamp"] + 500
    assert paid.escrow.locks(paid.payee.address, paid.payer.address, paid.token) == [lock]
    assert paid.funds() == Funds(3 * ONE, 2 * ONE)
    assert list(paid.events(receipt)["Lock"]) == arguments("lock-claimed", "Lock")


def test_a_claim_pays_the_payee_and_returns_the_rest(paid: Paid):
    paid.lock(1001)
    had = paid.balance(paid.payee.address)

    receipt = paid.claim(1001, 3 * ONE // 2)

    # One thousandth goes to the community.
    assert paid.balance(paid.payee.address) - had == 3 * ONE // 2 * 999 // 1000
    assert paid.funds() == Funds(7 * ONE // 2, 0)
    events = paid.events(receipt)
    assert list(events["Claimed"]) == arguments("claim-part", "Claimed")
    assert events["Claimed"]["proof"] == b"proof"
    assert events["Claimed"]["amount"] == 3 * ONE // 2


def test_several_jobs_are_claimed_in_one_transaction(paid: Paid):
    paid.lock(1)
    paid.lock(2)
    claims = [Claim(job, paid.token, paid.payer.address, ONE, b"x") for job in (1, 2)]

    paid.payee.confirm(paid.escrow.claim(paid.payee, claims))

    assert paid.funds() == Funds(3 * ONE, 0)


def test_a_lock_beyond_its_time_is_given_back(paid: Paid):
    paid.lock(1002, seconds=1)
    (lock,) = paid.escrow.locks(paid.payee.address)
    while paid.chain.web3.eth.get_block("pending")["timestamp"] <= lock.expiry:
        time.sleep(0.1)

    paid.payer.confirm(paid.escrow.cancel_expired(paid.payer, paid.payee.address, [lock]))

    assert paid.funds() == Funds(5 * ONE, 0)
    assert paid.escrow.locks(paid.payee.address) == []


def test_a_lock_within_its_time_is_not_given_back(paid: Paid):
    paid.lock(1003)

    locks = paid.escrow.locks(paid.payee.address)
    with suppress(TransactionFailed):
        paid.payer.confirm(paid.escrow.cancel_expired(paid.payer, paid.payee.address, locks))

    assert paid.escrow.locks(paid.payee.address) == locks


def test_the_contract_s_reason_is_told(paid: Paid):
    with pytest.raises(TransactionFailed) as caught:
        paid.lock(1004, amount=0)

    assert "Invalid amount" in caught.value.words
    assert caught.value.data.startswith("0x08c379a0")


def test_an_authorization_is_announced(paid: Paid):
    events = paid.events(paid.authorize(amount=7 * ONE))

    assert events["Auth"]["maxLockedAmount"] == 7 * ONE
    assert set(arguments("escrow-authorize", "Auth")) <= set(events["Auth"])


def test_what_is_no_escrow_is_refused(chain: services.Chain):
    with pytest.raises(WrongChain, match="no escrow"):
        Escrow(chain.web3, chain.fee_token)


def arguments(recording: str, event: str) -> list[str]:
    """The names of an event's arguments, as a real chain's receipt has them."""
    logs = RECORDED[recording]["receipt"]["logs"]
    return list(next(log["args"] for log in logs if log["event"] == event))


def signatures(entries: list[dict[str, Any]]) -> set[str]:
    def kind(field: dict[str, Any]) -> str:
        inside = ",".join(kind(one) for one in field.get("components", []))
        return field["type"].replace("tuple", f"({inside})")

    return {
        f"{entry['type']} {entry.get('name')}({','.join(map(kind, entry.get('inputs', [])))})"
        f" {','.join(map(kind, entry.get('outputs', [])))}"
        for entry in entries
    }


def test_addresses_may_be_in_lower_case(paid: Paid):
    lower = paid.escrow.funds(paid.payer.address.lower(), paid.token.lower())

    assert lower == paid.funds()
    assert Web3.is_checksum_address(paid.escrow.address)
