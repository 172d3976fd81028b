# SPDX-License-Identifier: Apache-2.0
"""One compute job of one node of a run: found or started, stopped, fetched, explained.

At most one job of a node is alive at any time (rule 1). Each start carries in its `metadata` a key
that only the wallet's holder can compute. Before a start is sent the intent is remembered; whoever
comes later, a retry after a crash among them, computes the same key and finds the job by it. What
happens to the job that is found stands in the table of `generations`.

What remembers across attempts is a `Memory` (Airflow's task state store in a task). It makes things
faster and safer, but is not needed: without it the keys are still found on the Ocean Node. Only a
person's wish for a new job is known to it alone, so that a retry does not start yet another.

This module knows no Airflow. Times are epoch seconds.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from airflow_provider_deflow import errors, generations
from airflow_provider_deflow.job_ends import end_job_of_other_inputs, until_over
from airflow_provider_deflow.job_search import METADATA_KEY, Search
from airflow_provider_deflow.ocean import outputs as ocean_outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_deflow.job_orders import Orders
    from airflow_provider_deflow.job_search import NodeOfRun
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeJob, JobRequest
    from airflow_provider_deflow.ocean.job_records import JobRecord
    from airflow_provider_deflow.signing import Signer

MEMORY_KEY = "deflow_job"
# The key of the job that was last seen over.
OVER_KEY = "deflow_job_over"
LOG_TAIL_LINES = 20
# Ends that are the Ocean Node's own, not the drawing's or the algorithm's; see the status table.
# 32 among them: so ends a job whose container was gone when its Ocean Node came back.
NODE_FAULTS = frozenset({2, 11, 21, 22, 31, 32, 33, 61, 62})


class Memory(Protocol):
    """What outlives an attempt of a task: JSON values by name."""

    def get(self, key: str, default: Any = None) -> Any:
        """The value last set, or `default`."""

    def set(self, key: str, value: Any) -> None:
        """Keep a value."""


class Starts(Protocol):
    """How jobs of a node are started: free, or paid."""

    def start(
        self, search: Search, key: str, request: JobRequest, intend: Callable[[], None], *, forced: bool
    ) -> ComputeJob:
        """Start the job of `key`; `intend` is called when nothing but the send is left to do."""

    def found(self, key: str, job: ComputeJob) -> None:
        """The job of `key` answers for the node."""

    def not_found(self, search: Search, key: str) -> None:
        """A start of `key` was not confirmed, and no job will appear."""


class FreeStarts:
    """Nothing is paid for the job, so nothing is to be known of it but that it is there.

    `orders` sees to what it uses by DID; an asset's publisher is paid, if only with a free datatoken.
    """

    def __init__(self, orders: Orders | None = None) -> None:
        self._orders = orders

    def start(
        self, search: Search, key: str, request: JobRequest, intend: Callable[[], None], *, forced: bool
    ) -> ComputeJob:
        if self._orders is not None:
            request = self._orders.placed(search.ocean_node, request)
        return search.ocean_node.start_free(request, before_send=intend)

    def found(self, key: str, job: ComputeJob) -> None:
        pass

    def not_found(self, search: Search, key: str) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Found:
    """The job that answers for a node: `how` is `started`, `followed` or `reused`, `why` says what for."""

    job: ComputeJob
    generation: int
    how: str
    why: str = ""


def _none(_: object) -> str:
    """No disagreement: the key alone decides."""
    return ""


def wants_new(memory: Memory, wish: str) -> bool:
    """Whether a person's `wish` for a new job has not been met by an attempt before."""
    return bool(wish) and (memory.get(MEMORY_KEY) or {}).get("wish") != wish


def remember_over(memory: Memory) -> None:
    """The node's job was seen over: nobody has to be asked about it any more."""
    if remembered := memory.get(MEMORY_KEY):
        memory.set(OVER_KEY, remembered["key"])


