# SPDX-License-Identifier: Apache-2.0
"""A compute job as an Ocean Node tells it, and the one place that decides how it ended.

`ComputeJob.outcome` is that place. A job is over when the node says when (`dateFinished`); the
status number alone proves nothing, because 70 and 71 end failed, stopped and timed out jobs too.
Environments and status words are re-exported, so that this module holds all of a job's vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from datetime import datetime
from typing import Any, Literal, Self

from airflow_provider_deflow.ocean import endings, fields, statuses
from airflow_provider_deflow.ocean.access import Access
from airflow_provider_deflow.ocean.assets import UsedAsset
from airflow_provider_deflow.ocean.choosing import Demand, Offer, choose_environment
from airflow_provider_deflow.ocean.environments import ComputeEnvironment, Resource
from airflow_provider_deflow.ocean.payments import JobPayment, Terms
from airflow_provider_deflow.ocean.statuses import STATUS_TEXTS

__all__ = [
    "STATUS_TEXTS",
    "Access",
    "ComputeEnvironment",
    "ComputeJob",
    "Demand",
    "JobRequest",
    "JobResult",
    "Offer",
    "Outcome",
    "Resource",
    "choose_environment",
    "prefixed_job_id",
]

Outcome = Literal["succeeded", "failed", "stopped"]

# How a stop during a pull or a build shows; the record then often has lost its stopRequested.
_ABORTED_IMAGE = frozenset({11, 13})


@dataclass(frozen=True, slots=True)
class JobResult:
    """One file a job left; `index` shifts while the job runs, so look it up by `type`."""

    type: str
    index: int
    filename: str
    size: int


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What to start. `algorithm` and `datasets` are in the node's own form.

    Outputs stay on the node unless `output` (see `remote_output`) or `output_bucket_id` says where else
    they go; one of both. What goes into a bucket can only be read by other jobs, never downloaded.
    `additional_viewers` may fetch the results too. `terms` is None for a free job. `assets` are what
    `algorithm` and `datasets` name by DID. `platform` is the environment's, as `os/architecture`, empty when
    it is not known; it is not sent.
    """

    environment: str
    algorithm: Mapping[str, Any]
    datasets: tuple[Mapping[str, Any], ...] | list[Mapping[str, Any]] = ()
    resources: Mapping[str, float] = field(default_factory=dict)
    max_duration_seconds: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    consumer_address: str | None = None
    queue_max_wait_seconds: int = 0
    output: str = ""
    output_bucket_id: str = ""
    additional_viewers: tuple[str, ...] = ()
    encrypted_registry_auth: str = ""
    terms: Terms | None = None
    assets: tuple[UsedAsset, ...] = ()
    platform: str = ""


