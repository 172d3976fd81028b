# SPDX-License-Identifier: Apache-2.0
"""A job's end, seen before the node's next job may start: at most one is alive (rule 1).

Where that cannot be seen, because the Ocean Node that had the job does not answer and the connection names
another one by now, only a person can say that a job may start beside it: they ask for a new one.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_deflow.job_search import Search
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeJob

# A node that answers but never ends a job (its engine can hang) is not waited for longer.
STOPPING_SECONDS = 600.0


def end_job_of_other_inputs(
    search: Search,
    remembered: Mapping[str, Any],
    poll_interval_seconds: float,
    elsewhere: Callable[[str], OceanNode],
    leave: Callable[[str, str, str], None] | None,
) -> bool:
    """A clear can change the inputs while the earlier job still runs: it has to end first.

    It ran where the connection pointed then, `elsewhere` if that is another Ocean Node than now. One that is
    not told about there is given to `leave` (its id, its Ocean Node's URL, why); without that it raises.
    Whether the job is known to be over.
    """
    url = remembered.get("url", search.ocean_node.url)
    if url == search.ocean_node.url:
        _end(search, remembered, poll_interval_seconds)
        return True
    try:
        with elsewhere(url) as there:
            _end(replace(search, ocean_node=there), remembered, poll_interval_seconds)
    except errors.OceanNodeError as error:
        if isinstance(error, errors.OceanNodeBusy) and error.retry_after_seconds is not None:
            # It is there, and says when to come back.
            raise
        if leave is None:
            raise _moved(search, remembered, url, error) from None
        why = f"a new one was asked for on {search.ocean_node.url}; it may still run, or have left a result"
        leave(remembered.get("job_id") or "", url, f"{why}: {error}")
        return False
    return True


def until_over(
    ocean_node: OceanNode,
    job: ComputeJob,
    ask: Callable[[], object],
    wait: Callable[[float], None],
    poll_interval_seconds: float,
) -> ComputeJob:
    """`job` when it is over; a stop can get lost in the node, so `ask` is called before each look.

    A job that the node has forgotten meanwhile is as it was. Raises `OceanNodeBusy` when it does not end.
    """
    give_up_at = time.monotonic() + STOPPING_SECONDS
    while not job.is_over:
        if time.monotonic() > give_up_at:
            raise errors.OceanNodeBusy(
                f"job {job.job_id} on {ocean_node.url} was asked to stop and has not ended after "
                f"{STOPPING_SECONDS:.0f} s: the Ocean Node may hang. It is tried again.",
                url=ocean_node.url,
            )
        ask()
        wait(poll_interval_seconds)
        now = ocean_node.status(job.job_id)
        if now is None:
            return replace(job, finished=datetime.now(UTC))
        job = now.seen_after(job)
    return job


def _end(search: Search, remembered: Mapping[str, Any], poll_interval_seconds: float) -> None:
    there = search.ocean_node
    if job_id := remembered.get("job_id"):
        job = there.status(job_id)
    else:
        # It answers for other inputs, so it need not agree with these.
        earlier = replace(search, disagreement=lambda _: "")
        job = earlier.look_until_certain(remembered["key"], float(remembered["sent_at"]))
    if job is not None and not job.is_over:
        search.say(f"job {job.job_id} of this node runs on other inputs: stopping it first")
        running = job.job_id
        until_over(there, job, lambda: there.stop(running), search.wait, poll_interval_seconds)


def _moved(
    search: Search, remembered: Mapping[str, Any], url: str, error: errors.OceanNodeError
) -> errors.OceanNodeUnreachable:
    job_id = remembered.get("job_id")
    what = f"job {job_id}" if job_id else "a job whose start was not answered"
    return errors.OceanNodeUnreachable(
        f"{search.node.node_id!r} may still have {what} on {url}, which its connection named before and "
        f"which cannot tell: {error}. None is started on {search.ocean_node.url} beside it. "
        f"When {url} is back, clear the node. If it is gone for good, ask for a new job with `force_new`, "
        "which leaves the old one and tells of it by an alarm, or begin a new run.",
        url=url,
    )
