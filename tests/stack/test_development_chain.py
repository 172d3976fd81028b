# SPDX-License-Identifier: Apache-2.0
"""The chain of `deflow up`: what is there, what stays, what is paid, and what goes on without it."""

from __future__ import annotations

import json
import signal
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from airflow_provider_deflow import stack
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.errors import StackError
from airflow_provider_deflow.signing import KeySigner
from airflow_provider_deflow.stack import anvil, development_chain, ports
from tests import services
from tests.local_ocean_node.paying import ONE, Payer
from tests.stack.conftest import ELSEWHERE

pytestmark = [pytest.mark.stack, pytest.mark.chain]

# Of a thousand; the rest is the community's.
NODE_S_SHARE = 999
PAID = 1  # of the local Ocean Node's environments
SOMEBODY = KeySigner("5a" * 32).address
Start = Callable[..., AbstractContextManager[stack.Running]]


@pytest.fixture
def start(home: Path, mongo_uri: str, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Only the chain, unless an Ocean Node is asked for by `ocean_node_url=None`."""
    monkeypatch.setenv("MONGO_URI", mongo_uri)
    return partial(stack.running, home, ocean_node_url=ELSEWHERE, with_airflow=False, with_chain=True)


def on(up: stack.Running) -> services.Chain:
    """The chain as other tests have it."""
    chain = up.chain
    addresses = json.loads(chain.address_file.read_text())["development"]
    return services.Chain(None, chain.rpc_url, chain.address_file, addresses, chain.chain_id)


def sent_by(up: stack.Running, address: str) -> int:
    return int(anvil.ask(up.chain.rpc_url, "eth_getTransactionCount", address, "latest"), 16)


def balance(up: stack.Running, address: str) -> int:
    token = on(up).at("OceanToken", up.chain.fee_token)
    return int(token.functions.balanceOf(address).call())


def give(up: stack.Running, address: str, tokens: int) -> None:
    token = on(up).at("OceanToken", up.chain.fee_token)
    on(up).send(0, token.functions.transfer(address, tokens * ONE))


def wait_until_kept(up: stack.Running) -> None:
    """The newest block is in the file."""
    newest = int(anvil.ask(up.chain.rpc_url, "eth_blockNumber"), 16)
    deadline = time.monotonic() + 30
    while kept_block(up.home) < newest:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def kept_block(home: Path) -> int:
    return int(json.loads((home / "chain/state.json").read_text())["best_block_number"])


def test_wallets_are_connections_with_fee_tokens_and_gas(start):
    with start() as up:
        for conn_id in ("DEFAULT", "PUBLISHER"):
            wallet = json.loads(up.environment[f"AIRFLOW_CONN_OCEAN_WALLET_{conn_id}"])
            address = KeySigner(wallet["password"]).address
            assert wallet["conn_type"] == "ocean_wallet"
            assert wallet["extra"]["rpc_url"] == up.chain.rpc_url
            network = Network.find(wallet["extra"]["chain_id"], Path(wallet["extra"]["address_file"]))
            assert network.address("Ocean") == up.chain.fee_token
            assert balance(up, address) == development_chain.GIVEN_FEE_TOKENS
            assert int(anvil.ask(up.chain.rpc_url, "eth_getBalance", address, "latest"), 16) > ONE
        written = json.loads((up.home / "stack.json").read_text())
        assert (written["rpc_url"], written["chain_id"]) == (up.chain.rpc_url, network.chain_id)


def test_a_key_of_one_s_own_has_fee_tokens_and_gas_as_long_as_it_needs_them(start):
    with start(wallet_key="5a" * 32) as up:
        wallet = json.loads(up.environment["AIRFLOW_CONN_OCEAN_WALLET_DEFAULT"])
        assert KeySigner(wallet["password"]).address == SOMEBODY
        assert balance(up, SOMEBODY) == development_chain.GIVEN_FEE_TOKENS
        assert int(anvil.ask(up.chain.rpc_url, "eth_getBalance", SOMEBODY, "latest"), 16) > ONE
    with start(wallet_key="5a" * 32) as up:
        # It has enough.
        assert balance(up, SOMEBODY) == development_chain.GIVEN_FEE_TOKENS


def test_the_default_wallet_is_the_same_account_as_without_a_chain(home, start, tmp_path):
    with (
        start() as up,
        stack.running(tmp_path / "other", ocean_node_url=ELSEWHERE, with_airflow=False) as other,
    ):
        passwords = [
            json.loads(one.environment["AIRFLOW_CONN_OCEAN_WALLET_DEFAULT"])["password"]
            for one in (up, other)
        ]
        assert passwords[0] == passwords[1]
        assert other.chain is None
        assert "AIRFLOW_CONN_OCEAN_WALLET_PUBLISHER" not in other.environment
        assert "extra" not in json.loads(other.environment["AIRFLOW_CONN_OCEAN_WALLET_DEFAULT"])


def test_a_restart_keeps_what_happened_and_deploys_nothing(start):
    with start() as up:
        give(up, SOMEBODY, 7)
        deployed, addresses, rpc_url = (
            sent_by(up, development_chain.OWNER),
            on(up).addresses,
            up.chain.rpc_url,
        )
        chain_id = up.chain.chain_id
        genesis = anvil.ask(rpc_url, "eth_getBlockByNumber", "0x0", False)["hash"]
    with start() as up:
        assert (up.chain.rpc_url, up.chain.chain_id) == (rpc_url, chain_id)
        assert balance(up, SOMEBODY) == 7 * ONE
        assert sent_by(up, development_chain.OWNER) == deployed
        assert on(up).addresses == addresses
        # By it an index knows whether this is still the chain that it has read.
        assert anvil.ask(rpc_url, "eth_getBlockByNumber", "0x0", False)["hash"] == genesis


def test_a_chain_that_begins_anew_is_another_one_with_its_contracts_at_the_same_addresses(home, start):
    with start() as up:
        addresses, chain_id = on(up).addresses, up.chain.chain_id
        give(up, SOMEBODY, 7)
    (home / "chain/state.json").unlink()
    with start() as up:
        assert up.chain.chain_id != chain_id
        assert int(anvil.ask(up.chain.rpc_url, "eth_chainId"), 16) == up.chain.chain_id
        assert on(up).addresses == {**addresses, "chainId": up.chain.chain_id}
        assert balance(up, development_chain.CONSUMER) == development_chain.GIVEN_FEE_TOKENS
        assert balance(up, SOMEBODY) == 0


def test_a_deployment_that_was_interrupted_is_done_again(home, start):
    with start() as up:
        first = up.chain.fee_token
    (home / "chain/address.json").unlink()
    with start() as up:
        assert up.chain.fee_token != first
        assert balance(up, development_chain.PUBLISHER) == development_chain.GIVEN_FEE_TOKENS


@pytest.mark.parametrize("victim", ["anvil", "its keeper"])
def test_a_killed_chain_comes_back_and_the_ocean_node_goes_on_with_it(start, victim):
    with start(ocean_node_url=None) as up:
        payer = Payer.at(up.ocean_node_url, on(up), 0)
        payer.deposit(3)
        if victim == "anvil":
            wait_until_kept(up)
        keeper = psutil.Process(up.pid("anvil"))
        (program,) = keeper.children()
        node = up.pid("ocean-node")

        (program if victim == "anvil" else keeper).kill()
        assert not psutil.wait_procs([keeper, program], timeout=30)[1]
        up.wait_until_healthy("anvil")

        assert up.pid("anvil") != keeper.pid
        assert up.pid("ocean-node") == node
        assert payer.funds() == (3 * ONE, 0)
        payer.deposit(4)
        wait_for_deposits(up, [3, 4])


def wait_for_deposits(up: stack.Running, tokens: list[int]) -> None:
    """The Ocean Node's index has these, and no others."""
    deadline, seen = time.monotonic() + 30, None
    while time.monotonic() < deadline:
        asked = {"chainId": up.chain.chain_id, "eventType": "Deposit"}
        found = requests.get(
            f"{up.ocean_node_url}/api/services/escrow/events", params=asked, timeout=10
        ).json()
        seen = [int(one["amount"]) // ONE for one in found]
        if seen == tokens:
            return
        time.sleep(0.1)
    pytest.fail(f"the index has {seen}")


def test_the_ocean_node_is_paid_within_seconds_and_its_free_environment_is_as_without(start, tmp_path):
    with stack.running(tmp_path / "other", with_airflow=False) as other:
        (without,) = environments(other)
    with start(ocean_node_url=None) as up:
        free, paid = environments(up)
        assert free["free"] == without["free"]
        assert free["fees"] is None
        assert "free" not in paid
        payer = Payer.at(up.ocean_node_url, on(up), 0)
        payer.deposit()
        payer.authorize()
        job = payer.start_paid(at=PAID)
        payer.wait_for(job["jobId"])
        deadline = time.monotonic() + 60
        while not payer.earned():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        # One core and one GB for one started minute.
        assert payer.earned() == 11 * ONE // 100 * NODE_S_SHARE // 1000
        assert payer.locks() == []


def environments(up: stack.Running) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(
        f"{up.ocean_node_url}/api/services/computeEnvironments", timeout=10
    ).json()
    return found


@contextmanager
def another_program(port: int) -> Iterator[None]:
    class Server(socketserver.TCPServer):
        allow_reuse_address = True

    with Server((ports.LOOPBACK, port), socketserver.BaseRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def test_it_moves_to_another_port_with_its_state_when_its_port_is_taken(start):
    with start() as up:
        give(up, SOMEBODY, 7)
        first = up.chain.rpc_url
    with another_program(int(first.rpartition(":")[2])), start() as up:
        assert up.chain.rpc_url != first
        assert balance(up, SOMEBODY) == 7 * ONE


def test_without_anvil_all_else_starts_and_says_how_to_get_it(start, monkeypatch):
    monkeypatch.setenv(anvil.SETTING, "/nowhere/anvil")
    said: list[str] = []
    with start(report=said.append) as up:
        assert up.chain is None
        assert up.processes == {}
        assert "AIRFLOW_CONN_OCEAN_WALLET_PUBLISHER" not in up.environment
    (line,) = said
    assert "no chain" in line
    assert "correct DEFLOW_ANVIL: /nowhere/anvil is no program" in line


def test_a_state_that_cannot_be_read_is_named_with_what_to_do(home, start):
    (home / "chain").mkdir(parents=True)
    (home / "chain/state.json").write_text('{"half": ')
    with pytest.raises(StackError) as failure, start():
        pytest.fail("started with half a state")
    assert f"if it cannot read {home}/chain/state.json, remove that file" in str(failure.value)
    assert "deflow up --no-chain" in str(failure.value)


def test_ended_by_a_signal_it_loses_not_even_the_last_transaction(home, start):
    with start() as up:
        give(up, SOMEBODY, 7)
        newest = int(anvil.ask(up.chain.rpc_url, "eth_blockNumber"), 16)
        up.kill("anvil", signal.SIGTERM)
        assert kept_block(home) == newest
        up.wait_until_healthy("anvil")
        assert balance(up, SOMEBODY) == 7 * ONE
