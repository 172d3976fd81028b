# SPDX-License-Identifier: Apache-2.0
"""However a stack ends, nothing of it goes on running.

Each test ends a stack that another process started, in one way, and waits for all its processes.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from airflow_provider_deflow.stack import marks

pytestmark = pytest.mark.stack

# Ctrl-C is ignored in what a shell starts behind its back, and such a shell may have started the tests.
STARTER = """
import signal
import sys
from pathlib import Path
from airflow_provider_deflow import stack

signal.signal(signal.SIGINT, signal.default_int_handler)

with stack.running(Path(sys.argv[1]), ocean_node_url="http://127.0.0.1:9", with_airflow=False) as up:
    print("up", flush=True)
    up.watch(print)
"""


@contextmanager
def started_by_another(home: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", STARTER, str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as starter:
        assert starter.stdout is not None
        try:
            assert starter.stdout.readline() == "up\n"
            yield starter
        finally:
            starter.kill()


def of(home: Path, part: str) -> list[psutil.Process]:
    return marks.find(home, part)


def all_ended(processes: list[psutil.Process]) -> bool:
    # MongoDB writes its journal before it ends, behind whatever else the disk is doing.
    _, alive = psutil.wait_procs(processes, timeout=90)
    return not alive


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, id="asked to end"),
        pytest.param(signal.SIGKILL, id="killed hard"),
    ],
)
def test_all_processes_end_with_the_one_that_started_them(home, number):
    with started_by_another(home) as starter:
        processes = marks.find(home)
        assert len(processes) == 3  # guard, supervisord, mongod
        starter.send_signal(number)
        assert all_ended(processes)
    assert marks.find(home) == []


def test_all_processes_end_when_the_guard_is_killed(home):
    with started_by_another(home):
        processes = marks.find(home)
        guard = next(
            process for process in processes if "airflow_provider_deflow.stack.guard" in process.cmdline()
        )
        guard.kill()
        assert all_ended(processes)


def test_all_processes_end_when_the_supervisor_is_killed(home):
    with started_by_another(home):
        processes = marks.find(home)
        supervisord = next(process for process in processes if "supervisor.supervisord" in process.cmdline())
        supervisord.kill()
        assert all_ended(processes)


def test_what_a_crash_of_everything_left_is_ended_at_the_next_start(home, start):
    with started_by_another(home) as starter:
        [mongod] = of(home, "mongod")
        # Frozen first, so that none can react to the end of another.
        crashed = [psutil.Process(starter.pid), *of(home, "supervisor")]
        for process in crashed:
            process.suspend()
        for process in crashed:
            process.kill()
    # Guard and supervisord are gone, and nobody told mongod.
    mongod_went_on = mongod.is_running()
    with start() as up:
        assert not mongod.is_running()
        assert up.pid("mongod") != mongod.pid
    assert mongod_went_on


def test_a_stack_that_fails_inside_its_block_ends_too(home, start):
    processes = []

    def fail() -> None:
        with start():
            processes.extend(marks.find(home))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(processes) == 3
    assert not any(process.is_running() for process in processes)


def test_processes_of_another_home_are_never_touched(home, start, tmp_path: Path):
    with start() as up:
        assert marks.end(tmp_path / "other") == 0
        assert psutil.pid_exists(up.pid("mongod"))