@dataclass(frozen=True, slots=True)
class ComputeJob:
    """A job at one moment.

    `results_listed` is False where a reply leaves the results out (`jobs`, stop): then `results` is
    empty and says nothing. `payment` is None for a free job, and `job_id_hash` names a paid one in the
    escrow. `first_final_status` and `stopped_before_end` come from watching, see
    `seen_after`; None means that nobody watched. `output_expected` is False for a job whose outputs
    go to a bucket or elsewhere.
    """

    job_id: str
    owner: str
    environment: str
    status: int
    status_text: str
    created: datetime | None
    finished: datetime | None
    exit_code: int | None
    oom_killed: bool
    stop_requested: bool
    max_duration_seconds: float
    algo_started: datetime | None
    algo_stopped: datetime | None
    results: tuple[JobResult, ...]
    metadata: Mapping[str, Any]
    is_free: bool
    resources: Mapping[str, float]
    payment: JobPayment | None = None
    job_id_hash: str = ""
    results_listed: bool = True
    output_expected: bool = True
    first_final_status: int | None = None
    stopped_before_end: bool | None = None

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "a compute job")
        environment = fields.text(reply, "environment")
        ending = fields.as_object(reply.get("terminationDetails") or {}, "'terminationDetails'")
        listed = reply.get("results")
        metadata = reply.get("metadata")
        return cls(
            job_id=prefixed_job_id(fields.text(reply, "jobId"), environment),
            owner=fields.text(reply, "owner"),
            environment=environment,
            status=fields.integer(reply, "status"),
            status_text=str(reply.get("statusText") or ""),
            created=fields.moment(reply, "dateCreated"),
            finished=fields.moment(reply, "dateFinished"),
            exit_code=None if ending.get("exitCode") is None else fields.integer(ending, "exitCode"),
            oom_killed=ending.get("OOMKilled") is True,
            stop_requested=bool(reply.get("stopRequested")),
            max_duration_seconds=fields.number(reply, "maxJobDuration", 0),
            algo_started=fields.moment(reply, "algoStartTimestamp"),
            algo_stopped=fields.moment(reply, "algoStopTimestamp"),
            results=() if listed is None else _results(listed),
            metadata=dict(metadata) if isinstance(metadata, Mapping) else {},
            is_free=bool(reply.get("isFree")),
            resources=_amounts(reply.get("resources") or []),
            payment=None if reply.get("payment") is None else JobPayment.from_reply(reply["payment"]),
            job_id_hash=str(reply.get("jobIdHash") or ""),
            results_listed=listed is not None,
            output_expected=not (reply.get("output") or reply.get("outputBucketId")),
        )

    def to_document(self) -> dict[str, Any]:
        """Plain JSON, small enough for a trigger's event."""
        document: dict[str, Any] = {f.name: getattr(self, f.name) for f in dataclass_fields(self)}
        for name in _MOMENTS:
            document[name] = document[name] and document[name].isoformat()
        document["results"] = [[r.type, r.index, r.filename, r.size] for r in self.results]
        document["metadata"] = dict(self.metadata)
        document["resources"] = dict(self.resources)
        document["payment"] = self.payment and self.payment.to_document()
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        values = dict(document)
        for name in _MOMENTS:
            values[name] = values[name] and datetime.fromisoformat(values[name])
        values["results"] = tuple(JobResult(*result) for result in values["results"])
        # Documents of an earlier release have none.
        payment = values.get("payment")
        values["payment"] = None if payment is None else JobPayment.from_document(payment)
        return cls(**values)

    def seen_after(self, earlier: ComputeJob | None) -> Self:
        """This state, with what an earlier look at the same job saw and the node forgets.

        An hourly cron of the node turns 41, 42 and 62 into 70, and a stop marks even a job that is
        long over: only the first final status, and a stop seen before the end, tell what happened.
        """
        if earlier is None:
            return self
        first = earlier.first_final_status
        if first is None and earlier.is_over:
            first = earlier.status
        stopped = earlier.stopped_before_end
        if stopped is None and earlier.stop_requested and not earlier.is_over:
            stopped = True
        return replace(
            self,
            first_final_status=self.first_final_status if first is None else first,
            stopped_before_end=self.stopped_before_end if stopped is None else stopped,
            # Only the start knows that the outputs went elsewhere.
            output_expected=self.output_expected and earlier.output_expected,
        )

    @property
    def is_over(self) -> bool:
        """Nodes of 2025 end at 70 without saying when."""
        return self.finished is not None or self.status == statuses.FINISHED

    @property
    def final_status(self) -> int:
        return self.status if self.first_final_status is None else self.first_final_status

    @property
    def timed_out(self) -> bool:
        """Inferred, the node does not say: killed after at least its whole time, and not for memory.

        A long run with exit code 0 is no timeout: a node whose engine stalls notices the end late.
        """
        if self.algo_started is None or self.algo_stopped is None or self.max_duration_seconds <= 0:
            return False
        ran_seconds = (self.algo_stopped - self.algo_started).total_seconds()
        return (
            self.exit_code in statuses.KILLED
            and not self.oom_killed
            and ran_seconds >= self.max_duration_seconds
        )

    @property
    def outcome(self) -> Outcome | None:
        """How it ended, None while it runs; what is not known to be good has failed.

        A stop that was seen, or sent by us, before the end (`stopped_before_end`) is "stopped"
        whatever the exit code: an algorithm may catch the signal and leave half an output with 0.
        When nobody watched, `stop_requested` alone may have come after the end, so the exit code
        speaks: 0 succeeded, killed is "stopped", anything else failed by itself.
        """
        if not self.is_over:
            return None
        if self.stopped_before_end:
            return "stopped"
        if self._succeeded:
            return "succeeded"
        stop_may_explain = self.stop_requested and self.stopped_before_end is None and not self.oom_killed
        if stop_may_explain and not self.timed_out:
            killed = self.exit_code in statuses.KILLED
            if killed or (self.exit_code is None and self.final_status in _ABORTED_IMAGE):
                return "stopped"
        return "failed"

    @property
    def _succeeded(self) -> bool:
        ended_well = self.final_status in (statuses.FINISHED, statuses.SETTLING)
        # Where results are not listed the download proves the output, see OceanNode.download.
        has_output = not self.output_expected or not self.results_listed or self.result("output") is not None
        return ended_well and self.exit_code == 0 and not self.oom_killed and has_output

    def result(self, type_: str) -> JobResult | None:
        return next((result for result in self.results if result.type == type_), None)

    @property
    def stage(self) -> str:
        """What it is doing, or was doing when it ended."""
        return endings.stage(self)

    @property
    def ended_because(self) -> str:
        """One sentence for the user: how it ended, or what it is doing."""
        return endings.sentence(self)

    @property
    def hint(self) -> str:
        """What to do about a bad end; empty when there is nothing to do."""
        return "" if self.outcome in (None, "succeeded") else endings.reason(self).hint


_MOMENTS = ("created", "finished", "algo_started", "algo_stopped")


def prefixed_job_id(job_id: str, environment: str) -> str:
    """`<cluster hash>-<64 hex>`: what every request must carry, though most replies leave the hash out.

    Asked for a bare id, a node answers with the jobs of all its users.
    """
    return job_id if "-" in job_id else f"{environment.split('-', 1)[0]}-{job_id}"


def _results(listed: object) -> tuple[JobResult, ...]:
    items = [fields.as_object(item, "a result") for item in fields.as_list(listed, "'results'")]
    return tuple(
        JobResult(
            type=fields.text(item, "type"),
            index=fields.integer(item, "index"),
            filename=str(item.get("filename") or ""),
            size=fields.integer(item, "filesize"),
        )
        for item in items
    )


def _amounts(resources: object) -> dict[str, float]:
    """Amounts that are not numbers are left out: a node takes "many" at the start, and runs the job."""
    items = [fields.as_object(item, "a resource") for item in fields.as_list(resources, "'resources'")]
    return {str(i.get("id")): i["amount"] for i in items if isinstance(i.get("amount"), (int, float))}
