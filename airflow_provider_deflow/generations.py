# SPDX-License-Identifier: Apache-2.0
"""What happens to a node of a run that may have a job already: the table of rule 1.

A generation is one compute job of a node within a run. The next one begins only when the one before
ended badly, or when a person asks for it (`force_new`), so that at most one job is alive and none is
paid twice. Which state holds is seen on the Ocean Node; `jobs` does what the table says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from airflow_provider_deflow.ocean import statuses

if TYPE_CHECKING:
    from airflow_provider_deflow.ocean.compute import ComputeJob

# What the Ocean Node shows of the node's latest job, which was started with equal inputs.
State = Literal["none", "live", "stopping", "succeeded", "failed", "stopped", "expired", "vanished"]

# Why the task runs. A clear is a person's wish to see to the node again, not to pay for it again.
Occasion = Literal["first try", "retry", "clear", "force_new"]

# start  send a start of this generation      next  send a start of the next generation
# follow it until it ends                     wait  for its end, then look into the table again
# reuse  its outputs                          stop  it, wait for its end, then `next`
Step = Literal["start", "next", "follow", "wait", "reuse", "stop"]

# fmt: off
_ROWS: dict[State, tuple[Step, Step, Step, Step]] = {
    # state      first try  retry     clear     force_new
    "none":      ("start",  "start",  "start",  "start"),
    "live":      ("follow", "follow", "follow", "stop"),
    "stopping":  ("wait",   "wait",   "wait",   "wait"),
    "succeeded": ("reuse",  "reuse",  "reuse",  "next"),
    "failed":    ("next",   "next",   "next",   "next"),
    "stopped":   ("next",   "next",   "next",   "next"),
    "expired":   ("next",   "next",   "next",   "next"),
    "vanished":  ("next",   "next",   "next",   "next"),
}
# fmt: on
TABLE: dict[tuple[State, Occasion], Step] = {
    (state, occasion): step
    for state, steps in _ROWS.items()
    for occasion, step in zip(get_args(Occasion), steps, strict=True)
}


def state_of(job: ComputeJob | None, *, was_there: bool) -> State:
    """Where the latest job is; `was_there` says that one was confirmed before, so none now has vanished.

    A job that ended while it waited in the Ocean Node's queue has expired: it never ran.
    """
    if job is None:
        return "vanished" if was_there else "none"
    if job.outcome is None:
        return "stopping" if job.stop_requested else "live"
    if job.outcome == "failed" and job.final_status == statuses.EXPIRED_IN_QUEUE:
        return "expired"
    return job.outcome


def occasion_of(try_number: int, max_tries: int, retries: int) -> Occasion:
    """Why Airflow runs the task: a clear lets it try `retries` times more, counted from where it was."""
    first_of_round = max_tries - retries + 1
    if try_number > first_of_round:
        return "retry"
    return "first try" if try_number <= 1 else "clear"
