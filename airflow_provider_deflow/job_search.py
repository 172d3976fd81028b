# SPDX-License-Identifier: Apache-2.0
"""A node's job found on its Ocean Node, by the key that each start carries in its metadata.

The key names dag, run, node, map index, the inputs' hash and the generation, and only the wallet's holder
can compute it. One listing of the wallet's jobs shows all generations. What is done about the job that is
found is decided in `jobs`.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import job_records

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeJob
    from airflow_provider_deflow.ocean.job_records import JobRecord
    from airflow_provider_deflow.signing import Signer

METADATA_KEY = "deflow"
# A start whose reply was lost may still be at work on the node: it pulls manifests and writes the
# job before it answers. Until this long after the send, no job found proves nothing.
UNCONFIRMED_SECONDS = 90.0
# Jobs expire on the Ocean Node, the oldest first: so many generations may be gone before one that is there.
GENERATIONS_AHEAD = 8


@dataclass(frozen=True, slots=True)
class NodeOfRun:
    """Which node of which run a job belongs to."""

    dag_id: str
    run_id: str
    node_id: str
    map_index: int = -1


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


@dataclass(frozen=True, slots=True)
class Search:
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
