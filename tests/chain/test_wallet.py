# SPDX-License-Identifier: Apache-2.0
"""One account's transactions on a chain that loses, delays, refuses and reverts them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from pymongo.database import Database

from airflow_provider_deflow.chain.data_nft import DataNft, MetadataFlags, NewAsset, create
from airflow_provider_deflow.chain.datatoken import Datatoken
from airflow_provider_deflow.chain.delivery import Patience
from airflow_provider_deflow.chain.fees import Fees
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.policy import Policy
from airflow_provider_deflow.chain.rpc import connect
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.chain.wallet import Wallet
from airflow_provider_deflow.errors import (
    ChainUnreachable,
    GasTooDear,
    InsufficientFunds,
    PolicyRefused,
    TransactionFailed,
    WrongChain,
)
from airflow_provider_deflow.ledger.lanes import MongoLanes
from airflow_provider_deflow.signing import KeySigner
from tests import services
from tests.chain.test_sending import SEND, BadLine, bad_line
from tests.chain.wallets import IMPATIENT, Account

pytestmark = pytest.mark.chain


@pytest.fixture
def account(chain: services.Chain, mongo_database: Database[dict[str, Any]]) -> Account:
    return Account.fresh(chain, mongo_database)


@pytest.fixture
def line(chain: services.Chain) -> Iterator[BadLine]:
    with bad_line(chain.rpc_url) as one:
        yield one


@contextmanager
def no_blocks(chain: services.Chain) -> Iterator[None]:
    """None but those that are asked for."""
    chain.ask("evm_setAutomine", False)
    try:
        yield
    finally:
        chain.ask("evm_setAutomine", True)
        chain.ask("evm_mine")


@contextmanager
def mined_every_so_often(chain: services.Chain) -> Iterator[None]:
    done = threading.Event()

    def mine() -> None:
        web3 = connect(chain.rpc_url)
        while not done.wait(0.3):
            web3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]

    thread = threading.Thread(target=mine)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_purpose_is_sent_once(account: Account):
    wallet = account.wallet()
    first = wallet.send(account.approval(1), purpose="one")
    again = account.wallet().send(account.approval(1), purpose="one")
    wallet.confirm(first)

    assert first == again
    assert account.approved() == [1]


def test_without_a_purpose_each_call_is_sent(account: Account):
    wallet = account.wallet()

    first, second = wallet.send(account.approval(1)), wallet.send(account.approval(1))
    wallet.confirm(second)
    assert first != second
    assert account.approved() == [1, 1]


def test_the_bytes_are_kept_before_they_are_sent(account: Account, line: BadLine):
    line.lost_requests = {SEND}

    with pytest.raises(ChainUnreachable, match="the same ones are sent again"):
        account.wallet(line.url).send(account.approval(1), purpose="one")
    (kept,) = account.database["wallet_slots"].find()
    assert account.sent() == 0

    wallet = account.wallet()
    transaction = wallet.send(account.approval(1), purpose="one")
    wallet.confirm(transaction)

    assert transaction == kept["attempts"][0]["hash"]
    assert account.key[2:] not in str(kept)
    assert account.approved() == [1]


def test_a_refusal_for_now_is_worth_another_try_with_the_same_bytes(account: Account, line: BadLine):
    line.refused = {SEND: "txpool is full"}
    with pytest.raises(ChainUnreachable, match="refused for now — txpool is full") as caught:
        account.wallet(line.url).send(account.approval(1), purpose="one")
    line.refused = {"eth_getTransactionReceipt": "rate limit reached"}
    with pytest.raises(ChainUnreachable, match="refused a question — rate limit reached"):
        account.wallet(line.url).send(account.approval(1), purpose="one")

    line.refused = {}
    wallet = account.wallet(line.url)
    wallet.confirm(wallet.send(account.approval(1), purpose="one"))

    assert caught.value.retryable
    assert account.approved() == [1]
    assert account.database["wallet_slots"].count_documents({}) == 1


def test_a_lost_reply_is_found_on_the_chain(account: Account, line: BadLine):
    line.lost_replies = {SEND}
    wallet = account.wallet(line.url)

    wallet.confirm(wallet.send(account.approval(1), purpose="one"))

    assert line.asked.count(SEND) == 1
    assert account.approved() == [1]


def test_when_the_endpoint_is_down_nothing_is_kept_or_sent(account: Account):
    with pytest.raises(ChainUnreachable, match=r"127\.0\.0\.1:9 did not answer"):
        account.wallet("http://127.0.0.1:9/v3/secret").send(account.approval(1), purpose="one")

    assert account.database["wallet_slots"].count_documents({}) == 0
    assert account.sent() == 0


# With it a transaction is sent again, and not given a higher fee.
NEVER_STUCK = replace(IMPATIENT, stuck_seconds=60)


def test_one_that_was_dropped_is_sent_again(account: Account):
    wallet = account.wallet(patience=NEVER_STUCK)
    with no_blocks(account.chain):
        transaction = wallet.send(account.approval(1), purpose="one")
        account.chain.ask("anvil_dropTransaction", transaction)
        with mined_every_so_often(account.chain):
            receipt = wallet.confirm(transaction)

    assert receipt["transactionHash"].to_0x_hex() == transaction
    assert account.approved() == [1]


def test_all_that_were_dropped_are_sent_again_in_order(account: Account):
    wallet = account.wallet(patience=NEVER_STUCK)
    with no_blocks(account.chain):
        transactions = [wallet.send(account.approval(amount)) for amount in (1, 2, 3)]
        account.chain.ask("anvil_dropAllTransactions")
        with mined_every_so_often(account.chain):
            wallet.confirm(transactions[-1])

    mined = [wallet.confirm(one)["transactionHash"].to_0x_hex() for one in transactions]
    assert mined == transactions
    assert account.approved() == [1, 2, 3]


def test_a_stuck_one_is_given_a_higher_fee_and_mined_once(account: Account):
    wallet = account.wallet()
    with no_blocks(account.chain):
        first = wallet.send(account.approval(1), purpose="one")
        before = account.chain.web3.eth.get_transaction(first)
        dear = before["maxFeePerGas"] * 10
        account.chain.ask("anvil_setNextBlockBaseFeePerGas", hex(dear))
        account.chain.ask("evm_mine")
        with mined_every_so_often(account.chain):
            receipt = wallet.confirm(first)

    mined = account.chain.web3.eth.get_transaction(receipt["transactionHash"])
    assert mined["nonce"] == before["nonce"]
    assert mined["maxFeePerGas"] * 8 >= before["maxFeePerGas"] * 9
    (slot,) = account.database["wallet_slots"].find()
    hashes = [attempt["hash"] for attempt in slot["attempts"]]
    assert hashes[0] == first
    assert receipt["transactionHash"].to_0x_hex() in hashes[1:]
    assert account.approved() == [1]
    assert account.wallet().send(account.approval(1), purpose="one") == slot["outcome"]["hash"]


def test_one_that_became_too_cheap_before_it_was_sent_is_given_a_higher_fee(account: Account, line: BadLine):
    line.lost_requests = {SEND}
    with pytest.raises(ChainUnreachable):
        account.wallet(line.url).send(account.approval(1), purpose="one")
    (kept,) = account.database["wallet_slots"].find()

    with no_blocks(account.chain):
        account.chain.ask("anvil_setNextBlockBaseFeePerGas", hex(100 * 10**9))
        account.chain.ask("evm_mine")
        wallet = account.wallet()
        transaction = wallet.send(account.approval(1), purpose="one")
        with mined_every_so_often(account.chain):
            receipt = wallet.confirm(transaction)

    assert receipt["transactionHash"].to_0x_hex() != kept["attempts"][0]["hash"]
    assert account.approved() == [1]
    assert account.sent() == 1


def test_threads_may_share_a_wallet(account: Account):
    wallet = account.wallet()

    with ThreadPoolExecutor(4) as pool:
        hashes = list(pool.map(lambda amount: wallet.send(account.approval(amount)), range(1, 21)))
    for transaction in hashes:
        wallet.confirm(transaction)

    assert sorted(account.approved()) == list(range(1, 21))
    assert account.sent() == 20


def test_a_stuck_one_is_not_given_more_than_the_cap(account: Account):
    web3 = account.chain.web3
    cap = web3.eth.get_block("latest")["baseFeePerGas"] + 1
    wallet = account.wallet(
        fees=Fees(cap),
        patience=Patience(in_flight_seconds=0.1, stuck_seconds=0.1, confirmed_within_seconds=1),
    )
    with no_blocks(account.chain):
        transaction = wallet.send(account.approval(1))
        account.chain.ask("anvil_setNextBlockBaseFeePerGas", hex(2 * cap))
        account.chain.ask("evm_mine")
        with pytest.raises(ChainUnreachable, match="raise max_fee_gwei"):
            wallet.confirm(transaction)

    (slot,) = account.database["wallet_slots"].find()
    assert len(slot["attempts"]) == 1


def test_gas_above_the_cap_is_refused_before_anything_is_signed(account: Account):
    with pytest.raises(GasTooDear, match=r"at most 0\.000000001 gwei"):
        account.wallet(fees=Fees(1)).send(account.approval(1))

    assert account.database["wallet_slots"].count_documents({}) == 0


def test_what_would_revert_is_not_signed_and_says_what_to_do(account: Account):
    escrow = account.chain.at("Escrow")

    with pytest.raises(TransactionFailed, match=r"insufficient allowance; approve the amount"):
        account.wallet().send(escrow.functions.deposit(account.chain.fee_token, 1))

    assert account.database["wallet_slots"].count_documents({}) == 0


def reverted_deposit(account: Account) -> tuple[Any, str]:
    """A call of purpose "second", and its transaction: there was enough for the one of "first" only."""
    chain, wallet = account.chain, account.wallet()
    give(account, 5)
    deposit = chain.at("Escrow").functions.deposit(chain.fee_token, 5)
    with no_blocks(chain):
        first = wallet.send(deposit, purpose="first")
        second = send_blindly(wallet, deposit, "second")
    wallet.confirm(first)
    return deposit, second


def give(account: Account, amount: int) -> None:
    """Fee tokens, which the escrow may take."""
    chain, wallet = account.chain, account.wallet()
    chain.send(0, chain.at("OceanToken", chain.fee_token).functions.transfer(account.address, amount))
    wallet.confirm(wallet.send(account.approval(amount)))


def in_escrow(account: Account) -> int:
    funds = account.chain.at("Escrow").functions.getUserFunds(account.address, account.chain.fee_token)
    return int(funds.call()[0])


def test_a_revert_is_explained_and_nothing_is_sent_while_its_reason_stands(account: Account):
    deposit, second = reverted_deposit(account)

    for _ in range(2):
        with pytest.raises(TransactionFailed, match=r"reverted in block .* — .*(allowance|exceeds balance)"):
            account.wallet().confirm(second)
        with pytest.raises(TransactionFailed, match="allowance"):
            account.wallet().send(deposit, purpose="second")
    assert account.wallet().sent_for("second") is None
    assert (account.sent(), in_escrow(account)) == (3, 5)


@pytest.mark.parametrize("was_told", [True, False])
def test_a_reverted_purpose_is_sent_anew_when_its_reason_is_gone_and_then_never_again(
    account: Account, was_told: bool
):
    deposit, second = reverted_deposit(account)
    if was_told:
        with pytest.raises(TransactionFailed):
            account.wallet().confirm(second)
    give(account, 10)

    anew = account.wallet().send(deposit, purpose="second")
    account.wallet().confirm(anew)
    again = account.wallet().send(deposit, purpose="second")

    assert anew == again != second
    assert account.wallet().sent_for("second") == anew
    assert in_escrow(account) == 10


def test_a_reverted_purpose_that_many_send_anew_at_once_is_sent_by_one(account: Account):
    deposit, _ = reverted_deposit(account)
    give(account, 15)
    # Each finds the purpose reverted, and prepares another transaction.
    wallets = [account.wallet() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool, mined_every_so_often(account.chain):
        hashes = set(pool.map(lambda wallet: wallet.send(deposit, purpose="second"), wallets))

    for one in hashes:
        account.wallet().confirm(one)
    assert (len(hashes), in_escrow(account)) == (1, 10)


def test_a_purpose_that_was_kept_with_its_revert_is_sent_anew_too(account: Account):
    """As earlier versions left it."""
    deposit, second = reverted_deposit(account)
    with pytest.raises(TransactionFailed):
        account.wallet().confirm(second)
    slots = account.database["wallet_slots"]
    slots.update_one({"former_purpose": "second"}, {"$rename": {"former_purpose": "purpose"}})
    give(account, 5)

    account.wallet().confirm(account.wallet().send(deposit, purpose="second"))

    assert in_escrow(account) == 10


def send_blindly(wallet: Wallet, call: Any, purpose: str) -> str:
    """With gas as if nothing else were pending."""

    class Blind:
        def estimate_gas(self, *_: Any) -> int:
            return 300_000

        def build_transaction(self, known: Any) -> Any:
            return call.build_transaction(known)

    return wallet.send(Blind(), purpose=purpose)


def test_a_nonce_that_somebody_else_used_gives_the_purpose_another(account: Account, line: BadLine):
    line.lost_requests = {SEND}
    with pytest.raises(ChainUnreachable):
        account.wallet(line.url).send(account.approval(1), purpose="one")
    elsewhere = Sender(account.chain.web3, account.key)
    elsewhere.confirm(elsewhere.send(account.approval(99)))

    (lost,) = account.database["wallet_slots"].find()
    with pytest.raises(TransactionFailed, match="can never be mined"):
        account.wallet().confirm(lost["attempts"][0]["hash"])
    wallet = account.wallet()
    wallet.confirm(wallet.send(account.approval(1), purpose="one"))

    assert account.approved() == [99, 1]


def test_a_nonce_that_somebody_else_gave_up_is_taken_by_whoever_comes_next(account: Account):
    wallet = account.wallet()
    wallet.confirm(wallet.send(account.approval(1)))
    with no_blocks(account.chain):
        elsewhere = Sender(account.chain.web3, account.key).send(account.approval(99))
        second = wallet.send(account.approval(2))
        account.chain.ask("anvil_dropTransaction", elsewhere)
        third = wallet.send(account.approval(3))
        with mined_every_so_often(account.chain):
            wallet.confirm(second)
            wallet.confirm(third)

    assert account.approved() == [1, 3, 2]
    assert account.sent() == 3


def test_a_fee_bump_by_another_process_is_not_taken_for_somebody_else(account: Account):
    impatient, other = account.wallet(), account.wallet()
    with no_blocks(account.chain):
        first = impatient.send(account.approval(1), purpose="one")
        stale = MongoLanes(account.database).with_purpose(impatient._lane, "one")
        assert stale is not None
        bumped = other._delivery.bump(stale)
    assert len(bumped.hashes) == 2

    outcome = impatient._delivery.outcome(stale)

    assert outcome is not None
    assert (outcome.ending, outcome.transaction_hash) == ("succeeded", bumped.hashes[1])
    assert impatient.confirm(first)["transactionHash"].to_0x_hex() == bumped.hashes[1]
    assert account.approved() == [1]


def test_a_higher_fee_that_was_signed_and_not_sent_is_sent_by_whoever_comes_next(
    account: Account, line: BadLine
):
    cut_off, other = account.wallet(line.url), account.wallet()
    with no_blocks(account.chain):
        first = cut_off.send(account.approval(1), purpose="one")
        (slot,) = MongoLanes(account.database).unsettled(cut_off._lane)
        line.lost_requests = {SEND}
        with pytest.raises(ChainUnreachable):
            cut_off._delivery.bump(slot)
        again = other.send(account.approval(1), purpose="one")
    receipt = other.confirm(first)

    (kept,) = account.database["wallet_slots"].find()
    assert [attempt["hash"] for attempt in kept["attempts"]] == [first, again]
    assert receipt["transactionHash"].to_0x_hex() == again
    assert account.approved() == [1]
    assert account.sent() == 1


def test_it_counts_when_it_is_deep_enough(account: Account):
    patience = Patience(confirmations=3, confirmed_within_seconds=1)
    wallet = account.wallet(patience=patience)
    transaction = wallet.send(account.approval(1))

    with pytest.raises(ChainUnreachable, match="is in no block"):
        wallet.confirm(transaction)
    account.chain.ask("anvil_mine", 2)

    assert wallet.confirm(transaction)["status"] == 1


def test_a_chain_that_knows_less_than_was_mined_is_not_sent_to(account: Account):
    snapshot = account.chain.ask("evm_snapshot")
    wallet = account.wallet()
    wallet.confirm(wallet.send(account.approval(1)))
    account.chain.ask("evm_revert", snapshot)

    with pytest.raises(ChainUnreachable, match=r"knows 0 transactions .* and 1 were mined — it lags behind"):
        account.wallet().send(account.approval(2))

    assert account.sent() == 0


def test_too_little_gas_money_is_said_before_anything_is_signed(
    chain: services.Chain, mongo_database: Database[dict[str, Any]]
):
    poor = Account.fresh(chain, mongo_database, gas_money=1000)

    with pytest.raises(InsufficientFunds, match=r"has 0\.000000000000001 on chain 8996 .* send it"):
        poor.wallet().send(poor.approval(1))

    assert mongo_database["wallet_slots"].count_documents({}) == 0


def test_a_wallet_signs_for_its_chain_only(account: Account):
    elsewhere = Network(1, "elsewhere", account.network.addresses)
    wallet = Wallet(
        account.chain.web3, KeySigner(account.key), MongoLanes(account.database), Policy(elsewhere)
    )

    with pytest.raises(WrongChain, match=r"serves chain 8996, and .* is for chain 1"):
        wallet.send(account.approval(1))


def test_a_wallet_publishes_and_mints_for_a_purpose_once(account: Account):
    wallet, chain = account.wallet(), account.chain

    created = create(wallet, account.network, NewAsset("a", "A"), purpose="mint")
    data_nft = DataNft(chain.web3, created.data_nft)
    wallet.confirm(
        data_nft.set_metadata(wallet, b"{}", bytes(32), flags=MetadataFlags.PLAIN, decryptor_url="")
    )
    datatoken = Datatoken(chain.web3, created.datatoken)
    wallet.confirm(datatoken.mint(wallet, account.address, purpose="mint a token"))

    assert create(account.wallet(), account.network, NewAsset("a", "A"), purpose="mint") == created
    assert datatoken.balance(account.address) == 10**18
    assert account.sent() == 3


def test_the_policy_refuses_what_is_not_oceans(account: Account):
    chain, wallet = account.chain, account.wallet()
    token = chain.at("OceanToken", chain.fee_token).functions
    stranger = chain.web3.eth.accounts[9]
    chain.send(0, token.transfer(account.address, 5))
    false_escrow = services.earlier_escrow(chain)

    with pytest.raises(PolicyRefused, match=r"0xa9059cbb of .* only what publishing"):
        wallet.send(token.transfer(stranger, 1))
    with pytest.raises(PolicyRefused, match=f"lets {stranger} spend"):
        wallet.send(token.approve(stranger, 1))
    with pytest.raises(PolicyRefused, match=f"authorize of {false_escrow} — that is no contract of Ocean"):
        wallet.send(chain.at("Escrow", false_escrow).functions.authorize(chain.fee_token, stranger, 1, 1, 1))
    with pytest.raises(PolicyRefused, match="at most 10 are allowed"):
        Policy(account.network, max_approvals={chain.fee_token: 10}).check(
            chain.web3, account.approval(11).build_transaction({"from": account.address, "nonce": 0})
        )
    with pytest.raises(PolicyRefused, match="sends 1 wei — at most 0"):
        Policy(account.network).check(
            chain.web3, {**account.approval(1).build_transaction({"from": account.address}), "value": 1}
        )

    assert account.sent() == 0
    assert account.database["wallet_slots"].count_documents({}) == 0


def test_all_methods_of_the_policy_are_methods_of_the_contracts():
    from airflow_provider_deflow.chain.policy import METHODS, _methods

    assert set(_methods().values()) == {method for methods in METHODS.values() for method in methods}
