# SPDX-License-Identifier: Apache-2.0
"""What an event of the triggerer says about a task's job, in the errors that the task raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_deflow import errors
from airflow_provider_deflow.alarms import raise_alarm
from airflow_provider_deflow.ocean import compute
from airflow_provider_deflow.operators.last_stop import orphan

if TYPE_CHECKING:
    from airflow_provider_deflow.job_search import NodeOfRun
    from airflow_provider_deflow.ledger.recorder import Recorder


def error_of(event: dict[str, Any], what: str, url: str) -> errors.DeflowError | None:
    """The error that tells of `what`, the job; None when it is over and may have succeeded."""
    match event["status"]:
        case "over":
            if event["timed_out"] and compute.ComputeJob.from_document(event["job"]).outcome != "succeeded":
                return errors.JobTimedOut(
                    f"{what} passed its deadline and was stopped. Raise max_duration_seconds."
                )
            return None
        case "vanished":
            return errors.JobVanished(
                f"{what} is not known there any more: it expired, or its environment was changed. "
                "The next try starts it anew."
            )
        case "unreachable":
            return errors.OceanNodeUnreachable(f"{what}: {event['error']}", url=url)
    error = errors.OceanNodeBusy if event.get("retryable") else errors.OceanNodeError
    return error(f"{what}: {event.get('error', event)}", url=url)


def tell_of_orphan(of_run: NodeOfRun, what: str, job_id: str, url: str, ledger: Recorder) -> None:
    """Raise the alarm that a job may still run, and nobody waits for it."""
    raise_alarm(orphan(of_run, what, job_id, url), ledger=ledger)
