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
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_deflow import errors, generations
from airflow_provider_deflow.ocean import job_records
from airflow_provider_deflow.ocean import outputs as ocean_outputs
from airflow_provider_deflow.ocean.client import OceanNode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_deflow.ocean.compute import ComputeJob, JobRequest
    from airflow_provider_deflow.ocean.job_records import JobRecord
    from airflow_provider_deflow.signing import Signer

METADATA_KEY = "deflow"
MEMORY_KEY = "deflow_job"
# A start whose reply was lost may still be at work on the node: it pulls manifests and writes the
# job before it answers. Until this long after the send, no job found proves nothing.
UNCONFIRMED_SECONDS = 90.0
# Jobs expire on the Ocean Node, the oldest first: so many generations may be gone before one that is there.
GENERATIONS_AHEAD = 8
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
    """The job that answers for a node: `how` is `started`, `followed` or `reused`, `why` says what for."""

    job: ComputeJob
    generation: int
    how: str
    why: str = ""


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


def _none(_: object) -> str:
    """No disagreement: the key alone decides."""
    return ""


def wants_new(memory: Memory, wish: str) -> bool:
    """Whether a person's `wish` for a new job has not been met by an attempt before."""
    return bool(wish) and (memory.get(MEMORY_KEY) or {}).get("wish") != wish


def find_or_start(
    ocean_node: OceanNode,
    signer: Signer,
    node: NodeOfRun,
    inputs_sha256: str,
    request: Callable[[], JobRequest],
    memory: Memory,
    *,
    say: Callable[[str], None],
    occasion: generations.Occasion = "first try",
    wish: str = "",
    disagreement: Callable[[JobRecord], str] = _none,
    wait: Callable[[float], None] = time.sleep,
    poll_interval_seconds: float = 5.0,
) -> Found:
    """The one job that answers for `node`, started only when none does.

    `request` is called once it is clear that a start is needed; it may cost requests of its own.
    `occasion` is why Airflow runs the task. `wish` names a person's wish for a new job (`force_new`): one
    generation is started for it, whatever is there, and none by the retries that carry the same one.
    `disagreement` says what of a job that carries our key is not what the node asks for.

    Raises what the Ocean Node's client raises, and `JobDisagrees`. After an unconfirmed send the job is
    looked for until `UNCONFIRMED_SECONDS` are over: the same key is never sent twice while it may be alive.
    """
    remembered = memory.get(MEMORY_KEY) or {}
    met = remembered.get("wish", "")
    if wants_new(memory, wish):
        # Whatever the job is that makes place, it is not taken.
        occasion, disagreement = "force_new", _none
    search = _Search(ocean_node, signer, node, inputs_sha256, disagreement, say, wait)
    if remembered.get("inputs") not in (None, inputs_sha256):
        _end_job_of_other_inputs(search, remembered, poll_interval_seconds)
        remembered = {}
    generation, job, was_there = search.latest(remembered)
    state = generations.state_of(job, was_there=was_there)
    step = generations.TABLE[state, occasion]
    if job is not None and step in ("wait", "stop"):
        asked = job.job_id
        if step == "stop":
            say(f"job {asked} is to make place for a new one: stopping it first")
            job = _until_over(ocean_node, job, lambda: ocean_node.stop(asked), wait, poll_interval_seconds)
        else:
            say(f"job {asked} of this node was asked to stop: waiting for its end")
            job = _until_over(ocean_node, job, lambda: None, wait, poll_interval_seconds)
        state = generations.state_of(job, was_there=True)
        step = generations.TABLE[state, occasion]
    why = _why(state, occasion, generation, job)
    say(why)
    if job is not None and step in ("follow", "reuse"):
        _remember(memory, search, generation, job.job_id, met)
        return Found(job, generation, "followed" if step == "follow" else "reused", why)
    if step == "next":
        generation += 1
    return _start(search, generation, request(), memory, wish if occasion == "force_new" else met, why)


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
    search: _Search, generation: int, request: JobRequest, memory: Memory, wish: str, why: str
) -> Found:
    ocean_node, key = search.ocean_node, search.key(generation)

    def intend() -> None:
        _remember(memory, search, generation, None, wish)

    try:
        job = ocean_node.start_free(replace(request, metadata={METADATA_KEY: key}), before_send=intend)
    except errors.OceanNodeBusy as error:
        if error.retry_after_seconds is not None:
            # The rate limit stands before the node: nothing has been begun, so nothing is to be looked for.
            _remember(memory, search, generation, None, wish, sent_at=0.0)
        raise
    except errors.OceanNodeUnreachable as error:
        if not error.may_have_arrived:
            raise
        search.say(f"no answer to the start ({error}): looking for the job before anything is sent again")
        # From now: the reply may have been lost long after the request was sent.
        found = search.look_until_certain(key, time.time())
        if found is None:
            raise
        job = found
    _remember(memory, search, generation, job.job_id, wish)
    return Found(job, generation, "started", why)


