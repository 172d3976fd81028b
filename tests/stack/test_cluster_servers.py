# SPDX-License-Identifier: Apache-2.0
"""The cluster's PostgreSQL and Redis: closed to strangers, and not forgetful when they are killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis

from airflow_provider_deflow.errors import StackError
from airflow_provider_deflow.stack import cluster, ports, postgresql, redis_server
from airflow_provider_deflow.stack.home import Home
from airflow_provider_deflow.stack.supervision import Part, Supervisor

pytestmark = pytest.mark.stack


@contextmanager
def started(
    root: Path, name: str, part: Callable[[Home, int], Part]
) -> Iterator[tuple[Supervisor, Home, int]]:
    home = Home.at(root)
    port = ports.choose(home, (name,), {})[name]
    supervisor = Supervisor(home, (part(home, port),))
    try:
        supervisor.start()
        supervisor.start_part(name)
        supervisor.wait_until_ready(name)
        yield supervisor, home, port
    finally:
        supervisor.stop()


def query(address: str, *statements: str) -> Any:
    connection = psycopg2.connect(f"postgresql://{address}")
    try:
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


def test_a_killed_postgresql_comes_back_with_what_was_committed(home: Path) -> None:
    with started(home, postgresql.NAME, cluster._postgresql_part) as (supervisor, at, port):
        address = postgresql.address(at, port)
        query(address, "CREATE TABLE kept (it int)", "INSERT INTO kept VALUES (1)")
        killed = supervisor.kill(postgresql.NAME)
        supervisor.wait_until_ready(postgresql.NAME)
        assert supervisor.pid(postgresql.NAME) != killed
        assert query(address, "SELECT it FROM kept") == [(1,)]
    with started(home, postgresql.NAME, cluster._postgresql_part) as (_, at, port):
        assert query(postgresql.address(at, port), "SELECT it FROM kept") == [(1,)]


def test_postgresql_wants_its_password(home: Path) -> None:
    with (
        started(home, postgresql.NAME, cluster._postgresql_part) as (_, at, port),
        pytest.raises(psycopg2.OperationalError, match="password authentication failed"),
    ):
        query(postgresql.address(at, port).replace(at.secret(postgresql.NAME), "guessed"), "SELECT 1")


def test_a_killed_redis_comes_back_with_its_messages_and_wants_its_password(home: Path) -> None:
    with started(home, redis_server.NAME, cluster._redis_part) as (supervisor, at, port):
        with redis.Redis.from_url(redis_server.url(at, port)) as client:
            client.config_set("appendfsync", "always")
            client.rpush("default", "a task", "another")
        with redis.Redis("127.0.0.1", port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        supervisor.kill(redis_server.NAME)
        supervisor.wait_until_ready(redis_server.NAME)
        with redis.Redis.from_url(redis_server.url(at, port)) as client:
            assert client.lrange("default", 0, -1) == [b"a task", b"another"]


def test_who_lacks_them_is_told_what_to_install(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgresql, "DEBIAN", tmp_path)
    for command in (postgresql.command, redis_server.command):
        with pytest.raises(StackError, match="apt-get install postgresql redis-server"):
            command(Home.at(home), 1)
