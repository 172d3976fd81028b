# SPDX-License-Identifier: Apache-2.0
"""Where anvil is found, and how its state is kept; the chain of a stack is in `test_development_chain`."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import pytest

from airflow_provider_deflow.errors import ChainUnreachable, StackError
from airflow_provider_deflow.stack import anvil
from airflow_provider_deflow.stack.kept_anvil import KeptState
from tests import services


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python environment in an empty folder."""
    monkeypatch.delenv(anvil.SETTING, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "project/.venv"))
    return tmp_path


def test_the_setting_comes_before_path_and_path_before_npm(nowhere, monkeypatch):
    assert anvil.binary() is None
    from_npm = program(nowhere / "project/.venv/npm/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")
    assert anvil.binary() == from_npm
    on_path = program(nowhere / "bin/anvil")
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert anvil.binary() == on_path
    named = program(nowhere / "named/my-anvil")
    monkeypatch.setenv(anvil.SETTING, str(named))
    assert anvil.binary() == named


def test_packages_of_the_project_around_the_environment_count_too(nowhere):
    found = program(nowhere / "project/node_modules/@foundry-rs/anvil-darwin-arm64/bin/anvil")
    assert anvil.binary() == found


def test_a_setting_that_names_nothing_is_not_replaced_by_another(nowhere, monkeypatch):
    on_path = program(nowhere / "bin/anvil")
    monkeypatch.setenv("PATH", str(on_path.parent))
    monkeypatch.setenv(anvil.SETTING, str(nowhere / "typo"))
    assert anvil.binary() is None
    assert "typo is no program" in anvil.how_to_get_it()


def test_where_it_is_missing_the_command_for_this_environment_is_told(nowhere):
    said: list[str] = []
    assert not anvil.is_there(said.append)
    (line,) = said
    assert f"npm install --prefix {nowhere}/project/.venv/npm @foundry-rs/anvil" in line
    assert "make chain" in line


def test_a_chain_that_is_away_and_one_that_refuses_are_told_apart(tmp_path):
    with pytest.raises(ChainUnreachable, match="does not answer"):
        anvil.ask("http://127.0.0.1:9", "eth_chainId")
    with services.anvil() as (_, rpc_url):
        assert anvil.ask_all(rpc_url, ("eth_chainId",), ("eth_blockNumber",)) == [
            hex(services.CHAIN_ID),
            "0x0",
        ]
        with pytest.raises(StackError, match="refused eth_getBalance"):
            anvil.ask(rpc_url, "eth_getBalance", "nobody", "latest")


def test_the_file_is_whole_at_every_moment_while_the_chain_is_busy(tmp_path):
    file = tmp_path / "state.json"
    with services.anvil() as (_, rpc_url):
        state = KeptState(rpc_url, file)
        state.follow()
        over = threading.Event()

        def be_busy() -> None:
            while not over.is_set():
                anvil.ask(rpc_url, "evm_mine")

        busy = threading.Thread(target=be_busy)
        busy.start()
        try:
            for _ in range(50):
                state.follow()
                kept = json.loads(file.read_text())
                blocks = {int(block["header"]["number"], 16) for block in kept["blocks"]}
                assert int(kept["best_block_number"]) == max(blocks)
        finally:
            over.set()
            busy.join()


def test_a_chain_where_nothing_happens_is_not_written_again(tmp_path):
    file = tmp_path / "state.json"
    with services.anvil() as (_, rpc_url):
        state = KeptState(rpc_url, file)
        state.follow()
        first = file.stat()
        state.follow()
        assert file.stat().st_ino == first.st_ino
        anvil.ask(rpc_url, "evm_mine")
        state.follow()
        assert file.stat().st_ino != first.st_ino
