# SPDX-License-Identifier: Apache-2.0
"""The one folder that keeps all state of a local stack: data, keys, logs, and who runs it.

Nothing outside it is written. Everything in it belongs to one user (0700); generated keys are 0600
and made once, so that logins and encrypted values stay good from one start to the next.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_deflow.errors import StackError

# A unix socket's path has 108 bytes on Linux, and supervisord appends its pid while it binds.
_MAX_SOCKET_PATH_BYTES = 95


@dataclass(frozen=True, slots=True)
class Home:
    """Where each part of the stack keeps what it needs."""

    root: Path

    @classmethod
    def at(cls, folder: Path) -> Home:
        """Make the folder if it is not there."""
        home = cls(folder.expanduser().resolve())
        try:
            for path in (home.root, home.logs, home.run, home.storage, home.airflow):
                path.mkdir(parents=True, exist_ok=True, mode=0o700)
            home.root.chmod(0o700)
        except OSError as error:
            raise StackError(
                f"cannot write {home.root} — {error.strerror} — choose another folder with --home"
            ) from error
        if len(os.fsencode(home.socket)) > _MAX_SOCKET_PATH_BYTES:
            raise StackError(
                f"{home.root} is too long a path for a socket — choose a shorter one with --home"
            )
        return home

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME of the stack."""
        return self.root / "airflow"

    @property
    def logs(self) -> Path:
        """One log file per part."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """What only a running stack needs."""
        return self.root / "run"

    @property
    def socket(self) -> Path:
        """Where supervisord listens."""
        return self.run / "supervisor.sock"

    @property
    def storage(self) -> Path:
        """Outputs and uploads."""
        return self.root / "storage"

    @property
    def stack_file(self) -> Path:
        """Where to find the parts, while they are up."""
        return self.root / "stack.json"

    def log(self, part: str) -> Path:
        """The log of one part."""
        return self.logs / f"{part}.log"

    def secret(self, name: str, size_bytes: int = 32) -> str:
        """A random text made at the first call and the same ever after."""
        path = self.root / "secrets.json"
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        if name not in known:
            known[name] = secrets.token_urlsafe(size_bytes)
            write_private(path, known)
        return known[name]

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Be the only one who runs a stack here; the lock ends with this process, however it ends."""
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StackError(self._already_up()) from None
            yield

    def _already_up(self) -> str:
        running = read_stack(self.root)
        if running is None:
            return f"a stack in {self.root} is just starting or ending — wait for it, or use another --home"
        where = running.get("airflow_url") or running["mongo_uri"]
        return f"the stack in {self.root} is already up: {where} (process {running['pid']})"


def read_stack(folder: Path) -> dict[str, Any] | None:
    """What the running stack in this folder wrote about itself; None when none is up."""
    try:
        found: dict[str, Any] = json.loads((folder / "stack.json").read_text())
    except (OSError, ValueError):
        return None
    return found


def write_private(path: Path, content: Mapping[str, Any] | str) -> None:
    """Write a file that only its owner can read; who reads meanwhile sees the old content or the new."""
    text = content if isinstance(content, str) else json.dumps(content, indent=2) + "\n"
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)
