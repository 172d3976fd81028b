# SPDX-License-Identifier: Apache-2.0
"""Work in processes of their own, which may be killed: forked from one that has imported everything.

A process that begins anew imports for seconds before it does anything. None is forked from the tests' own,
in which threads are.
"""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

_FORKS = multiprocessing.get_context("forkserver")
# With what they import, and what that imports only when it is needed.
_FORKS.set_forkserver_preload(
    [
        "tests.operators.by_did_process",
        "tests.chain.wallet_process",
        "airflow_provider_deflow.chain.escrow_history",
        "airflow_provider_deflow.chain.rpc",
        "airflow_provider_deflow.hooks.storage",
        "airflow_provider_deflow.triggers.ocean_job",
    ]
)


class Forked:
    """One process with the environment of the moment, at work as soon as it is made."""

    def __init__(self, work: Callable[..., Any], *arguments: Any) -> None:
        self._ours, theirs = _FORKS.Pipe(duplex=False)
        self._process = _FORKS.Process(
            target=_begin, args=(dict(os.environ), theirs, work, arguments), daemon=True
        )
        self._process.start()
        theirs.close()

    def result(self, timeout_seconds: float = 240) -> Any:
        """What the work returned."""
        code, said = self._end(timeout_seconds)
        assert code == 0, said or f"ended by {code}"
        return said

    def killed_by(self, timeout_seconds: float = 120) -> int:
        """The signal that ended it in the midst of its work."""
        code, said = self._end(timeout_seconds)
        assert code < 0, said or "it was done"
        return -code

    def _end(self, timeout_seconds: float) -> tuple[int, Any]:
        said = None
        try:
            if self._ours.poll(timeout_seconds):
                said = self._ours.recv()
        except EOFError:
            pass  # it was killed
        self._ours.close()
        self._process.join(timeout_seconds)
        code = self._process.exitcode
        assert code is not None, f"still at work after {timeout_seconds} s"
        self._process.close()
        return code, said


def _begin(
    environment: dict[str, str], answer: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    try:
        answer.send(work(*arguments))
    except BaseException:
        answer.send(traceback.format_exc())
        raise