@dataclass(frozen=True, slots=True)
class _Search:
    """The jobs of one node of a run with certain inputs, as its Ocean Node lists them."""

    ocean_node: OceanNode
    signer: Signer
    node: NodeOfRun
    inputs_sha256: str
    disagreement: Callable[[JobRecord], str]
    say: Callable[[str], None]
    wait: Callable[[float], None]

    def key(self, generation: int) -> str:
        return key_of(self.signer, self.node, self.inputs_sha256, generation)

    def latest(self, remembered: Mapping[str, Any]) -> tuple[int, ComputeJob | None, bool]:
        """The latest generation, its job as the Ocean Node has it, and whether one was confirmed before.

        Never one before the remembered generation, which may have been started because of its end.
        """
        records = self._records()
        generation = first = int(remembered.get("generation", 0))
        job = None
        ahead = first
        while records and ahead <= generation + GENERATIONS_AHEAD:
            if here := self._of_key(records, self.key(ahead)):
                generation, job = ahead, here
            ahead += 1
        confirmed = remembered.get("job_id")
        if job is None and confirmed:
            # One listing without it could be the fault of the listing: ask for the job itself.
            job = self.ocean_node.status(confirmed)
        elif job is None and "sent_at" in remembered:
            job = self.look_until_certain(self.key(generation), float(remembered["sent_at"]))
        if job is not None and job.outcome == "succeeded" and not job.results_listed:
            # The listing leaves out whether there are outputs.
            told = self.ocean_node.status(job.job_id)
            return generation, told and told.seen_after(job), True
        return generation, job, bool(confirmed)

    def look_until_certain(self, key: str, sent_at: float) -> ComputeJob | None:
        """The job of a start that was not confirmed, or None when it is certain that there will be none."""
        certain_at = sent_at + UNCONFIRMED_SECONDS
        pause = 1.0
        while True:
            certain = time.time() >= certain_at
            try:
                job = self._of_key(self._records(), key)
            except (errors.OceanNodeUnreachable, errors.OceanNodeBusy):
                if certain:
                    raise
                job = None
            if job is not None or certain:
                return job
            self.say(
                f"an earlier start was not confirmed: looking again for {certain_at - time.time():.0f} s"
            )
            self.wait(pause)
            pause = min(pause * 2, 15.0)

    def _records(self) -> list[JobRecord]:
        listed = self.ocean_node.ask(job_records.of_wallet(self.signer.address))
        return [record for record in listed if METADATA_KEY in record.job.metadata]

    def _of_key(self, records: Sequence[JobRecord], key: str) -> ComputeJob | None:
        matches = [record for record in records if record.job.metadata[METADATA_KEY] == key]
        for record in matches:
            if other := self.disagreement(record):
                raise errors.JobDisagrees(
                    f"{self.node.node_id!r} on {self.ocean_node.url}: job {record.job.job_id} carries this "
                    f"node's key, but is not what it asks for: {other}. It is not taken, and none is started "
                    "beside it. Find out who started it; `force_new` stops it and starts another."
                )
        # Two jobs of one key cannot be made by us; should a node show one, the living or latest counts.
        jobs = [record.job for record in matches]
        return max(jobs, key=lambda job: (not job.is_over, str(job.created)), default=None)


def _end_job_of_other_inputs(
    search: _Search, remembered: Mapping[str, Any], poll_interval_seconds: float
) -> None:
    """A clear can change the inputs while the earlier job still runs: it has to end first.

    It ran where the connection pointed then, which may be another Ocean Node than now.
    """
    url = remembered.get("url", search.ocean_node.url)
    there = search.ocean_node if url == search.ocean_node.url else OceanNode(url, search.signer)
    if job_id := remembered.get("job_id"):
        job = there.status(job_id)
    else:
        # It answers for other inputs, so it need not agree with these.
        earlier = replace(search, ocean_node=there, disagreement=_none)
        job = earlier.look_until_certain(remembered["key"], float(remembered["sent_at"]))
    if job is not None and not job.is_over:
        search.say(f"job {job.job_id} of this node runs on other inputs: stopping it first")
        running = job.job_id
        _until_over(there, job, lambda: there.stop(running), search.wait, poll_interval_seconds)


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
    memory: Memory,
    search: _Search,
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
