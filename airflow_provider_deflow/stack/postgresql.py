# SPDX-License-Identifier: Apache-2.0
"""The cluster's PostgreSQL: Debian's server, with Airflow's database in the home folder.

It listens on loopback only and wants its password there too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from airflow_provider_deflow.errors import StackError
from airflow_provider_deflow.stack.home import Home, write_private
from airflow_provider_deflow.stack.ports import LOOPBACK

NAME = "postgresql"
INSTALL = "apt-get install postgresql redis-server"
DEBIAN = Path("/usr/lib/postgresql")
# Of the database, and of the one who owns it.
_AIRFLOW = "airflow"
# Root becomes somebody else in a user namespace of his own, where his files are still his.
_AS_NOBODY_SPECIAL = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


def folder() -> Path | None:
    """Where the server's programs are: beside postgres on PATH, else where Debian puts the newest."""
    if on_path := shutil.which("postgres"):
        return Path(on_path).resolve().parent
    versions = DEBIAN.glob("*/bin/postgres")
    newest = max(versions, key=lambda path: float(path.parts[-3]), default=None)
    return newest.parent if newest else None


def command(home: Home, port: int) -> tuple[str, ...]:
    """How the server is started; its database is made at the first time."""
    programs = folder()
    if programs is None:
        raise StackError(f"no PostgreSQL server was found — run: {INSTALL}")
    data = home.root / NAME
    if not data.exists():
        _make(home, programs, data)
    settings = {
        "listen_addresses": LOOPBACK,
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 200,
    }
    options = (word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
    return (*_as_somebody(), str(programs / "postgres"), "-D", str(data), *options)


def _make(home: Home, programs: Path, data: Path) -> None:
    unfinished = home.run / f"{NAME}.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    password = home.run / f"{NAME}.password"
    write_private(password, home.secret(NAME))
    run = {"input": f"CREATE DATABASE {_AIRFLOW}\n", "capture_output": True, "text": True, "check": True}
    choices = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions")
    make = (*_as_somebody(), str(programs / "initdb"), "-D", str(unfinished), "-U", _AIRFLOW, *choices)
    fill = (*_as_somebody(), str(programs / "postgres"), "--single", "-D", str(unfinished), "postgres")
    try:
        subprocess.run([*make, f"--pwfile={password}"], **run)  # type: ignore[call-overload]
        subprocess.run(fill, **run)  # type: ignore[call-overload]
    except subprocess.CalledProcessError as error:
        raise StackError(f"PostgreSQL could not make its database in {home.root}:\n{error.stderr}") from error
    finally:
        password.unlink()
    unfinished.rename(data)


def _as_somebody() -> tuple[str, ...]:
    # PostgreSQL does not run as root.
    return _AS_NOBODY_SPECIAL if os.geteuid() == 0 else ()


def is_ready(port: int) -> bool:
    """Whether it takes connections."""
    programs = folder()
    ask = (str(programs / "pg_isready") if programs else "pg_isready", "-q", "-h", LOOPBACK, "-p", str(port))
    return subprocess.call(ask) == 0


def address(home: Home, port: int) -> str:
    """User, password, host and database, as they stand in a URL behind its scheme."""
    return f"{_AIRFLOW}:{home.secret(NAME)}@{LOOPBACK}:{port}/{_AIRFLOW}"
