# SPDX-License-Identifier: Apache-2.0
"""A MongoDB URI as an Airflow connection, and back through Airflow's own hook."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from airflow_provider_deflow.stack import mongod


@pytest.mark.parametrize(
    ("uri", "connection"),
    [
        (
            "mongodb://127.0.0.1:27027/deflow?directConnection=true",
            {
                "conn_type": "mongo",
                "host": "127.0.0.1",
                "port": 27027,
                "schema": "deflow",
                "extra": {"directConnection": "true"},
            },
        ),
        (
            "mongodb://us%40er:p%2Fw@a.example:27017,b.example:27018/?replicaSet=rs0",
            {
                "conn_type": "mongo",
                "host": "a.example:27017,b.example:27018",
                "login": "us@er",
                "password": "p/w",
                "schema": "deflow",
                "extra": {"replicaSet": "rs0", "authSource": "admin"},
            },
        ),
        (
            "mongodb+srv://user:pw@cluster.example/people?retryWrites=true",
            {
                "conn_type": "mongo",
                "host": "cluster.example",
                "login": "user",
                "password": "pw",
                "schema": "deflow",
                "extra": {"retryWrites": "true", "srv": True, "authSource": "people"},
            },
        ),
    ],
)
def test_a_uri_becomes_a_connection(uri, connection):
    assert json.loads(mongod.airflow_connection(uri)) == connection


@pytest.mark.stack
def test_airflows_own_hook_reaches_the_stacks_mongodb(start, monkeypatch):
    from airflow.providers.mongo.hooks.mongo import MongoHook

    with start() as up:
        monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", up.environment["AIRFLOW_CONN_DEFLOW_MONGO"])
        with MongoHook("deflow_mongo") as hook:
            hook.insert_one("kept", {"_id": 1})
            assert hook.get_collection("kept").database.name == "deflow"
            assert hook.find("kept", {}, find_one=True) == {"_id": 1}


@pytest.mark.stack
def test_on_a_system_without_libcurl_mongod_gets_the_one_in_pycurls_wheel(start, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(mongod, "find_library", lambda name: None)
    with start() as up:
        libraries = {Path(found.path).name for found in psutil.Process(up.pid("mongod")).memory_maps()}
    carried = mongod.carried_libcurl()
    assert carried is not None
    assert carried.name in libraries
