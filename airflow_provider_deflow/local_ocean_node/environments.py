# SPDX-License-Identifier: Apache-2.0
"""Compute environments: what they offer, what it costs, what is in use, and whether a job fits.

A job that was queued keeps its `queueMaxWaitTime` and is never counted as running, even while it runs:
that is the real node's way, and it can overbook the machine.
"""

from __future__ import annotations

import hashlib
import math
import platform
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from airflow_provider_deflow.local_ocean_node.identity import Identity
from airflow_provider_deflow.local_ocean_node.javascript import as_number, as_text, dumps
from airflow_provider_deflow.local_ocean_node.job import Job
from airflow_provider_deflow.local_ocean_node.refusal import Thrown
from airflow_provider_deflow.local_ocean_node.settings import EnvironmentSettings, Machine

Resources = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Amount:
    """Of one resource: all there is, and the least and the most that one job may have."""

    total: float
    least: float
    most: float
    free_most: float


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment with its amounts settled for this machine."""

    id: str
    settings: EnvironmentSettings
    amounts: dict[str, Amount]
    # The machine's cores that its jobs run on.
    cores: tuple[int, ...]
    # As replies show them; None when jobs cannot be paid for.
    fees: dict[str, list[dict[str, Any]]] | None

    def fill_resources(self, asked: Any, *, free: bool) -> Resources:
        """What a job gets: what it asks for, else the least; unknown resources are ignored."""
        # Text is iterable too; its letters ask for nothing.
        if asked not in (None, False, 0) and not isinstance(asked, (list, str)):
            raise Thrown("resources is not iterable", "TypeError")
        if isinstance(asked, list) and None in asked:
            raise Thrown("Cannot read properties of null (reading 'id')", "TypeError")
        entries = [entry for entry in asked or [] if isinstance(entry, dict) and _is_named(entry)]
        # Of two for the same resource the first counts.
        wanted = {entry.get("id"): entry.get("amount") for entry in reversed(entries)}
        filled = []
        for resource, of in self.amounts.items():
            most = of.free_most if free else of.most
            amount = wanted.get(resource)
            if amount is None or amount == 0 or as_number(amount) < of.least:
                amount = of.least
            if as_number(amount) > most:
                raise Thrown(
                    f"Not enough {resource} resources. "
                    f"Requested {as_text(amount)}, but max is {as_text(most)}"
                )
            filled.append({"id": resource, "amount": amount})
        return filled

    def prices(self, chain_id: Any, token: Any) -> dict[str, float] | None:
        """Per unit and started minute, in whole tokens; a token counts only as it is written in the fees."""
        for fee in (self.fees or {}).get(as_text(chain_id), ()):
            if fee["feeToken"] == token:
                return {one["id"]: one["price"] for one in fee["prices"]}
        return None

    def cost(self, resources: Resources, prices: dict[str, float], seconds: Any) -> float:
        """In whole tokens; a duration that is no number has no cost either."""
        duration = max(as_number(seconds), self.settings.min_job_duration)
        if math.isnan(as_number(seconds)):
            return math.nan
        minutes = math.ceil(duration / 60)
        return sum(prices.get(entry["id"], 0) * as_number(entry["amount"]) * minutes for entry in resources)


class Environments:
    """All environments of a node, on one machine."""

    def __init__(
        self,
        settings: tuple[EnvironmentSettings, ...],
        machine: Machine,
        identity: Identity,
        chain_ids: Collection[int] = (),
    ) -> None:
        self._machine = machine
        self._identity = identity
        self._all: list[Environment] = []
        first_core = 0
        for index, environment in enumerate(settings):
            total = environment.cpu or len(machine.cores)
            cores = machine.cores[first_core : first_core + total] or machine.cores
            self._all.append(_settled(environment, index, machine, identity, cores, chain_ids))
            first_core += total

    @property
    def cluster_hash(self) -> str:
        return self._identity.cluster_hash

    def __iter__(self) -> Any:
        return iter(self._all)

    def get(self, environment_id: str) -> Environment | None:
        return next((one for one in self._all if one.id == environment_id), None)

    def busy_with(
        self, environment: Environment, resources: Resources, jobs: list[Job], *, free: bool
    ) -> str | None:
        """Why a job with these resources cannot start now, in the node's words."""
        for entry in resources:
            resource, amount = entry["id"], as_number(entry["amount"])
            if not amount > 0:
                continue
            if environment.amounts[resource].total - _in_use(environment, resource, jobs) < amount:
                return f"Not enough available {resource}"
            everywhere = sum(one.amounts[resource].total for one in self._all)
            remaining = min(everywhere, self._machine.limits()[resource]) - sum(
                _in_use(one, resource, jobs) for one in self._all
            )
            if remaining < amount:
                return (
                    f"Not enough available {resource} globally "
                    f"(remaining: {as_text(remaining)}, requested: {as_text(entry['amount'])})"
                )
        most = environment.settings.free_max_jobs or len(environment.cores)
        if free and len(_free(_running(environment, jobs))) + 1 > most:
            return "Too many running free jobs "
        return None

    def reply(self, jobs: list[Job], chain_id: int | None = None) -> list[dict[str, Any]]:
        """All of them, or those that can be paid on a chain."""
        wanted = [one for one in self._all if not chain_id or str(chain_id) in (one.fees or {})]
        return [self._describe(environment, jobs) for environment in wanted]

    def _describe(self, environment: Environment, jobs: list[Job]) -> dict[str, Any]:
        running = _running(environment, jobs)
        queued = [
            job for job in jobs if job.environment == environment.id and as_number(job.queue_max_wait) != 0
        ]
        settings = environment.settings
        return {
            "id": environment.id,
            "runningJobs": len(running),
            "consumerAddress": self._identity.address,
            "platform": {"architecture": platform.machine(), "os": "linux"},
            "access": _access(settings.addresses),
            "fees": environment.fees,
            "resources": [
                {
                    "id": resource,
                    "type": resource,
                    "total": amount.total,
                    "max": amount.most,
                    "min": amount.least,
                    **({"description": self._machine.cpu_model} if resource == "cpu" else {}),
                    "inUse": _in_use(environment, resource, jobs),
                }
                for resource, amount in environment.amounts.items()
            ],
            "queuedJobs": len(queued),
            "queuedFreeJobs": len(_free(queued)),
            # Sums over jobs, not times to wait.
            "queMaxWaitTime": sum(as_number(job.max_duration) for job in queued),
            "queMaxWaitTimeFree": sum(as_number(job.max_duration) for job in _free(queued)),
            "runMaxWaitTime": _left_to_run(running),
            "runMaxWaitTimeFree": _left_to_run(_free(running)),
            "enableNetwork": False,
            "storageExpiry": settings.storage_expiry,
            "minJobDuration": settings.min_job_duration,
            "maxJobDuration": settings.max_job_duration,
            "description": settings.description,
            **({"free": _free_part(environment, jobs)} if settings.free else {}),
            "runningfreeJobs": len(_free(running)),
        }


