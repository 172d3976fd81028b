# SPDX-License-Identifier: Apache-2.0
"""Waits for compute jobs that somebody else started: one, or all of a wallet that match a filter.

It looks and nothing more: whatever becomes of the sensor, it never stops a job, and it needs no wallet. A
job that ends badly fails it with the error that the job's own task would have had.

Which jobs a filter means is found by listing a wallet's jobs. While some of them run, a deferred sensor
follows one of them, in the request that all followed jobs of an Ocean Node share, and lists again when
that one is over.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseSensorOperator, PokeReturnValue, conf, timezone
from airflow.sdk.exceptions import AirflowSensorTimeout

from airflow_provider_deflow import errors, jobs, links
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.ocean import job_records
from airflow_provider_deflow.ocean.compute import ComputeJob
from airflow_provider_deflow.operators.faults import told_to_airflow
from airflow_provider_deflow.triggers.ocean_job import OceanJobTrigger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.job_records import JobRecord

# In the place of a log's last lines: an Ocean Node shows a log to the job's owner only.
_NO_LOG = ("(its owner can read it)",)


class OceanJobSensor(BaseSensorOperator):
    """Waits until compute jobs have succeeded, and returns their ids.

    :param job_id: the job to wait for, with its cluster's prefix; or else
    :param owner_address: the account whose jobs are waited for, those that match all of the following
    :param environment: only jobs in this compute environment
    :param algorithm: only jobs of the algorithm with this DID
    :param metadata: only jobs whose metadata has these values
    :param created_since: only jobs that were started at or after this moment; an Ocean Node lists old ones
        for as long as it keeps their results, failed ones among them
    :param at_least: so many jobs have to be there; fewer are waited for
    :param ocean_node_conn_id: connection of the Ocean Node that runs them
    :param deferrable: wait in the triggerer

    A job that failed, was stopped or vanished fails the sensor at once. (In `reschedule` mode a job of a
    filter that vanishes between two looks is not missed.)
    """

    template_fields = ("job_id", "owner_address", "environment", "algorithm", "metadata", "created_since")
    operator_extra_links = (links.OceanJobLink(), links.OceanNodeLink())
    ui_color = "#fef3c7"

    def __init__(
        self,
        *,
        job_id: str | None = None,
        owner_address: str | None = None,
        environment: str | None = None,
        algorithm: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        created_since: datetime | str | None = None,
        at_least: int = 1,
        ocean_node_conn_id: str = OceanNodeHook.default_conn_name,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (job_id is None) == (owner_address is None):
            raise errors.SettingsError(
                f"{self.task_id!r} waits for one job, or for an account's: give it job_id or owner_address."
            )
        if job_id is not None and (at_least != 1 or environment or algorithm or metadata or created_since):
            raise errors.SettingsError(
                f"{self.task_id!r} has a job_id: a filter goes with owner_address only."
            )
        self.job_id = job_id
        self.owner_address = owner_address
        self.environment = environment
        self.algorithm = algorithm
        self.metadata = metadata
        self.created_since = created_since
        self.at_least = at_least
        self.ocean_node_conn_id = ocean_node_conn_id
        default = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = default if deferrable is None else deferrable
        self.ocean_node_url = ""
        # What earlier looks saw; None: that it ran, by a look before the sensor deferred.
        self._running: dict[str, ComputeJob | None] = {}
        self._succeeded: set[str] = set()

    def execute(self, context: Context) -> Any:
        """Wait here or in the triggerer."""
        if not self.deferrable:
            return super().execute(context)
        # Airflow's way back from the triggerer, which knows soft_fail and never_fail, is the way in too.
        return self.resume_execution("go_on", {"until": time.time() + self.timeout}, context)

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """One look."""
        with told_to_airflow():
            if not self._looked():
                return False
        return PokeReturnValue(is_done=True, xcom_value=self._found())

    def go_on(
        self,
        context: Context,
        until: float,
        running: list[str] | None = None,
        succeeded: list[str] | None = None,
        event: Any = None,
    ) -> dict[str, Any]:
        """Look; when it is too early, wait for one of the jobs to end, or for one to appear."""
        self._running = dict.fromkeys(running or ())
        self._succeeded = set(succeeded or ())
        with told_to_airflow():
            self._take(event)
            if self._looked():
                return self._found()
        if (left := until - time.time()) <= 0:
            raise AirflowSensorTimeout(f"{self.task_id!r} has waited for {self.timeout:g} s.")
        followed = min(
            (job for job in self._running.values() if job is not None),
            key=lambda job: job.job_id,
            default=None,
        )
        self.defer(
            trigger=TimeDeltaTrigger(timedelta(seconds=self.poke_interval))
            if followed is None
            else OceanJobTrigger(
                ocean_node_conn_id=self.ocean_node_conn_id, owner=followed.owner, job_id=followed.job_id
            ),
            method_name="go_on",
            kwargs={"until": until, "running": sorted(self._running), "succeeded": sorted(self._succeeded)},
            timeout=timedelta(seconds=left),
        )
        raise AssertionError("defer raises")

    def _take(self, event: Any) -> None:
        """What the triggerer saw; of one that only waited there is nothing to take."""
        if not isinstance(event, dict):
            return
        if event["status"] == "over":
            job = ComputeJob.from_document(event["job"])
            self._running[job.job_id] = job
        elif event["status"] == "failed":
            error = errors.OceanNodeBusy if event["retryable"] else errors.OceanNodeError
            raise error(f"{self.task_id!r}: {event['error']}")

    def _found(self) -> dict[str, Any]:
        return {"ocean_node": self.ocean_node_url, "jobs": sorted(self._succeeded)}

    def _looked(self) -> bool:
        """Whether all is done. A look that fails in a way that can pass is like one that came too early."""
        try:
            with OceanNodeHook(self.ocean_node_conn_id).client() as ocean_node:
                self.ocean_node_url = ocean_node.url
                self._judge(self._listed(ocean_node))
        except errors.OceanNodeError as error:
            if not error.retryable:
                raise
            self.log.warning("Cannot look at the jobs: %s", error)
            return False
        return not self._running and len(self._succeeded) >= self.at_least

    def _listed(self, ocean_node: OceanNode) -> dict[str, ComputeJob]:
        if self.job_id is not None:
            job = ocean_node.status(self.job_id)
            if job is None and self.job_id not in self._running:
                raise self._vanished(self.job_id)
            return {} if job is None else {job.job_id: job}
        assert self.owner_address is not None
        records = ocean_node.ask(job_records.of_wallet(self.owner_address))
        found = {record.job.job_id: record.job for record in records if self._matches(record)}
        new = {job.job_id for job in found.values() if job.outcome == "succeeded"} - self._succeeded
        if new:
            # This listing leaves out whether there are outputs; the other one tells it of all.
            found |= {job.job_id: job for job in ocean_node.jobs_of(self.owner_address) if job.job_id in new}
        return found

    def _matches(self, record: JobRecord) -> bool:
        job = record.job
        if self.environment and job.environment != self.environment:
            return False
        if self.algorithm and (record.algorithm or {}).get("documentId") != self.algorithm:
            return False
        if any(job.metadata.get(name) != value for name, value in (self.metadata or {}).items()):
            return False
        if not self.created_since:
            return True
        since = self.created_since
        moment = timezone.parse(since) if isinstance(since, str) else timezone.convert_to_utc(since)
        return job.created is not None and job.created >= moment

    def _judge(self, listed: dict[str, ComputeJob]) -> None:
        for job_id, earlier in self._running.items():
            if job_id not in listed:
                if earlier is None or not earlier.is_over:
                    raise self._vanished(job_id)
                listed[job_id] = earlier
        running: dict[str, ComputeJob | None] = {}
        for job_id in listed.keys() - self._succeeded:
            earlier = self._running.get(job_id)
            job = listed[job_id].seen_after(earlier)
            if earlier is None or earlier.status != job.status:
                self.log.info("Job %s: %s", job_id, job.status_text.strip())
            if not job.is_over:
                running[job_id] = job
            elif job.outcome == "succeeded":
                self._succeeded.add(job_id)
            else:
                raise jobs.failure(job, self.task_id, self.ocean_node_url, _NO_LOG)
        self._running = running

    def _vanished(self, job_id: str) -> errors.JobVanished:
        return errors.JobVanished(
            f"{self.task_id!r} on {self.ocean_node_url}: job {job_id} is not known there: it expired, its "
            "environment was changed, or it never was on this Ocean Node."
        )