def may_live(memory: Memory) -> dict[str, Any]:
    """What is remembered of a job, or of a start that was sent; empty when none of it can be alive."""
    remembered: dict[str, Any] = memory.get(MEMORY_KEY) or {}
    was_sent = remembered.get("job_id") or remembered.get("sent_at")
    if not was_sent or memory.get(OVER_KEY) == remembered["key"]:
        return {}
    return remembered


def find_or_start(
    ocean_node: OceanNode,
    signer: Signer,
    node: NodeOfRun,
    inputs_sha256: str,
    request: Callable[[], JobRequest],
    memory: Memory,
    *,
    say: Callable[[str], None],
    elsewhere: Callable[[str], OceanNode],
    leave: Callable[[str, str, str], None],
    occasion: generations.Occasion = "first try",
    wish: str = "",
    disagreement: Callable[[JobRecord], str] = _none,
    starts: Starts | None = None,
    wait: Callable[[float], None] = time.sleep,
    poll_interval_seconds: float = 5.0,
) -> Found:
    """The one job that answers for `node`, started only when none does.

    `request` is called once it is clear that a start is needed; it may cost requests of its own.
    `occasion` is why Airflow runs the task. `wish` names a person's wish for a new job (`force_new`): one
    generation is started for it, whatever is there, and none by the retries that carry the same one.
    `elsewhere` makes a client of the Ocean Node with that URL, for a job that was started when the connection
    named another one. If that one does not answer, only a new wish starts a job beside it: `leave` is told.
    `disagreement` says what of a job that carries our key is not what the node asks for. `starts` starts paid
    jobs; without it they are free.

    Raises what the Ocean Node's client raises, and `JobDisagrees`. After an unconfirmed send the job is
    looked for until `UNCONFIRMED_SECONDS` are over: the same key is never sent twice while it may be alive.
    """
    starts = starts or FreeStarts()
    remembered = memory.get(MEMORY_KEY) or {}
    met = remembered.get("wish", "")
    if wants_new(memory, wish):
        # Whatever the job is that makes place, it is not taken.
        occasion, disagreement = "force_new", _none
    search = Search(ocean_node, signer, node, inputs_sha256, disagreement, say, wait)
    if remembered.get("inputs") not in (None, inputs_sha256):
        if earlier := may_live(memory):
            way_out = leave if occasion == "force_new" else None
            if end_job_of_other_inputs(search, earlier, poll_interval_seconds, elsewhere, way_out):
                remember_over(memory)
        remembered = {}
    generation, job, was_there = search.latest(remembered)
    state = generations.state_of(job, was_there=was_there)
    step = generations.TABLE[state, occasion]
    if job is not None and step in ("wait", "stop"):
        asked = job.job_id
        if step == "stop":
            say(f"job {asked} is to make place for a new one: stopping it first")
            job = until_over(ocean_node, job, lambda: ocean_node.stop(asked), wait, poll_interval_seconds)
        else:
            say(f"job {asked} of this node was asked to stop: waiting for its end")
            job = until_over(ocean_node, job, lambda: None, wait, poll_interval_seconds)
        state = generations.state_of(job, was_there=True)
        step = generations.TABLE[state, occasion]
    why = _why(state, occasion, generation, job)
    say(why)
    if job is not None and step in ("follow", "reuse"):
        _remember(memory, search, generation, job.job_id, met)
        starts.found(search.key(generation), job)
        return Found(job, generation, "followed" if step == "follow" else "reused", why)
    if step == "next":
        generation += 1
    forced = occasion == "force_new"
    return _start(search, generation, request(), memory, wish if forced else met, why, starts, forced=forced)


