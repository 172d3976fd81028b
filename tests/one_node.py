# SPDX-License-Identifier: Apache-2.0
"""A running local Ocean Node as `jobs` sees it, for tests of one node of a run without Airflow.

Time passes only where the node needs it: what would be waited for is a function that looks at the node.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from airflow_provider_deflow import job_search, jobs
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.compute import ComputeJob, JobRequest
from airflow_provider_deflow.signing import KeySigner
from tests import proxy
from tests.local_ocean_node.running import KEYS

SLEEP = "import time; time.sleep(60)"
SIGNER = KeySigner(KEYS[0])
NODE = job_search.NodeOfRun("deflow_drawn", "run 1", "train")


class Memory(dict[str, Any]):
    """Task state that outlives an attempt."""

    set = dict.__setitem__


class OceanNodeOfTest:
    """A running node, seen through a proxy that can lose messages, and what was said meanwhile."""

    def __init__(self, between: proxy.Proxy) -> None:
        self.between = between
        self.client = OceanNode(between.url, SIGNER, requests_per_minute=100_000)
        self.memory = Memory()
        self.said: list[str] = []
        # Jobs that were left behind: id, URL, why.
        self.left: list[tuple[str, str, str]] = []

    def find_or_start(
        self,
        code: str = "pass",
        inputs: str = "i1",
        node: job_search.NodeOfRun = NODE,
        request: Callable[[], JobRequest] | None = None,
        **more: Any,
    ) -> jobs.Found:
        return jobs.find_or_start(
            self.client,
            SIGNER,
            node,
            inputs,
            request or (lambda: self.request(code)),
            self.memory,
            say=self.said.append,
            elsewhere=self.elsewhere,
            leave=lambda *job: self.left.append(job),
            wait=lambda seconds: time.sleep(min(seconds, 0.05)),
            poll_interval_seconds=0.05,
            **more,
        )

    def elsewhere(self, url: str) -> OceanNode:
        return OceanNode(url, SIGNER, requests_per_minute=100_000)

    def request(self, code: str, **more: Any) -> JobRequest:
        container = {"image": "python", "tag": "3.11", "checksum": "", "entrypoint": "python3 $ALGO"}
        return JobRequest(
            environment=self.client.environments()[0].id,
            algorithm={"meta": {"rawcode": code, "container": container}, "envs": {}},
            max_duration_seconds=60,
            **more,
        )

    def running(self, job: ComputeJob) -> ComputeJob:
        while job.algo_started is None:
            time.sleep(0.05)
            now = self.client.status(job.job_id)
            assert now is not None
            assert not now.is_over, now
            job = now
        return job

    def end_of(self, job: ComputeJob) -> ComputeJob:
        while not job.is_over:
            time.sleep(0.05)
            now = self.client.status(job.job_id)
            assert now is not None
            job = now
        return job

    def all_jobs(self) -> list[ComputeJob]:
        return self.client.jobs_of(SIGNER.address)
