# SPDX-License-Identifier: Apache-2.0
"""A stack of real parts: what it gives, that it keeps its parts, and that it is the only one in its home.

How it ends is in `test_ending`, the `deflow up` command with Airflow in `test_up`.
"""

from __future__ import annotations

import json
import os
import socketserver
import stat
import threading
import time
from pathlib import Path

import pymongo
import pytest
import requests

from airflow_provider_deflow import stack
from airflow_provider_deflow.errors import StackError
from airflow_provider_deflow.stack import mongod, ports

pytestmark = pytest.mark.stack


class OtherProgram(socketserver.TCPServer):
    """Accepts connections and closes them."""

    allow_reuse_address = True


def test_mongodb_and_ocean_node_are_ready_within_seconds(home):
    began = time.monotonic()
    reported = []
    with stack.running(home, with_airflow=False, report=reported.append) as up:
        seconds = time.monotonic() - began
        assert requests.get(up.ocean_node_url, timeout=5).ok
        with pymongo.MongoClient(up.mongo_uri) as client:
            assert client.admin.command("hello")["isWritablePrimary"]
        assert set(up.processes) == {"mongod", "ocean-node"}
        assert os.getpgid(up.pid("mongod")) != os.getpgrp()
    assert seconds < 30
    assert [line.split()[0] for line in reported] in (["mongod", "ocean-node"], ["ocean-node", "mongod"])


def test_addresses_are_in_the_home_while_it_is_up_for_its_owner_only(home, start):
    with start() as up:
        file = home / "stack.json"
        addresses = json.loads(file.read_text())
        assert addresses["mongo_uri"] == up.mongo_uri
        assert addresses["pid"] == os.getpid()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert not file.exists()


def test_keys_stand_in_no_command_line_and_no_repr(home):
    key = "0x" + "5a" * 32
    with stack.running(home, ocean_node_url="http://127.0.0.1:9", wallet_key=key, with_airflow=False) as up:
        assert json.loads(up.environment["AIRFLOW_CONN_OCEAN_WALLET_DEFAULT"])["password"] == key
        assert key not in repr(up)
        assert up.password not in repr(up)
        assert key not in (home / "run" / "supervisord.conf").read_text()


def test_a_killed_mongod_comes_back_with_what_it_had_acknowledged(start):
    with start() as up:
        with pymongo.MongoClient(up.mongo_uri) as client:
            client.deflow.kept.insert_one({"_id": 1})
        old = up.kill("mongod")
        up.wait_until_healthy("mongod")
        assert up.pid("mongod") != old
        with pymongo.MongoClient(up.mongo_uri) as client:
            assert client.deflow.kept.find_one() == {"_id": 1}


def test_a_part_restarted_in_order_is_healthy_again(start):
    with start() as up:
        old = up.pid("mongod")
        up.restart("mongod")
        assert up.pid("mongod") != old
        assert mongod.is_primary(pymongo.uri_parser.parse_uri(up.mongo_uri)["nodelist"][0][1])


def test_a_second_stack_in_the_same_home_is_refused_and_told_where_the_first_is(start):
    with start() as up, pytest.raises(StackError, match="already up") as refusal, start():
        pytest.fail("two stacks in one home")
    assert up.mongo_uri in str(refusal.value)


def test_mongodb_moves_to_another_port_with_its_data_when_its_port_is_taken(home, start):
    with start() as up, pymongo.MongoClient(up.mongo_uri) as client:
        client.deflow.kept.insert_one({"_id": 1})
        first_uri = up.mongo_uri
    port = json.loads((home / "ports.json").read_text())["mongod"]
    with OtherProgram((ports.LOOPBACK, port), socketserver.BaseRequestHandler) as other_program:
        threading.Thread(target=other_program.serve_forever, daemon=True).start()
        with start() as up, pymongo.MongoClient(up.mongo_uri) as client:
            assert up.mongo_uri != first_uri
            assert client.deflow.kept.find_one() == {"_id": 1}
        other_program.shutdown()


def test_the_same_ports_and_login_are_used_at_the_next_start(start):
    with start() as first:
        pass
    with start() as second:
        assert second.mongo_uri == first.mongo_uri
        assert second.password == first.password


def test_a_mongodb_of_the_users_own_is_used_instead(home, start, tmp_path: Path, monkeypatch):
    with start() as up:
        monkeypatch.setenv("MONGO_URI", up.mongo_uri)
        other_home = tmp_path / "other"
        with stack.running(other_home, ocean_node_url="http://127.0.0.1:9", with_airflow=False) as other:
            assert other.mongo_uri == up.mongo_uri
            assert other.processes == {}


def test_an_unreachable_mongodb_of_the_users_own_is_named_without_its_password(home, start, monkeypatch):
    monkeypatch.setenv("MONGO_URI", "mongodb://someone:hidden@127.0.0.1:9/?serverSelectionTimeoutMS=200")
    with pytest.raises(StackError, match=r"127\.0\.0\.1:9 \(MONGO_URI\) does not answer") as failure, start():
        pytest.fail("started without MongoDB")
    assert "hidden" not in str(failure.value)


def test_a_part_that_cannot_start_is_told_with_the_end_of_its_log(home, start):
    (home / "mongodb").mkdir(parents=True)
    (home / "mongodb" / "storage.bson").write_text("not a database")
    with pytest.raises(StackError, match="mongod ended again and again") as failure, start():
        pytest.fail("started on a broken database")
    assert str(home / "logs" / "mongod.log") in str(failure.value)
    assert "deflow doctor" in str(failure.value)


def test_an_unknown_part_is_refused_by_name(start):
    with start() as up, pytest.raises(StackError, match="no part is called 'mongodb' — the parts are mongod"):
        up.pid("mongodb")
