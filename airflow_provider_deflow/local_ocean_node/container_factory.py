# SPDX-License-Identifier: Apache-2.0
"""Containers for jobs: their folders, mounts, environment, cores and limits."""

from __future__ import annotations

import shutil
from pathlib import Path

from airflow_provider_deflow.local_ocean_node.asset_files import AssetFiles
from airflow_provider_deflow.local_ocean_node.buckets import Buckets
from airflow_provider_deflow.local_ocean_node.container import Container
from airflow_provider_deflow.local_ocean_node.environments import Environment
from airflow_provider_deflow.local_ocean_node.file_objects import is_bucket_file
from airflow_provider_deflow.local_ocean_node.images import command_of
from airflow_provider_deflow.local_ocean_node.isolation import (
    DATA_FOLDERS,
    Isolation,
    Run,
    container_environment,
)
from airflow_provider_deflow.local_ocean_node.javascript import as_number, as_text
from airflow_provider_deflow.local_ocean_node.job import Job
from airflow_provider_deflow.local_ocean_node.limits import Limits
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.local_ocean_node.settings import GIGABYTE


class ContainerFactory:
    """Makes containers in `folder`, which holds nothing else; those of an earlier process are dead."""

    def __init__(
        self, folder: Path, isolation: Isolation, buckets: Buckets | None, assets: AssetFiles
    ) -> None:
        self._folder = folder
        self._isolation = isolation
        self._buckets = buckets
        self._assets = assets
        self._cores: dict[str, tuple[int, ...]] = {}
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

    def create(self, job: Job, environment: Environment) -> Container:
        """A new container; `Refusal` when a bucket file cannot be mounted."""
        folder = self._folder / job.job_id
        for name in (*(f"data/{name}" for name in DATA_FOLDERS), "tmp"):
            (folder / name).mkdir(parents=True)
            # Open for uid 1000, whoever that is outside.
            (folder / name).chmod(0o777)
        outputs = folder / "data" / "outputs"
        if job.output_bucket_id is not None:
            outputs = self._require_buckets().folder(job.output_bucket_id, job.owner)
        own = {name: as_text(value) for name, value in (job.algorithm.get("envs") or {}).items()}
        run = Run(
            job_id=job.job_id,
            folder=folder,
            command=command_of(job.algorithm),
            environment=container_environment(job.job_id, own),
            mounts=self._mounts(job),
            outputs=outputs,
            limits=self._limits(job, environment),
        )
        return Container(run, self._isolation)

    def release(self, job_id: str) -> None:
        """Its cores are free again."""
        self._cores.pop(job_id, None)

    def _mounts(self, job: Job) -> dict[str, Path]:
        mounts = {}
        for dataset in job.datasets:
            file_object = self._assets.of_element(dataset)
            if file_object is None or not is_bucket_file(file_object):
                continue
            bucket_id, name = file_object.get("bucketId"), file_object.get("fileName")
            path = self._require_buckets().file(bucket_id, name, job.owner)
            mounts[f"persistentStorage/{bucket_id}/{name}"] = path
        return mounts

    def _require_buckets(self) -> Buckets:
        if self._buckets is None:
            raise Refusal(500, "Persistent storage is not configured on this node")
        return self._buckets

    def _limits(self, job: Job, environment: Environment) -> Limits:
        cpus, ram = int(job.amount("cpu")), job.amount("ram")
        return Limits(
            cores=self._allocate_cores(job.job_id, cpus, environment) if cpus > 0 else None,
            memory_bytes=int(ram * GIGABYTE) if ram > 0 else None,
            file_bytes=int(environment.amounts["disk"].total * GIGABYTE),
            cpu_seconds=max(0, int(as_number(job.max_duration) * max(1, cpus))) + 60,
        )

    def _allocate_cores(self, job_id: str, count: int, environment: Environment) -> tuple[int, ...]:
        """Those that the fewest running jobs are pinned to: a node can be overbooked."""
        taken = [core for cores in self._cores.values() for core in cores]
        cores = tuple(sorted(environment.cores, key=taken.count)[:count])
        self._cores[job_id] = cores
        return cores
