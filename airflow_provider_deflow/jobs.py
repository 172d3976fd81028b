# SPDX-License-Identifier: Apache-2.0
"""One compute job of one node of a run: found or started, stopped, fetched, explained.

At most one job of a node is alive at any time (rule 1). Each start carries in its `metadata` a key
that only the wallet's holder can compute. Before a start is sent the intent is remembered; whoever
comes later, a retry after a crash among them, computes the same key and finds the job by it:

* alive → it is followed,
* succeeded → it is reused,
* asked to stop → its end is waited for, then the next generation may start,
* ended badly → the next generation, a new key, may start.

What remembers across attempts is a `Memory` (Airflow's task state store in a task). It makes things
faster and safer, but is not needed: without it the keys are still found on the Ocean Node.

This module knows no Airflow. Times are epoch seconds.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import outputs as ocean_outputs
from airflow_provider_deflow.ocean.client import OceanNode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_deflow.ocean.compute import ComputeJob, JobRequest
    from airflow_provider_deflow.signing import Signer

METADATA_KEY = "deflow"
MEMORY_KEY = "deflow_job"
# A start whose reply was lost may still be at work on the node: it pulls manifests and writes the
# job before it answers. Until this long after the send, no job found proves nothing.
UNCONFIRMED_SECONDS = 90.0
LOG_TAIL_LINES = 20
# A node that answers but never ends a job (its engine can hang) is not waited for longer.
STOPPING_SECONDS = 600.0
# Ends that are the Ocean Node's own, not the drawing's or the algorithm's; see the status table.
# 32 among them: so ends a job whose container was gone when its Ocean Node came back.
NODE_FAULTS = frozenset({2, 11, 21, 22, 31, 32, 33, 61, 62})


class Memory(Protocol):
    """What outlives an attempt of a task: JSON values by name."""

    def get(self, key: str, default: Any = None) -> Any:
        """The value last set, or `default`."""

    def set(self, key: str, value: Any) -> None:
        """Keep a value."""


@dataclass(frozen=True, slots=True)
class NodeOfRun:
    """Which node of which run a job belongs to."""

    dag_id: str
    run_id: str
    node_id: str
    map_index: int = -1


@dataclass(frozen=True, slots=True)
class Found:
    """The job that answers for a node: `how` is `started`, `followed` or `reused`."""

    job: ComputeJob
    generation: int
    how: str


def key_of(signer: Signer, node: NodeOfRun, inputs_sha256: str, generation: int) -> str:
    """The opaque key of a start, 64 hex characters.

    It is the hash of a signature that is never sent anywhere, over a text no Ocean Node asks to have
    signed (theirs begin with an address). RFC 6979 makes the signature the same each time.
    """
    parts = [
        "DeFlow job key",
        node.dag_id,
        node.run_id,
        node.node_id,
        str(node.map_index),
        inputs_sha256,
        str(generation),
    ]
    signature = signer.sign_message(json.dumps(parts).encode())
    return hashlib.sha256(signature.encode()).hexdigest()


def find_or_start(
    ocean_node: OceanNode,
    signer: Signer,
    node: NodeOfRun,
    inputs_sha256: str,
    request: Callable[[], JobRequest],
    memory: Memory,
    *,
    say: Callable[[str], None],
    wait: Callable[[float], None] = time.sleep,
    poll_interval_seconds: float = 5.0,
) -> Found:
    """The one job that answers for `node`, started only when none does.

    `request` is called once it is clear that a start is needed; it may cost requests of its own.
    Raises what the Ocean Node's client raises; after an unconfirmed send the job is looked for
    until `UNCONFIRMED_SECONDS` are over, and the same key is never sent twice while it may be alive.
    """
    remembered = memory.get(MEMORY_KEY) or {}
    if remembered.get("inputs") not in (None, inputs_sha256):
        _end_job_of_other_inputs(ocean_node, signer, remembered, say, wait, poll_interval_seconds)
        remembered = {}
    generation = int(remembered.get("generation", 0))
    while True:
        key = key_of(signer, node, inputs_sha256, generation)
        job = _find(ocean_node, signer.address, key)
        if job is None and remembered.get("key") == key and not remembered.get("job_id"):
            job = _look_until_certain(ocean_node, signer.address, key, remembered, say, wait)
        if job is None:
            break
        _remember(memory, generation, inputs_sha256, key, job.job_id, ocean_node.url)
        if job.stop_requested and not job.is_over:
            say(f"job {job.job_id} of this node was asked to stop: waiting for its end")
            job = _until_over(ocean_node, job, lambda: None, wait, poll_interval_seconds)
        if not job.is_over:
            say(f"job {job.job_id} of this node is already there ({job.status_text.strip()}): following it")
            return Found(job, generation, "followed")
        if job.outcome == "succeeded":
            say(f"job {job.job_id} has already succeeded with the same inputs: reusing it")
            return Found(job, generation, "reused")
        say(f"job {job.job_id} (generation {generation}) {job.ended_because}: the next generation may start")
        generation += 1
    return _start(ocean_node, signer, key, generation, inputs_sha256, request(), memory, say, wait)


def _start(
    ocean_node: OceanNode,
    signer: Signer,
    key: str,
    generation: int,
    inputs_sha256: str,
    request: JobRequest,
    memory: Memory,
    say: Callable[[str], None],
    wait: Callable[[float], None],
) -> Found:
    def intend() -> None:
        _remember(memory, generation, inputs_sha256, key, None, ocean_node.url)

    try:
        job = ocean_node.start_free(replace(request, metadata={METADATA_KEY: key}), before_send=intend)
    except errors.OceanNodeUnreachable as error:
        if not error.may_have_arrived:
            raise
        say(f"no answer to the start ({error}): looking for the job before anything is sent again")
        # From now: the reply may have been lost long after the request was sent.
        found = _look_until_certain(ocean_node, signer.address, key, {"sent_at": time.time()}, say, wait)
        if found is None:
            raise
        job = found
    _remember(memory, generation, inputs_sha256, key, job.job_id, ocean_node.url)
    return Found(job, generation, "started")


def _find(ocean_node: OceanNode, address: str, key: str) -> ComputeJob | None:
    matches = [job for job in ocean_node.jobs_of(address) if job.metadata.get(METADATA_KEY) == key]
    # Two jobs of one key cannot be made by us; should a node show one, the living or latest counts.
    return max(matches, key=lambda job: (not job.is_over, str(job.created)), default=None)


def _look_until_certain(
    ocean_node: OceanNode,
    address: str,
    key: str,
    intent: Mapping[str, Any],
    say: Callable[[str], None],
    wait: Callable[[float], None],
) -> ComputeJob | None:
    certain_at = float(intent["sent_at"]) + UNCONFIRMED_SECONDS
    pause = 1.0
    while True:
        certain = time.time() >= certain_at
        try:
            job = _find(ocean_node, address, key)
        except (errors.OceanNodeUnreachable, errors.OceanNodeBusy):
            if certain:
                raise
            job = None
        if job is not None or certain:
            return job
        say(f"an earlier start was not confirmed: looking again for {certain_at - time.time():.0f} s")
        wait(pause)
        pause = min(pause * 2, 15.0)


def _end_job_of_other_inputs(
    ocean_node: OceanNode,
    signer: Signer,
    remembered: Mapping[str, Any],
    say: Callable[[str], None],
    wait: Callable[[float], None],
    poll_interval_seconds: float,
) -> None:
    """A clear can change the inputs while the earlier job still runs: it has to end first.

    It ran where the connection pointed then, which may be another Ocean Node than now.
    """
    url = remembered.get("url", ocean_node.url)
    there = ocean_node if url == ocean_node.url else OceanNode(url, signer)
    if job_id := remembered.get("job_id"):
        job = there.status(job_id)
    else:
        job = _look_until_certain(there, signer.address, remembered["key"], remembered, say, wait)
    if job is not None and not job.is_over:
        say(f"job {job.job_id} of this node runs on other inputs: stopping it first")
        running = job.job_id
        _until_over(there, job, lambda: there.stop(running), wait, poll_interval_seconds)


def _until_over(
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


def _remember(
    memory: Memory, generation: int, inputs_sha256: str, key: str, job_id: str | None, url: str
) -> None:
    memory.set(
        MEMORY_KEY,
        {
            "generation": generation,
            "inputs": inputs_sha256,
            "key": key,
            "job_id": job_id,
            "sent_at": time.time(),
            "url": url,
        },
    )


def sha256_of(value: object) -> str:
    """The hash of a JSON value, the same however its keys are ordered."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def fetch_outputs(
    ocean_node: OceanNode, job: ComputeJob, store: ocean_outputs.ContentStore
) -> ocean_outputs.Outputs:
    """Download `outputs.tar`, check it, and keep its files; one request for the archive.

    The archive passes through a temporary file, so memory stays bounded and a short download can be
    fetched anew. Raises `IncompleteDownload` or `HostileArchive`.
    """
    with tempfile.TemporaryFile(prefix="deflow-outputs-") as archive:
        download = ocean_node.download(job, "output", archive)
        archive.seek(0)
        return ocean_outputs.unpack(
            archive, store, archive_sha256=download.sha256, archive_size=download.size
        )