def _free_part(environment: Environment, jobs: list[Job]) -> dict[str, Any]:
    settings = environment.settings
    return {
        "access": _access(settings.free_addresses),
        "minJobDuration": settings.free_min_job_duration,
        "maxJobDuration": settings.free_max_job_duration,
        "maxJobs": settings.free_max_jobs or len(environment.cores),
        "resources": [
            {
                "id": resource,
                "max": amount.free_most,
                "inUse": _in_use(environment, resource, _free(jobs)),
            }
            for resource, amount in environment.amounts.items()
        ],
        "allowImageBuild": False,
    }


def _settled(
    settings: EnvironmentSettings,
    index: int,
    machine: Machine,
    identity: Identity,
    cores: tuple[int, ...],
    chain_ids: Collection[int],
) -> Environment:
    cpu = settings.cpu or len(machine.cores)
    ram = settings.ram or machine.ram
    disk = settings.disk or machine.disk
    fees = _fees(settings, chain_ids)
    suffix = hashlib.sha256(f"{dumps(fees)}{index}".encode()).hexdigest()
    return Environment(
        id=f"{identity.cluster_hash}-0x{suffix}",
        settings=settings,
        amounts={
            "cpu": Amount(cpu, 1, settings.max_cpu or cpu, settings.free_cpu or cpu),
            # A real node counts in whole GB from 1; an environment smaller than that offers all of it.
            "ram": Amount(ram, min(1, ram), settings.max_ram or ram, settings.free_ram or ram),
            "disk": Amount(disk, 0, settings.max_disk or disk, settings.free_disk or disk),
        },
        cores=cores,
        fees=fees,
    )


def _fees(
    settings: EnvironmentSettings, chain_ids: Collection[int]
) -> dict[str, list[dict[str, Any]]] | None:
    """By chain; those of chains that the node does not serve are left out."""
    fees: dict[str, list[dict[str, Any]]] = {}
    for fee in settings.fees:
        if fee.chain_id in chain_ids:
            prices = [{"id": resource, "price": _shortest(price)} for resource, price in fee.prices]
            fees.setdefault(str(fee.chain_id), []).append({"prices": prices, "feeToken": fee.fee_token})
    return fees or None


def _is_named(entry: dict[str, Any]) -> bool:
    return isinstance(entry.get("id"), str)


def _access(addresses: tuple[str, ...]) -> dict[str, Any]:
    return {"addresses": list(addresses), "accessLists": []}


def _free(jobs: list[Job]) -> list[Job]:
    return [job for job in jobs if job.is_free]


def _left_to_run(jobs: list[Job]) -> float:
    """Far below zero, as on a real node: it takes the "0" of a build that never was for a time."""
    return sum(as_number(job.max_duration) - time.time() for job in jobs)


def _running(environment: Environment, jobs: list[Job]) -> list[Job]:
    return [job for job in jobs if job.environment == environment.id and as_number(job.queue_max_wait) == 0]


def _in_use(environment: Environment, resource: str, jobs: list[Job]) -> float:
    return _shortest(sum(job.amount(resource) for job in _running(environment, jobs)))


def _shortest(number: float) -> float:
    """JavaScript has one kind of number, and writes 1.0 as 1."""
    return int(number) if float(number).is_integer() else number