def _why(
    state: generations.State, occasion: generations.Occasion, generation: int, job: ComputeJob | None
) -> str:
    """One sentence for the log and for who asks why a node ran: what was found, and what follows."""
    what = f"{occasion}: "
    if state == "none":
        return f"{what}no job answers for this node yet: starting one"
    if state == "vanished" or job is None:
        return (
            f"{what}generation {generation} is not known to the Ocean Node any more: the next one may start"
        )
    if state == "live" and occasion != "force_new":
        return f"{what}job {job.job_id} is already there ({job.status_text.strip()}): following it"
    if state == "succeeded" and occasion != "force_new":
        return f"{what}job {job.job_id} has already succeeded with the same inputs: reusing it"
    return (
        f"{what}job {job.job_id} (generation {generation}): {job.ended_because} The next generation may start"
    )


def _start(
    search: Search,
    generation: int,
    request: JobRequest,
    memory: Memory,
    wish: str,
    why: str,
    starts: Starts,
    *,
    forced: bool,
) -> Found:
    key = search.key(generation)

    def intend() -> None:
        _remember(memory, search, generation, None, wish)

    try:
        job = starts.start(search, key, replace(request, metadata={METADATA_KEY: key}), intend, forced=forced)
    except errors.OceanNodeBusy as error:
        if error.retry_after_seconds is not None:
            # The rate limit stands before the node: nothing has been begun, so nothing is to be looked for.
            _remember(memory, search, generation, None, wish, sent_at=0.0)
        raise
    except errors.OceanNodeUnreachable as error:
        if not error.may_have_arrived:
            # No byte has left, so here too the next try has nothing to look for.
            _remember(memory, search, generation, None, wish, sent_at=0.0)
            raise
        search.say(f"no answer to the start ({error}): looking for the job before anything is sent again")
        # From now: the reply may have been lost long after the request was sent.
        found = search.look_until_certain(key, time.time())
        if found is None:
            starts.not_found(search, key)
            raise
        starts.found(key, found)
        job = found
    _remember(memory, search, generation, job.job_id, wish)
    return Found(job, generation, "started", why)


def _remember(
    memory: Memory,
    search: Search,
    generation: int,
    job_id: str | None,
    wish: str,
    sent_at: float | None = None,
) -> None:
    memory.set(
        MEMORY_KEY,
        {
            "generation": generation,
            "inputs": search.inputs_sha256,
            "key": search.key(generation),
            "job_id": job_id,
            "sent_at": time.time() if sent_at is None else sent_at,
            "url": search.ocean_node.url,
            "wish": wish,
        },
    )


def sha256_of(value: object) -> str:
    """The hash of a JSON value, the same however its keys are ordered."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def fetch_outputs(
    ocean_node: OceanNode,
    job: ComputeJob,
    store: ocean_outputs.ContentStore,
    within_seconds: float = math.inf,
) -> ocean_outputs.Outputs:
    """Download `outputs.tar`, check it, and keep its files; one request for the archive.

    The archive passes through a temporary file, so memory stays bounded and a short download can be
    fetched anew. Raises `HostileArchive`, or `IncompleteDownload`, also when it takes longer than it may.
    """
    with tempfile.TemporaryFile(prefix="deflow-outputs-") as archive:
        in_time = _InTime(archive, within_seconds, f"job {job.job_id} on {ocean_node.url}")
        download = ocean_node.download(job, "output", cast("BinaryIO", in_time))
        archive.seek(0)
        return ocean_outputs.unpack(
            archive, store, archive_sha256=download.sha256, archive_size=download.size
        )


class _InTime:
    """A file that takes nothing any more when its time is over."""

    def __init__(self, file: BinaryIO, seconds: float, whose: str) -> None:
        self.seek, self.tell, self.truncate = file.seek, file.tell, file.truncate
        self._file = file
        self._seconds = seconds
        self._whose = whose
        self._over_at = time.monotonic() + seconds

    def write(self, chunk: bytes) -> int:
        if time.monotonic() >= self._over_at:
            raise errors.IncompleteDownload(
                f"outputs.tar of {self._whose} did not come whole within {self._seconds:.0f} s"
            )
        return self._file.write(chunk)


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
