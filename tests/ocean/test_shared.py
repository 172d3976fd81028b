# SPDX-License-Identifier: Apache-2.0
"""What processes of one host share: places for requests, and nonces. Real processes, real locks."""

from __future__ import annotations

import multiprocessing
import struct
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from airflow_provider_deflow.errors import OceanNodeBusy
from airflow_provider_deflow.ocean import allowance
from airflow_provider_deflow.ocean.allowance import Allowance
from airflow_provider_deflow.ocean.nonces import NonceLane
from airflow_provider_deflow.ocean.shared_state import SharedState

ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(params=["folder", "memory"])
def state(request, tmp_path) -> SharedState:
    return SharedState(tmp_path if request.param == "folder" else None)


@pytest.fixture
def name(tmp_path) -> str:
    return tmp_path.name


@pytest.fixture
def clock(monkeypatch):
    """Wall-clock time that stands still until it is set."""

    class Clock:
        now = 1_795_000_000.0

    monkeypatch.setattr(allowance, "time", SimpleNamespace(time=lambda: Clock.now))
    return Clock


def test_a_minute_has_so_many_places_and_no_more(state, name, clock):
    allowance = Allowance(state, name, 30)
    assert [allowance.take() for _ in range(30)] == [0.0] * 30
    assert allowance.take() == pytest.approx(61)
    clock.now += 60
    assert allowance.take() == pytest.approx(1)
    clock.now += 1
    assert allowance.take() == 0.0


def test_places_come_back_one_by_one(state, name, clock):
    allowance = Allowance(state, name, 2)
    allowance.take()
    clock.now += 40
    allowance.take()
    assert allowance.take() == pytest.approx(21)
    clock.now += 21
    assert allowance.take() == 0.0
    assert allowance.take() == pytest.approx(40)


def test_a_429_closes_the_door_for_all(state, name, clock):
    Allowance(state, name, 30).close_for(56)
    assert Allowance(state, name, 600).take() == pytest.approx(56)
    Allowance(state, name, 30).close_for(10)
    assert Allowance(state, name, 30).take() == pytest.approx(56)
    clock.now += 56
    assert Allowance(state, name, 30).take() == 0.0


def test_nodes_do_not_share_places(state, name, clock):
    Allowance(state, name, 1).take()
    assert Allowance(state, f"{name}-other", 1).take() == 0.0


@pytest.mark.parametrize("rubbish", [b"{", b"\xff" * 8, struct.pack("2d", 9e99, 9e99), b"123456789"])
def test_rubbish_and_clocks_set_back_do_not_stop_anybody(state, name, rubbish):
    with state.locked(f"{name}.allowance") as cell:
        cell.write(rubbish)
    assert Allowance(state, name, 1).take() == 0.0


def _take_places(folder: Path, taken) -> None:
    allowance = Allowance(SharedState(folder), "node", 30)
    while allowance.take() == 0.0:
        with taken.get_lock():
            taken.value += 1


def test_processes_together_take_no_more_than_one_would(tmp_path):
    taken = SPAWN.Value("i", 0)
    processes = [SPAWN.Process(target=_take_places, args=(tmp_path, taken)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert taken.value == 30


def _take_nonces(folder: Path, queue) -> None:
    lane = NonceLane(SharedState(folder), "node", ADDRESS)
    for _ in range(50):
        with lane.next() as nonce:
            queue.put(nonce)


def test_nonces_of_processes_rise_in_the_order_they_are_used(tmp_path):
    queue = SPAWN.Queue()
    processes = [SPAWN.Process(target=_take_nonces, args=(tmp_path, queue)) for _ in range(3)]
    for process in processes:
        process.start()
    nonces = sorted(queue.get(timeout=60) for _ in range(150))
    for process in processes:
        process.join(60)
    assert len(set(nonces)) == 150
    assert abs(nonces[0] - time.time() * 1000) < 60_000


def test_nonces_are_milliseconds_and_always_higher(state, name, clock):
    lane = NonceLane(state, name, ADDRESS)
    with lane.next() as first:
        pass
    with lane.next() as second:
        pass
    assert second > first
    assert abs(first - time.time_ns() // 1_000_000) < 10_000


def test_a_nonce_is_held_until_the_answer_is_there(state, name):
    lane = NonceLane(state, name, ADDRESS)
    order: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with lane.next():
            order.append("second")

    with lane.next():
        thread = threading.Thread(target=second)
        thread.start()
        waiting.wait(5)
        thread.join(0.1)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]


def test_a_lane_may_be_let_go_in_another_thread(state, name):
    lane = NonceLane(state, name, ADDRESS)
    stack = ExitStack()
    thread = threading.Thread(target=lambda: stack.enter_context(lane.next()))
    thread.start()
    thread.join()
    stack.close()
    with lane.next():
        pass


def test_patience_ends(state, name):
    second = state.locked(name, patience_seconds=0.05)
    with state.locked(name), pytest.raises(OceanNodeBusy, match="stayed locked"):
        second.__enter__()


def test_state_files_are_private_and_their_folder_is_made(tmp_path):
    with SharedState(tmp_path / "new").locked("cell") as cell:
        cell.write(b"long value")
        cell.write(b"short")
        assert cell.read() == b"short"
    assert (tmp_path / "new" / "cell").stat().st_mode & 0o777 == 0o600
