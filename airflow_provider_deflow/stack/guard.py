# SPDX-License-Identifier: Apache-2.0
"""Ends the stack when whoever started it ends, however that happens.

    deflow ──pipe──▶ guard ──▶ supervisord ──▶ the parts

The guard's standard input is a pipe from `deflow`. It closes when that process ends, by its own will
or by `kill -9`; then supervisord is asked to stop all parts, and whatever is left of them is killed.
Should the guard itself be killed, the kernel tells supervisord to stop (on Linux).
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import threading
from pathlib import Path

from airflow_provider_deflow.stack import marks

_PR_SET_PDEATHSIG = 1


def stop_with_parent() -> None:
    """For a process that was just forked: let it be asked to stop when the one that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def main(home: Path, configuration: Path) -> int:
    """Run supervisord until it ends or the pipe closes."""
    # A Ctrl-C in the terminal is for `deflow`, which closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    supervisord = subprocess.Popen(
        [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "--configuration", str(configuration)],
        stdin=subprocess.DEVNULL,
        preexec_fn=stop_with_parent,
    )
    signal.signal(signal.SIGTERM, lambda *_: supervisord.terminate())

    def stop_when_closed() -> None:
        sys.stdin.buffer.read()
        supervisord.terminate()

    threading.Thread(target=stop_when_closed, daemon=True).start()
    status = supervisord.wait()
    marks.end(home)
    (home / "stack.json").unlink(missing_ok=True)
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
