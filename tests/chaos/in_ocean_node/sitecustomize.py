# SPDX-License-Identifier: Apache-2.0
"""A point within the local Ocean Node: the money is locked, and there is no job yet.

Python imports this by itself where the harness puts its folder on the path. The node kills itself when it
finds `$DEFLOW_CHAOS/armed/ocean-node`, which names the run that it is moved to `reached` for.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from pathlib import Path
from typing import Any

MONEY_LOCKED = "money locked"


def wrap_what_locks() -> None:
    """In the process of an Ocean Node, before it begins."""
    from airflow_provider_deflow.local_ocean_node.payments import Payments

    original = Payments.lock

    @functools.wraps(original)
    async def lock(*args: Any, **kwargs: Any) -> str:
        transaction = await original(*args, **kwargs)
        _reached()
        return transaction

    Payments.lock = lock  # type: ignore[method-assign]


def _reached() -> None:
    folder = Path(os.environ["DEFLOW_CHAOS"])
    (folder / "seen" / MONEY_LOCKED.replace(" ", "-")).touch()
    armed = folder / "armed" / "ocean-node"
    try:
        run_id = armed.read_text()
    except FileNotFoundError:
        return
    armed.rename(folder / "reached" / run_id)
    os.kill(os.getpid(), signal.SIGKILL)


if "DEFLOW_CHAOS" in os.environ and any("cli.ocean_node" in word for word in sys.orig_argv):
    wrap_what_locks()
