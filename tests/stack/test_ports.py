# SPDX-License-Identifier: Apache-2.0
"""Ports: kept from start to start while free, others when taken, the user's own or none."""

from __future__ import annotations

import socket

import pytest

from airflow_provider_deflow.errors import StackError
from airflow_provider_deflow.stack import ports
from airflow_provider_deflow.stack.home import Home


@pytest.fixture
def taken_port():
    with socket.socket() as other_program:
        other_program.bind((ports.LOOPBACK, 0))
        other_program.listen()
        yield other_program.getsockname()[1]


def test_a_port_is_kept_for_the_next_start(home):
    folder = Home.at(home)
    first = ports.choose(folder, ("airflow", "mongod"), {})
    assert first["airflow"] != first["mongod"]
    assert ports.choose(folder, ("airflow", "mongod"), {}) == first


def test_a_wanted_port_is_taken_and_kept(home):
    folder = Home.at(home)
    wanted = ports.choose(folder, ("mongod",), {})["mongod"]
    assert ports.choose(folder, ("airflow",), {"airflow": wanted}) == {"airflow": wanted}
    assert ports.choose(folder, ("airflow",), {}) == {"airflow": wanted}


def test_a_wanted_port_that_is_taken_is_refused(home, taken_port):
    with pytest.raises(StackError, match=f"port {taken_port} is taken by another program"):
        ports.choose(Home.at(home), ("airflow",), {"airflow": taken_port})


def test_a_kept_port_that_is_taken_is_given_up(home, taken_port):
    folder = Home.at(home)
    (home / "ports.json").write_text(f'{{"mongod": {taken_port}}}')
    assert ports.choose(folder, ("mongod",), {})["mongod"] != taken_port
