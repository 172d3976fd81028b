# SPDX-License-Identifier: Apache-2.0
"""Parts kept running by supervisord: started one by one, restarted when they die, stopped together.

supervisord runs as a child (below the guard) and is driven over its own unix socket. What is a part's
command and when it counts as ready is not known here.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

from airflow_provider_deflow.errors import StackError
from airflow_provider_deflow.stack import marks
from airflow_provider_deflow.stack.home import Home, write_private

_POLL_SECONDS = 0.1
_STOP_SECONDS = 45

# Stopped last to first: Airflow before what its tasks talk to.
Group = Literal["base", "airflow"]
# A part that ends sooner than this after its start counts as one that could not start.
_SETTLED_SECONDS: dict[Group, int] = {"base": 3, "airflow": 20}


@dataclass(frozen=True, slots=True)
class Part:
    """One process to keep running.

    `is_ready(since)`: it answers, and is the one started then (epoch). With `port`, it also has to be
    this part that listens there: another stack may have taken the port a moment before. It is started
    when the part `after` is ready.
    """

    name: str
    group: Group
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    is_ready: Callable[[float], bool]
    port: int | None = None
    after: str | None = None
    stop_seconds: int = 10
    ready_seconds: int = 180


class Supervisor:
    """supervisord and its parts, from `start` to `stop`."""

    def __init__(self, home: Home, parts: tuple[Part, ...]) -> None:
        self.home = home
        self.parts = {part.name: part for part in parts}
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start supervisord; the parts wait to be started."""
        if importlib.util.find_spec("supervisor") is None:
            raise StackError(
                "supervisor, which keeps the parts running, is not installed — run: "
                f"{sys.executable} -m pip install 'airflow-provider-deflow[embedded]'"
            )
        self.home.socket.unlink(missing_ok=True)
        configuration = self.home.run / "supervisord.conf"
        write_private(configuration, configuration_text(self.home, tuple(self.parts.values())))
        for part in self.parts.values():
            environment = dict(part.environment) | marks.mark(self.home.root, part.name)
            start = {"command": list(part.command), "environment": environment}
            write_private(self.home.run / f"{part.name}.json", start)
        module = "airflow_provider_deflow.stack.guard"
        with self.home.log("supervisor").open("ab") as log:
            self._guard = subprocess.Popen(
                [sys.executable, "-m", module, str(self.home.root), str(configuration)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=dict(os.environ) | marks.mark(self.home.root, "supervisor"),
                start_new_session=True,  # so that the terminal's Ctrl-C reaches only us
            )
        deadline = time.monotonic() + 30
        while not takes_connections(self.home.socket):
            if self._guard.poll() is not None or time.monotonic() > deadline:
                raise StackError(
                    f"supervisord did not start — its last words:\n{tail(self.home, 'supervisor')}"
                )
            time.sleep(_POLL_SECONDS / 2)

    def stop(self) -> None:
        """Stop all parts and supervisord; nothing of the stack runs afterwards."""
        if self._guard is None:
            return
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        try:
            self._guard.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        self._guard = None
        marks.end(self.home.root)

    def start_part(self, name: str) -> None:
        """Start a part, not waiting for it."""
        self._call("startProcess", self._full_name(name), False)

    def wait_until_ready(self, *names: str, ready: Callable[[str], None] = lambda name: None) -> None:
        """Until each of them is; `ready` is told of each at its moment."""
        waiting = dict.fromkeys(names, time.monotonic())
        while waiting:
            for name, since in list(waiting.items()):
                part, info = self.parts[name], self.info(name)
                if info["statename"] == "FATAL":
                    raise StackError(self._failure(name, "ended again and again while starting"))
                if info["pid"] and _listens(info["pid"], part.port) and part.is_ready(info["start"]):
                    del waiting[name]
                    ready(name)
                elif time.monotonic() - since > part.ready_seconds:
                    raise StackError(self._failure(name, f"was not ready after {part.ready_seconds} s"))
            if waiting:
                time.sleep(_POLL_SECONDS)

    def info(self, name: str) -> dict[str, Any]:
        """What supervisord knows of a part: statename, pid (0 when it does not run), start."""
        found = self._call("getProcessInfo", self._full_name(name))
        assert isinstance(found, dict)
        return found

    def pid(self, name: str) -> int:
        """The process id of a part that runs."""
        pid = int(self.info(name)["pid"])
        if not pid:
            raise StackError(f"{name} does not run now; its log: {self.home.log(name)}")
        return pid

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to a part's main process and wait until it ended; its old process id."""
        pid = self.pid(name)
        os.kill(pid, number)
        deadline = time.monotonic() + self.parts[name].stop_seconds
        while self.info(name)["pid"] == pid:
            if time.monotonic() > deadline:
                raise StackError(f"{name} (process {pid}) did not end on signal {number} — SIGKILL ends it")
            time.sleep(_POLL_SECONDS)
        return pid

    def stop_part(self, name: str) -> None:
        """Stop a part in order; it stays away until it is started."""
        self._call("stopProcess", self._full_name(name), True)

    def restart(self, name: str) -> None:
        """Stop a part in order and start it again, not waiting until it is ready."""
        self.stop_part(name)
        self.start_part(name)

    def _full_name(self, name: str) -> str:
        if name not in self.parts:
            raise StackError(f"no part is called {name!r} — the parts are {', '.join(self.parts)}")
        return f"{self.parts[name].group}:{name}"

    def _call(self, method: str, *arguments: Any) -> Any:
        if self._guard is None or self._guard.poll() is not None:
            raise StackError(f"supervisord ended — its last words:\n{tail(self.home, 'supervisor')}")
        from supervisor.xmlrpc import SupervisorTransport

        # One connection per call: a transport is not safe to share between threads.
        transport = SupervisorTransport(None, None, f"unix://{self.home.socket}")
        try:
            with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
                return getattr(server.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as error:
            raise StackError(f"supervisord refused {method} {arguments[0]}: {error.faultString}") from error
        except (OSError, xmlrpc.client.Error) as error:
            raise StackError(f"supervisord does not answer — {error}") from error

    def _failure(self, name: str, what: str) -> str:
        return (
            f"{name} {what} — the end of {self.home.log(name)}:\n{tail(self.home, name)}\n"
            "`deflow doctor` checks what it needs"
        )


def takes_connections(path: Path) -> bool:
    """Whether a server listens on a unix socket; for a moment its file is there before it does."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _listens(pid: int, port: int | None) -> bool:
    """Whether the process, or one that it started, listens on the port; nothing to ask without one."""
    if port is None:
        return True
    try:
        process = psutil.Process(pid)
        return any(
            socket.status == psutil.CONN_LISTEN and socket.laddr.port == port
            for each in (process, *process.children(recursive=True))
            for socket in each.net_connections(kind="tcp")
        )
    except psutil.Error:
        return False


def tail(home: Home, part: str, lines: int = 15) -> str:
    """The last lines of a part's log."""
    try:
        text = home.log(part).read_text(errors="replace")
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line[:300]}" for line in text.splitlines()[-lines:]) or "  (the log is empty)"


def configuration_text(home: Home, parts: tuple[Part, ...]) -> str:
    """supervisord's configuration; environments and commands are in a file per part."""

    def text(path: Path) -> str:
        return str(path).replace("%", "%%")

    sections = [
        f"[supervisord]\nnodaemon=true\nsilent=true\nlogfile={text(home.log('supervisor'))}\nlogfile_maxbytes=5MB\n"
        f"pidfile={text(home.run / 'supervisord.pid')}\nchildlogdir={text(home.logs)}\numask=077\n"
        # Without this line supervisord warns every root user about itself.
        + ("user=root\n" if os.getuid() == 0 else ""),
        f"[unix_http_server]\nfile={text(home.socket)}\nchmod=0700\n",
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n",
    ]
    for priority, group in enumerate(_SETTLED_SECONDS):
        names = ",".join(part.name for part in parts if part.group == group)
        if names:
            sections.append(f"[group:{group}]\nprograms={names}\npriority={priority}\n")
    for part in parts:
        start_file = text(home.run / f"{part.name}.json")
        sections.append(
            f"[program:{part.name}]\n"
            f'command="{text(Path(sys.executable))}" -m airflow_provider_deflow.stack.part "{start_file}"\n'
            f"directory={text(home.root)}\nautostart=false\nautorestart=true\nstartsecs={_SETTLED_SECONDS[part.group]}\nstartretries=3\n"
            f"stopsignal=TERM\nstopwaitsecs={part.stop_seconds}\nstopasgroup=true\nkillasgroup=true\n"
            f"redirect_stderr=true\nstdout_logfile={text(home.log(part.name))}\n"
            "stdout_logfile_maxbytes=10MB\nstdout_logfile_backups=1\n"
        )
    return "\n".join(sections)
