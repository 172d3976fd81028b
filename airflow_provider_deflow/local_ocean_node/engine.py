# SPDX-License-Identifier: Apache-2.0
"""The compute engine: at each tick every open job takes one step.

    1 queued → 10 pulling → 20 creating → 30 provisioning → 40 running → 60 publishing → 71 settling → 70

71 and 70 say that the work is over, not that it succeeded. A step of one job never holds up another's;
a real node's single loop does, and can stop for good.

After a restart a job goes on from its status: at 1 it waits, at 10 nobody pulls any more (11), at 20 and
30 it is made ready again. A container of a real node survives the node's end; a sandbox does not, since
nothing may run on unwatched on a laptop. So a job at 40 or 60 ends as on a real node whose container
somebody removed: without its inputs (32), or without its outputs (62). Its environment may be no more:
then no container can be made for it (22), and the next sweep drops its record.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from airflow_provider_deflow.local_ocean_node import version4
from airflow_provider_deflow.local_ocean_node.archive import write_archive
from airflow_provider_deflow.local_ocean_node.container import Container
from airflow_provider_deflow.local_ocean_node.container_factory import ContainerFactory
from airflow_provider_deflow.local_ocean_node.environments import Environments
from airflow_provider_deflow.local_ocean_node.faults import Faults
from airflow_provider_deflow.local_ocean_node.file_objects import FileObjects
from airflow_provider_deflow.local_ocean_node.images import pull_log
from airflow_provider_deflow.local_ocean_node.javascript import as_number, now_text, seconds_text
from airflow_provider_deflow.local_ocean_node.job import Job, Status
from airflow_provider_deflow.local_ocean_node.metrics import age_of, snapshot
from airflow_provider_deflow.local_ocean_node.provisioning import Provisioning
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.local_ocean_node.remote_storage import RemoteStorage
from airflow_provider_deflow.local_ocean_node.results import JobFolder
from airflow_provider_deflow.local_ocean_node.settings import GIGABYTE, NodeSettings
from airflow_provider_deflow.local_ocean_node.store import Store

# How a job ends when its step at this status breaks.
_FAILED: dict[int, Status] = {
    Status.PULLING: Status.PULL_FAILED,
    Status.PROVISIONING: Status.DATA_FAILED,
    Status.RUNNING: Status.START_FAILED,
    Status.PUBLISHING: Status.RESULTS_FAILED,
}

log = logging.getLogger(__name__)


class Engine:
    """Takes jobs from the store to their end."""

    def __init__(
        self,
        settings: NodeSettings,
        store: Store,
        environments: Environments,
        file_objects: FileObjects,
        remote_storage: RemoteStorage,
        containers: ContainerFactory,
        folder_of: Callable[[str], JobFolder],
        faults: Faults,
    ) -> None:
        self._settings = settings
        self._store = store
        self._environments = environments
        self._file_objects = file_objects
        self._remote_storage = remote_storage
        self._factory = containers
        self._folder_of = folder_of
        self._faults = faults
        self._containers: dict[str, Container] = {}
        self._steps: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            for job in self._store.unfinished_jobs():
                if job.job_id not in self._steps and not self._faults.holds_the_engine():
                    self._begin(job, self._step)
            await asyncio.sleep(self._settings.tick_seconds)

    async def close(self) -> None:
        """End all steps and all containers."""
        steps = list(self._steps.values())
        for step in steps:
            step.cancel()
        await asyncio.gather(*steps, return_exceptions=True)
        await asyncio.gather(*(container.kill() for container in self._containers.values()))

    def submit(self, job: Job) -> None:
        """Take a new job: queued, or its image is being pulled from now on."""
        self._folder_of(job.job_id).make()
        self._store.save_job(job)
        if job.status == Status.PULLING:
            self._begin(job, self._pull)

    async def forget(self, job_id: str) -> None:
        """As if it had never been: no record, no files, no container."""
        if self._store.job(job_id) is None:
            return  # what a request names may be anything, and files are deleted here
        step = self._steps.get(job_id)
        if step:
            step.cancel()
            await asyncio.wait({step})
        container = self._containers.pop(job_id, None)
        if container:
            await container.remove()
            self._factory.release(job_id)
        self._folder_of(job_id).delete()
        self._store.forget_job(job_id)

    def logs(self, job: Job) -> AsyncIterator[bytes] | None:
        """What the algorithm says, from its first word; None unless it runs now."""
        container = self._containers.get(job.job_id)
        if not job.is_running or container is None or not container.is_running:
            return None
        return container.follow()

    def _begin(self, job: Job, step: Callable[[Job], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._guarded(job, step))
        self._steps[job.job_id] = task
        task.add_done_callback(lambda done: self._steps.pop(job.job_id))

    async def _guarded(self, job: Job, step: Callable[[Job], Awaitable[None]]) -> None:
        """A step that fails in a way nobody thought of ends its job: no job stays open for ever."""
        try:
            await step(job)
        except Exception:
            log.exception("a step of job %s failed", job.job_id)
            status = (self._store.job(job.job_id) or job).status
            await self._finish(job, _FAILED.get(status, Status.CREATE_FAILED))

    async def _step(self, job: Job) -> None:
        if job.status == Status.QUEUED:
            await self._try_queued(job)
        elif job.status == Status.PULLING:
            # Nobody pulls: the process that did is gone.
            await self._finish(job, Status.PULL_FAILED)
        elif job.status == Status.CREATING:
            await self._create(job)
        elif job.status == Status.PROVISIONING:
            await self._provision(job)
        elif job.status == Status.RUNNING:
            await self._attend(job)
        elif job.status == Status.PUBLISHING:
            await self._publish(job)

    async def _try_queued(self, job: Job) -> None:
        if time.time() - float(job.created) > as_number(job.queue_max_wait):
            await self._finish(job, Status.EXPIRED_IN_QUEUE)
            return
        environment = self._environments.get(job.environment)
        if environment is None:
            return
        open_jobs = self._store.unfinished_jobs()
        if not self._environments.busy_with(environment, job.resources, open_jobs, free=job.is_free):
            await self._pull(self._store.change_job(job.job_id, status=Status.PULLING))

    async def _pull(self, job: Job) -> None:
        folder = self._folder_of(job.job_id)
        await asyncio.sleep(self._settings.pull_seconds)
        now = self._store.job(job.job_id)
        if now and now.stop_requested and not job.stop_requested:
            folder.append_log(
                "image.log", f"Unable to pull docker image: {job.image}: The operation was aborted"
            )
            # What aborts writes its own, older copy of the record: the wish to stop is lost with it.
            await self._finish(job, Status.PULL_FAILED, stop_requested=False)
            return
        if self._faults.fails_at("pull"):
            reason = "(HTTP code 500) server error - manifest unknown "
            folder.append_log("image.log", f"Unable to pull docker image: {job.image}: {reason}")
            await self._finish(job, Status.PULL_FAILED)
            return
        folder.append_log("image.log", pull_log(job.image))
        self._store.change_job(job.job_id, status=Status.CREATING)

    async def _create(self, job: Job) -> None:
        environment = self._environments.get(job.environment)
        if self._faults.fails_at("volume"):
            await self._finish(job, Status.VOLUME_FAILED)
            return
        try:
            if environment is None:
                raise OSError(f"environment {job.environment} is gone")
            if self._faults.fails_at("create"):
                raise OSError("a test asked for it")
            self._containers[job.job_id] = self._factory.create(job, environment)
        except Refusal as refusal:
            log.warning("job %s: %s", job.job_id, refusal.words)
            await self._finish(job, Status.DATA_FAILED)
        except OSError as error:
            log.warning("job %s: its container cannot be created: %s", job.job_id, error)
            await self._finish(job, Status.CREATE_FAILED)
        else:
            self._store.change_job(job.job_id, status=Status.PROVISIONING)

    async def _provision(self, job: Job) -> None:
        folder = self._folder_of(job.job_id)
        container = self._containers.get(job.job_id)
        if container is None:
            # Made before a restart and never started: another is as good.
            self._store.change_job(job.job_id, status=Status.CREATING)
            return
        status = await Provisioning(job, folder, self._file_objects, self._faults).into(container)
        if status != Status.RUNNING:
            await self._finish(job, status, has_log=status != Status.DATA_UPLOAD_FAILED)
            return
        await self._attend(self._store.change_job(job.job_id, status=Status.RUNNING))

    async def _attend(self, job: Job) -> None:
        container = self._containers.get(job.job_id)
        if container is None:
            self._store.change_job(job.job_id, status=Status.CREATING, is_started=False, is_running=False)
        elif not job.is_started:
            await self._start(job, container)
        elif self._faults.fails_at("disk") or await self._is_over_disk_quota(job, container):
            await container.stop(self._settings.stop_grace_seconds)
            now = now_text()
            await self._finish(job, Status.OVER_DISK_QUOTA, is_started=False, algorithm_stopped=now)
        elif job.stop_requested or time.time() > float(job.algorithm_started) + as_number(job.max_duration):
            await container.stop(self._settings.stop_grace_seconds)
            self._hand_to_publishing(job, now_text())
        elif not container.is_running:
            stopped = max(container.exited_at, float(job.algorithm_started))
            self._hand_to_publishing(job, seconds_text(stopped))
        else:
            await self._sample(job, container)

    async def _start(self, job: Job, container: Container) -> None:
        refusal = await container.start(fails=self._faults.fails_at("start"))
        if refusal:
            now = now_text()
            self._folder_of(job.job_id).write_log("algorithm.log", refusal.encode())
            await self._finish(job, Status.START_FAILED, algorithm_started=now, algorithm_stopped=now)
            return
        self._store.change_job(job.job_id, is_started=True, algorithm_started=now_text())
        await asyncio.sleep(self._settings.measure_seconds)
        container.base_bytes = await container.disk_bytes()
        if self._faults.fails_at("run"):
            # As when the host kills it: exit code 137, and nobody asked for a stop.
            await container.kill()

    async def _is_over_disk_quota(self, job: Job, container: Container) -> bool:
        quota = job.amount("disk")
        if quota <= 0 or not container.is_running:
            return False
        return await container.disk_bytes() - container.base_bytes > quota * GIGABYTE

    async def _sample(self, job: Job, container: Container) -> None:
        """What it uses, for its owner to see: in the next major version, now and then and at the end."""
        if (self._faults.version or self._settings.version) != version4.VERSION:
            return
        before = job.runtime_metrics
        if container.is_running and before and age_of(before) < self._settings.metrics_seconds:
            return
        sample = snapshot(job, container.state(), container.usage(), await container.disk_bytes(), before)
        self._store.change_job(job.job_id, runtime_metrics=sample)

    def _hand_to_publishing(self, job: Job, stopped: str) -> None:
        self._store.change_job(
            job.job_id,
            status=Status.PUBLISHING,
            is_started=False,
            is_running=False,
            algorithm_stopped=stopped,
        )

    async def _publish(self, job: Job) -> None:
        container = self._containers.get(job.job_id)
        if container is None:
            await self._finish(job, Status.RESULTS_FAILED)
            return
        await self._sample(job, container)
        status = Status.SETTLING
        try:
            if self._faults.fails_at("publish"):
                raise OSError("a test asked for it")
            if job.output_bucket_id is None:
                await self._keep_outputs(job, container)
        except Refusal as refusal:
            log.warning("job %s: its outputs cannot be uploaded: %s", job.job_id, refusal.words)
            status = Status.RESULTS_FAILED
        except OSError as error:
            # As when a real node's container is gone: with it go the log and how it ended.
            log.warning("job %s: its outputs cannot be read: %s", job.job_id, error)
            await self._finish(job, Status.RESULTS_FAILED, has_log=False)
            return
        await self._finish(job, status, exit_code=container.exit_code, oom_killed=container.oom_killed)

    async def _keep_outputs(self, job: Job, container: Container) -> None:
        """Here, or where the consumer wants them and then not here."""
        archive = self._folder_of(job.job_id).archive
        await asyncio.to_thread(write_archive, container.outputs, archive)
        if job.output is not None:
            try:
                name = f"outputs-{self._environments.cluster_hash}-{job.job_id}.tar"
                await self._remote_storage.upload(job.output, name, archive)
            finally:
                archive.unlink()

    async def _finish(self, job: Job, status: int, *, has_log: bool = True, **changes: Any) -> None:
        """Keep the log, remove the container, then say that it is over: results are there with the status."""
        folder = self._folder_of(job.job_id)
        container = self._containers.pop(job.job_id, None)
        if container:
            await container.kill()
            if has_log and status != Status.START_FAILED:
                folder.write_log("algorithm.log", container.log_path.read_bytes())
            with contextlib.suppress(OSError):
                await container.remove()
            self._factory.release(job.job_id)
        folder.drop_inputs()
        self._store.change_job(job.job_id, status=status, is_running=False, finished=now_text(), **changes)
