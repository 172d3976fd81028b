# SPDX-License-Identifier: Apache-2.0
"""The cluster's Redis: Debian's server, which carries Celery's messages from the scheduler to the workers.

It listens on loopback only and wants a password there too: who can write messages can run tasks.
"""

from __future__ import annotations

import shutil

from airflow_provider_deflow.errors import StackError
from airflow_provider_deflow.stack.home import Home, write_private
from airflow_provider_deflow.stack.ports import LOOPBACK
from airflow_provider_deflow.stack.postgresql import INSTALL

NAME = "redis"


def command(home: Home, port: int) -> tuple[str, ...]:
    """How the server is started; messages survive its end."""
    server = shutil.which("redis-server")
    if server is None:
        raise StackError(f"no Redis server was found — run: {INSTALL}")
    data = home.root / NAME
    data.mkdir(exist_ok=True, mode=0o700)
    settings = {
        "bind": LOOPBACK,
        "port": port,
        "dir": f'"{data}"',
        "requirepass": home.secret(NAME),
        "appendonly": "yes",
        "save": '""',  # the log of appends is enough
    }
    configuration = home.run / "redis.conf"
    write_private(configuration, "".join(f"{name} {value}\n" for name, value in settings.items()))
    return (server, str(configuration))


def is_ready(home: Home, port: int) -> bool:
    """Whether it answers, with what it had kept."""
    import redis

    try:
        with redis.Redis(LOOPBACK, port, password=home.secret(NAME), socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def url(home: Home, port: int) -> str:
    """Where Celery finds it."""
    return f"redis://:{home.secret(NAME)}@{LOOPBACK}:{port}/0"
