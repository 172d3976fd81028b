# SPDX-License-Identifier: Apache-2.0
"""A payer's side of the escrow, by a wallet: what is said to be done was done on the chain."""

from __future__ import annotations

import secrets
import time
from typing import Any

import pytest
from pymongo.database import Database

from airflow_provider_deflow.chain.escrow import Authorization, Escrow, Funds
from airflow_provider_deflow.chain.escrow_account import EscrowAccount
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.errors import InsufficientFunds
from tests.chain.wallets import Account
from tests.services import Chain

pytestmark = pytest.mark.chain

ONE = 10**18


@pytest.fixture
def account(chain: Chain, mongo_database: Database[dict[str, Any]]) -> Account:
    account = Account.fresh(chain, mongo_database)
    chain.send(0, chain.at("OceanToken", chain.fee_token).functions.transfer(account.address, 5 * ONE))
    return account


@pytest.fixture
def escrow(account: Account) -> EscrowAccount:
    return EscrowAccount(account.wallet(), account.network)


@pytest.fixture
def payee(chain: Chain) -> Sender:
    account = "0x" + secrets.token_hex(32)
    payee = Sender(chain.web3, account)
    chain.give_gas(payee.address)
    return payee


def test_a_deposit_is_made_once_for_a_purpose(chain: Chain, account: Account, escrow: EscrowAccount):
    first = escrow.deposit(chain.fee_token, 5 * ONE, purpose="fund")
    again = EscrowAccount(account.wallet(), account.network).deposit(chain.fee_token, 5 * ONE, purpose="fund")

    assert first == again
    assert escrow.funds(chain.fee_token) == Funds(5 * ONE, 0)
    # The approval of exactly as much, and the deposit; the token says again what is left of the first.
    assert account.sent() == 2
    assert account.approved()[0] == 5 * ONE


def test_more_than_the_account_has_is_not_deposited(chain: Chain, escrow: EscrowAccount, account: Account):
    with pytest.raises(
        InsufficientFunds, match=r"has 5 OCEAN, and deposit of .* takes 6 OCEAN — send it 1 OCEAN"
    ):
        escrow.deposit(chain.fee_token, 6 * ONE)

    assert account.sent() == 0


def test_an_authorization_is_read_back_and_revoked(
    chain: Chain, account: Account, escrow: EscrowAccount, payee: Sender
):
    authorized = escrow.authorize(chain.fee_token, payee.address, 2 * ONE, 3600, 4)
    escrow.revoke(chain.fee_token, payee.address)
    (revoked,) = escrow.escrow.authorizations(account.address, payee.address, chain.fee_token)

    assert authorized == Authorization(payee.address, 2 * ONE, 0, 3600, 4, 0)
    assert revoked == Authorization(payee.address, 0, 0, 0, 0, 0)


def test_what_is_available_is_withdrawn_and_no_more(chain: Chain, account: Account, escrow: EscrowAccount):
    escrow.deposit(chain.fee_token, 3 * ONE)

    with pytest.raises(InsufficientFunds, match="has 3 OCEAN available in the escrow, not 4 OCEAN"):
        escrow.withdraw(chain.fee_token, 4 * ONE)
    escrow.withdraw(chain.fee_token, 2 * ONE)

    assert escrow.funds(chain.fee_token) == Funds(ONE, 0)
    assert escrow.escrow.tokens(account.address) == [chain.fee_token]


def test_a_withdrawal_is_made_once_for_a_purpose(chain: Chain, account: Account, escrow: EscrowAccount):
    escrow.deposit(chain.fee_token, 3 * ONE)

    first = escrow.withdraw(chain.fee_token, 2 * ONE, purpose="empty it")
    # Also when there is less than that by now.
    again = EscrowAccount(account.wallet(), account.network).withdraw(
        chain.fee_token, 2 * ONE, purpose="empty it"
    )

    assert first == again
    assert escrow.funds(chain.fee_token) == Funds(ONE, 0)


def test_only_what_the_chain_gave_back_counts_as_reclaimed(
    chain: Chain, account: Account, escrow: EscrowAccount, payee: Sender
):
    escrow.deposit(chain.fee_token, 5 * ONE)
    escrow.authorize(chain.fee_token, payee.address, 5 * ONE, 10_000, 5)
    at_node = Escrow(chain.web3, escrow.escrow.address)
    for job, seconds in ((3, 9000), (1, 1), (2, 2)):
        payee.confirm(at_node.create_lock(payee, job, account.address, chain.fee_token, ONE, seconds))
    assert escrow.expired([payee.address], chain.fee_token) == []
    while len(escrow.expired([payee.address], chain.fee_token)) < 2:
        time.sleep(0.2)
        chain.ask("evm_mine")

    expired = escrow.expired([payee.address], chain.fee_token)
    held = escrow.held([payee.address], chain.fee_token)
    came = escrow.reclaim(held)

    assert [one.lock.job_id for one in expired] == [1, 2]
    assert came == expired
    assert escrow.funds(chain.fee_token) == Funds(4 * ONE, ONE)
    assert escrow.reclaim(expired) == []
