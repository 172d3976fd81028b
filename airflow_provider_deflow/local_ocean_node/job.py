# SPDX-License-Identifier: Apache-2.0
"""A compute job as the node keeps it, and the three ways it is written into replies.

A start answers with the prefixed id and the request's fields; status and stop read the row back, with
the bare id, in another order and with the columns that are always null; `jobs`, open to everybody, gives
the whole row with the algorithm (without its code and environment) and the datasets as they were sent.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from airflow_provider_deflow.local_ocean_node.javascript import now_text
from airflow_provider_deflow.ocean.compute import STATUS_TEXTS


class Status(IntEnum):
    """What a job can be at; 71 and 70 say that the work is over, not that it succeeded."""

    STARTED = 0
    QUEUED = 1
    EXPIRED_IN_QUEUE = 2
    PULLING = 10
    PULL_FAILED = 11
    CREATING = 20
    VOLUME_FAILED = 21
    CREATE_FAILED = 22
    PROVISIONING = 30
    DATA_FAILED = 31
    ALGORITHM_FAILED = 32
    DATA_UPLOAD_FAILED = 33
    RUNNING = 40
    START_FAILED = 41
    OVER_DISK_QUOTA = 42
    PUBLISHING = 60
    RESULTS_FAILED = 62
    FINISHED = 70
    SETTLING = 71


@dataclass(frozen=True, slots=True)
class Job:
    """One job; times are the node's texts, "0" for not yet."""

    job_id: str
    owner: str
    environment: str
    status: int
    image: str
    algorithm: dict[str, Any]
    datasets: list[dict[str, Any]]
    resources: list[dict[str, Any]]
    max_duration: Any
    metadata: Any
    additional_viewers: Any
    queue_max_wait: Any
    output_bucket_id: str | None
    # As it came: encrypted for the node.
    output: str | None = None
    # Chain, token and transactions of a paid one.
    payment: dict[str, Any] | None = None
    # The last sample of what it used; taken by the next major version only.
    runtime_metrics: dict[str, Any] | None = None
    created: str = field(default_factory=now_text)
    finished: str | None = None
    stop_requested: bool = False
    # In the node's sense: from the start to the container's end. An open job at 60 is not running.
    is_running: bool = True
    is_started: bool = False
    algorithm_started: str = "0"
    algorithm_stopped: str = "0"
    exit_code: int | None = None
    oom_killed: bool | None = None

    @property
    def is_free(self) -> bool:
        return self.payment is None

    def amount(self, resource: str) -> float:
        """What it was given of a resource; an amount that is no number counts as nothing."""
        for entry in self.resources:
            if entry["id"] == resource and isinstance(entry["amount"], (int, float)):
                return float(entry["amount"])
        return 0.0

    def start_reply(self, cluster_hash: str) -> dict[str, Any]:
        return {
            "owner": self.owner,
            "jobId": f"{cluster_hash}-{self.job_id}",
            "jobIdHash": self._id_hash,
            "dateCreated": self.created,
            "dateFinished": self.finished,
            "status": self.status,
            "statusText": STATUS_TEXTS[self.status],
            "results": [],
            "maxJobDuration": self.max_duration,
            "environment": self.environment,
            "stopRequested": self.stop_requested,
            "resources": self.resources,
            "isFree": self.is_free,
            "algoStartTimestamp": self.algorithm_started,
            "algoStopTimestamp": self.algorithm_stopped,
            "payment": self.payment,
            "metadata": self.metadata,
            "additionalViewers": self.additional_viewers,
            "terminationDetails": self._termination,
            "algoDuration": 0,
            "queueMaxWaitTime": self.queue_max_wait,
            "buildStartTimestamp": "0",
            "buildStopTimestamp": "0",
        }

    def status_reply(
        self, results: list[dict[str, Any]] | None, *, with_metrics: bool = False
    ) -> dict[str, Any]:
        return {
            **self._row(results),
            "stopRequested": self.stop_requested,
            "resources": self.resources,
            "isFree": self.is_free,
            "algoStartTimestamp": self.algorithm_started,
            "algoStopTimestamp": self.algorithm_stopped,
            **self._tail(),
            "jobIdHash": self._id_hash,
            "buildStartTimestamp": "0",
            "buildStopTimestamp": "0",
            **({"runtimeMetrics": self.runtime_metrics} if with_metrics and self.runtime_metrics else {}),
            "maxJobDuration": self.max_duration,
        }

    def listing_reply(self, cluster_hash: str) -> dict[str, Any]:
        # Encrypted, but there for everybody to see.
        given = {
            "output": self.output,
            "outputBucketId": self.output_bucket_id,
        }
        return {
            **self._row(None),
            "clusterHash": cluster_hash,
            "configlogURL": None,
            "publishlogURL": None,
            "algologURL": None,
            "outputsURL": None,
            "stopRequested": self.stop_requested,
            "algorithm": self._public_algorithm(),
            "assets": self.datasets,
            "isRunning": self.is_running,
            "isStarted": self.is_started,
            "containerImage": self.image,
            "resources": self.resources,
            "isFree": self.is_free,
            "algoStartTimestamp": self.algorithm_started,
            "algoStopTimestamp": self.algorithm_stopped,
            **self._tail(),
            **{name: value for name, value in given.items() if value is not None},
            "jobIdHash": self._id_hash,
            "buildStartTimestamp": "0",
            "buildStopTimestamp": "0",
            "maxJobDuration": self.max_duration,
        }

    @property
    def keeps_outputs_here(self) -> bool:
        return self.output is None and self.output_bucket_id is None

    @property
    def _id_hash(self) -> str:
        return "0x" + hashlib.sha256(self.job_id.encode()).hexdigest()

    @property
    def _termination(self) -> dict[str, Any]:
        return {"exitCode": self.exit_code, "OOMKilled": self.oom_killed}

    def _row(self, results: list[dict[str, Any]] | None) -> dict[str, Any]:
        return {
            "owner": self.owner,
            "did": None,
            "jobId": self.job_id,
            "dateCreated": self.created,
            "dateFinished": self.finished,
            "status": self.status,
            "statusText": STATUS_TEXTS[self.status],
            "results": results,
            "inputDID": None,
            "algoDID": None,
            "agreementId": None,
            "environment": self.environment,
        }

    def _tail(self) -> dict[str, Any]:
        return {
            "metadata": self.metadata,
            "additionalViewers": self.additional_viewers,
            "terminationDetails": self._termination,
            "payment": self.payment,
            "algoDuration": 0,
            "queueMaxWaitTime": self.queue_max_wait,
        }

    def _public_algorithm(self) -> dict[str, Any]:
        public = {key: value for key, value in self.algorithm.items() if key not in ("envs", "meta")}
        meta = self.algorithm.get("meta")
        if meta:
            public["meta"] = {key: value for key, value in meta.items() if key != "rawcode"}
        return public
