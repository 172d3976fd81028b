# SPDX-License-Identifier: Apache-2.0
"""`deflow escrow …` with a real chain and MongoDB: what a person types, and what the chain has then."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from click.testing import CliRunner, Result
from web3.types import TxReceipt

from airflow_provider_deflow import cli
from airflow_provider_deflow.chain.escrow import Authorization, Escrow, Funds
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.chain.wallet import Wallet
from airflow_provider_deflow.errors import ChainUnreachable
from airflow_provider_deflow.signing import KeySigner
from airflow_provider_deflow.stack import mongod
from tests import services

pytestmark = pytest.mark.chain

ONE = 10**18


@pytest.fixture(scope="module")
def server_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MongoDB of its own, because the command always uses the database `deflow`."""
    with services.mongod(tmp_path_factory.mktemp("mongod")) as server:
        yield server.uri


@pytest.fixture
def payer(
    tmp_path: Path, chain: services.Chain, server_uri: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The address of the account that the stack in the home folder is said to have; 10 fee tokens."""
    key = "0x" + secrets.token_hex(32)
    address = KeySigner(key).address
    monkeypatch.delenv("MONGO_URI", raising=False)
    monkeypatch.setenv("DEFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("DEFLOW_WALLET_KEY", key)
    stack = {
        "mongo_uri": server_uri,
        "rpc_url": chain.rpc_url,
        "chain_id": chain.chain_id,
        "address_file": str(chain.address_file),
    }
    (tmp_path / "stack.json").write_text(json.dumps(stack))
    chain.give_gas(address)
    chain.send(0, chain.at("OceanToken", chain.fee_token).functions.transfer(address, 10 * ONE))
    yield address
    with pymongo.MongoClient(server_uri) as client:
        client.drop_database("deflow")


@pytest.fixture
def payee(chain: services.Chain) -> Sender:
    payee = Sender(chain.web3, "0x" + secrets.token_hex(32))
    chain.give_gas(payee.address)
    return payee


@pytest.fixture
def on_chain(chain: services.Chain) -> Escrow:
    return Escrow(chain.web3, chain.addresses["Escrow"])


def _fee_token(chain: services.Chain) -> Any:
    return chain.at("OceanToken", chain.fee_token).functions


def _deposit(chain: services.Chain, on_chain: Escrow, base_units: int) -> Any:
    return chain.at("Escrow", on_chain.address).functions.deposit(chain.fee_token, base_units)


def deflow(*words: str) -> Result:
    result = CliRunner().invoke(cli.main, ["escrow", *words])
    assert result.exit_code == 0, result.output
    return result


def test_funds_come_and_go(chain: services.Chain, payer: str, on_chain: Escrow):
    assert deflow("deposit", "2.5").output == f"done: deposit 2.5 OCEAN of {payer} in the escrow\n"
    assert on_chain.funds(payer, chain.fee_token) == Funds(25 * 10**17, 0)

    deflow("withdraw", "0.5")
    assert on_chain.funds(payer, chain.fee_token) == Funds(2 * ONE, 0)


def test_a_command_that_is_repeated_with_its_purpose_is_done_once(
    chain: services.Chain, payer: str, on_chain: Escrow
):
    for _ in range(2):
        deflow("deposit", "6", "--purpose", "for March")
    for _ in range(2):
        # More than is left after the first one.
        deflow("withdraw", "4", "--purpose", "in April")

    assert on_chain.funds(payer, chain.fee_token) == Funds(2 * ONE, 0)
    deflow("withdraw", "1")
    deflow("withdraw", "1")
    assert on_chain.funds(payer, chain.fee_token) == Funds(0, 0)


def test_when_the_chain_s_answer_is_lost_it_is_said_how_to_repeat_it(
    chain: services.Chain, payer: str, on_chain: Escrow, monkeypatch: pytest.MonkeyPatch
):
    deflow("deposit", "6")
    confirm, lost = Wallet.confirm, []

    def and_lose(self: Wallet, sent: str) -> TxReceipt:
        receipt = confirm(self, sent)
        if not lost:
            lost.append(sent)
            raise ChainUnreachable("the endpoint does not answer — try again later")
        return receipt

    monkeypatch.setattr(Wallet, "confirm", and_lose)
    failed = CliRunner().invoke(cli.main, ["escrow", "withdraw", "4"])
    assert failed.exit_code == 1
    (purpose,) = re.findall("--purpose '(.*)'", failed.output)

    deflow("withdraw", "4", "--purpose", purpose)

    assert on_chain.funds(payer, chain.fee_token) == Funds(2 * ONE, 0)


def test_a_dry_run_signs_nothing(chain: services.Chain, payer: str, payee: Sender, on_chain: Escrow):
    chain.send(os.environ["DEFLOW_WALLET_KEY"], _fee_token(chain).approve(on_chain.address, 3 * ONE))
    chain.send(os.environ["DEFLOW_WALLET_KEY"], _deposit(chain, on_chain, 3 * ONE))
    sent = chain.web3.eth.get_transaction_count(chain.web3.to_checksum_address(payer))
    said = [
        deflow(*words, "--dry-run").output
        for words in (
            ("deposit", "2"),
            ("withdraw", "2"),
            ("authorize", "2", "--payee", payee.address),
            ("revoke", "--payee", payee.address),
            ("reclaim",),
        )
    ]

    assert all("nothing was signed" in text for text in said)
    assert said[2] == (
        f"would let {payee.address} lock 2 OCEAN in 20 locks of at most 7200 s; nothing was signed\n"
    )
    assert said[1] == f"would withdraw 2 OCEAN from the escrow to {payer}; nothing was signed\n"
    assert chain.web3.eth.get_transaction_count(chain.web3.to_checksum_address(payer)) == sent


def test_a_payee_is_authorized_and_revoked(
    chain: services.Chain, payer: str, payee: Sender, on_chain: Escrow
):
    deflow("authorize", "3", "--payee", payee.address.lower(), "--seconds", "60", "--locks", "2")
    (authorized,) = on_chain.authorizations(payer, payee.address, chain.fee_token)
    deflow("revoke", "--payee", payee.address)
    (revoked,) = on_chain.authorizations(payer, payee.address, chain.fee_token)

    assert authorized == Authorization(payee.address, 3 * ONE, 0, 60, 2, 0)
    assert revoked.max_locked_amount == 0


def test_what_is_locked_beyond_its_time_is_shown_and_reclaimed(
    chain: services.Chain, payer: str, payee: Sender, on_chain: Escrow
):
    deflow("deposit", "5")
    deflow("authorize", "5", "--payee", payee.address)
    for job, seconds in ((11, 1), (12, 5000)):
        payee.confirm(on_chain.create_lock(payee, job, payer, chain.fee_token, ONE, seconds))
    locks = on_chain.locks(payee.address)
    while chain.web3.eth.get_block("latest")["timestamp"] <= locks[0].expiry:
        time.sleep(0.2)
        chain.ask("evm_mine")

    shown = deflow("show").output
    document = json.loads(deflow("show", "--json").output)
    would = deflow("reclaim", "--dry-run").output
    reclaimed = deflow("reclaim").output

    assert "available  3 OCEAN\nlocked     2 OCEAN\noutside    5 OCEAN\n" in shown
    assert f"lock       1 OCEAN by {payee.address}, expired" in shown
    assert "`deflow escrow reclaim` brings back what is expired." in shown
    assert [(lock["job_id"], lock["is_expired"]) for lock in document["locks"]] == [
        ("11", True),
        ("12", False),
    ]
    assert document["available"] == str(3 * ONE)
    assert would.endswith("1 expired lock(s); nothing was signed\n")
    assert reclaimed.endswith("reclaimed 1 OCEAN of 1 lock(s)\n")
    assert on_chain.funds(payer, chain.fee_token) == Funds(4 * ONE, ONE)
    assert deflow("reclaim").output == "0 expired lock(s); nothing was signed\n"


def test_a_wallet_may_be_an_airflow_connection(
    chain: services.Chain, payer: str, server_uri: str, on_chain: Escrow, monkeypatch: pytest.MonkeyPatch
):
    """Where no stack is up."""
    (Path(os.environ["DEFLOW_HOME"]) / "stack.json").unlink()
    extra = {"rpc_url": chain.rpc_url, "chain_id": chain.chain_id, "address_file": str(chain.address_file)}
    wallet = {"conn_type": "ocean_wallet", "password": os.environ["DEFLOW_WALLET_KEY"], "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_PAYER", json.dumps(wallet))
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", mongod.airflow_connection(server_uri))

    deflow("--wallet", "payer", "deposit", "1")

    assert on_chain.funds(payer, chain.fee_token) == Funds(ONE, 0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("deposit", "much"), "'much' is no amount: write whole tokens such as 2 or 0.5"),
        (("deposit", "-1"), "No such option"),
        (("deposit", "0"), "'0' is no amount"),
        (("deposit", "0.0000000000000000001"), "this token has 18 decimals; round it first"),
        (("deposit", "11"), "has 10 OCEAN, and deposit of"),
        (("withdraw", "1"), "has 0 OCEAN available in the escrow, not 1 OCEAN"),
        (("deposit", "11", "--dry-run"), "has 10 OCEAN, and deposit of"),
        (("withdraw", "1", "--dry-run"), "has 0 OCEAN available in the escrow, not 1 OCEAN"),
        (("revoke", "--payee", "0x12"), "is not an address"),
        (("--wallet", "nobody", "show"), "no such wallet is known"),
    ],
)
def test_what_cannot_be_is_said_in_one_message(payer: str, words: tuple[str, ...], message: str):
    result = CliRunner().invoke(cli.main, ["escrow", *words])

    assert result.exit_code in (1, 2)
    assert message in result.output
    assert "Traceback" not in result.output