def check_declared(outputs: ocean_outputs.Outputs, patterns: Sequence[str], node_id: str) -> None:
    """Raise `MissingOutput` when an outgoing edge's glob, or a sink's one file, is not there."""
    names = [file.name for file in outputs.files]
    for pattern in patterns:
        if not ocean_outputs.matching(outputs.files, [pattern]):
            raise errors.MissingOutput(
                f"node {node_id!r}: no output matches {pattern!r}. "
                f"The job wrote {', '.join(names[:10]) or 'nothing'} to /data/outputs. "
                "Correct the algorithm, or `files` of the edge."
            )


def failure(job: ComputeJob, node_id: str, url: str, log_tail: Sequence[str]) -> errors.DeflowError:
    """The error that explains a job that did not succeed; `log_tail` ends its algorithm log."""
    what = f"{node_id!r} on {url}: {job.ended_because}"
    if job.outcome == "stopped":
        return errors.JobStopped(
            f"{what}\n  job   {job.job_id}\n  hint  {job.hint or 'Clear the task to run it again.'}"
        )
    lines = "\n".join(f"  | {line}" for line in log_tail) or "  | (it is empty)"
    kind = errors.JobNotRun if job.final_status in NODE_FAULTS else errors.JobFailed
    return kind(
        f"{what}\n  job   {job.job_id}\n  log   its last lines\n{lines}\n  hint  {job.hint}",
        job=job,
        stage=job.stage,
        log_tail=tuple(log_tail),
        hint=job.hint,
    )
