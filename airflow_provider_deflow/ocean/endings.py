# SPDX-License-Identifier: Apache-2.0
"""How a job ended, in words a user understands: where, why, and what to do about it.

Words only: whether it ended well is decided in `compute`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_deflow.ocean import statuses

if TYPE_CHECKING:
    from airflow_provider_deflow.ocean.compute import ComputeJob


class Reason(NamedTuple):
    why: str
    hint: str


# Only numbers that are an end by themselves; 70 and 71 are told apart by what else the Ocean Node says.
_BY_STATUS: dict[int, Reason] = {
    2: Reason(
        "no resources became free within its queueing time",
        "Try later, allow a longer wait in the queue, or choose another environment.",
    ),
    11: Reason(
        "the Ocean Node could not pull the image",
        "Check image and tag; the Ocean Node must reach the registry, whose answer is in the image log.",
    ),
    13: Reason("the image could not be built", "The image log shows the step that failed."),
    14: Reason("the Ocean Node refuses an image with known vulnerabilities", "Use a newer base image."),
    21: Reason("the Ocean Node could not make a volume", "Its disk is likely full: try another Ocean Node."),
    22: Reason(
        "the Ocean Node could not create the container",
        "Likely a fault of this environment (missing image, cpu cores beyond the machine): try another one.",
    ),
    31: Reason(
        "a dataset could not be fetched",
        "Its host refused or did not answer the Ocean Node; the configuration log names the file.",
    ),
    32: Reason(
        "the algorithm could not be put into its container",
        "If it has a URL, the Ocean Node must reach it. Else it is the Ocean Node's fault: run it again.",
    ),
    33: Reason("the container vanished", "A fault of the Ocean Node: try again, or another Ocean Node."),
    41: Reason(
        "the container could not start",
        "Usually the entrypoint does not exist in the image; the algorithm log has Docker's message.",
    ),
    42: Reason("the algorithm wrote more than its disk quota", "Ask for more disk, or write less."),
    61: Reason("the outputs could not be read from the container", "A fault of the Ocean Node: try again."),
    62: Reason(
        "the outputs could not be stored",
        "The destination refused them or the container was gone; the outputs are lost, run it again.",
    ),
}

_CONTAINER_GONE = Reason(
    "its container was gone when the Ocean Node came back from a restart",
    "A fault of the Ocean Node, which lost the run: run it again.",
)
_STOPPED = Reason("somebody asked the Ocean Node to stop it", "")
_NEVER_RAN = Reason(
    "no exit code is told, so the algorithm did not start, outgrew its disk, or lost its outputs",
    "The Ocean Node forgets which within the hour; its logs may still tell.",
)


def stage(job: ComputeJob) -> str:
    """What the job is doing, or was doing when it ended; the end of "while …" and "it is …"."""
    if job.is_over and job.exit_code is None and job.final_status in (statuses.FINISHED, statuses.SETTLING):
        return "in a stage the Ocean Node no longer tells"
    known = statuses.STAGES.get(job.final_status)
    return known or f"in a state DeFlow does not know, {job.final_status} {job.status_text.strip()!r}"


def sentence(job: ComputeJob) -> str:
    if job.outcome is None:
        return f"It has not ended: it is {stage(job)}."
    if job.outcome == "succeeded":
        return "It succeeded with exit code 0."
    verb = "was stopped" if job.outcome == "stopped" else "failed"
    return f"It {verb} while {stage(job)}: {reason(job).why} (status {job.final_status})."


def reason(job: ComputeJob) -> Reason:
    """Why a job that is over did not succeed. What killed it goes before where it was."""
    if job.outcome == "stopped":
        return _STOPPED
    if job.oom_killed:
        return Reason(
            "it was killed for using more memory than it had", "Ask for more ram, or use less of it."
        )
    if job.timed_out:
        longest = f"{job.max_duration_seconds:g} s"
        return Reason(
            f"it was killed when its {longest} were over", "Raise max_duration_seconds, or do less."
        )
    if job.final_status == statuses.NO_ALGORITHM and job.algo_started is not None:
        # It had run already: the Ocean Node begins such a job anew, and finds no container to put it into.
        return _CONTAINER_GONE
    if job.final_status in _BY_STATUS:
        return _BY_STATUS[job.final_status]
    if job.final_status not in (statuses.FINISHED, statuses.SETTLING):
        return Reason(
            f"the Ocean Node ended it in {job.status_text.strip()!r}, which DeFlow does not take for success",
            "Likely another version of the Ocean Node: see what that status means there.",
        )
    return _NEVER_RAN if job.exit_code is None else _by_exit_code(job.exit_code)


def _by_exit_code(exit_code: int) -> Reason:
    if exit_code == 0:
        return Reason("it ended with exit code 0, but the Ocean Node has no outputs of it", "Run it again.")
    if exit_code in statuses.KILLED:
        return Reason(f"it was killed, exit code {exit_code}", "The last lines of its log may tell by what.")
    return Reason(f"it ended with exit code {exit_code}", "The last lines of its log tell why.")
