# SPDX-License-Identifier: Apache-2.0
"""An Ocean Node's rules for one start, a second time: on the raw listing, as it goes about it step by step.

Nothing of ours is used, so that a mistake in one of the two shows as a difference.
"""

from __future__ import annotations

import math
from typing import Any


class Refused(Exception):
    """The node says no."""


def filled(env: dict[str, Any], asked: dict[str, float], free: bool) -> dict[str, float]:
    """The resources of the job. Raises `Refused`; what the environment does not know is dropped."""
    if free and "free" not in env:
        raise Refused("no free jobs")
    job: dict[str, float] = {}
    free_ids = [one["id"] for one in env["free"].get("resources", [])] if free else []
    for id_ in dict.fromkeys([*free_ids, *(one["id"] for one in env["resources"])]):
        low, high = _range(env, id_, free)
        wanted = asked.get(id_) or 0
        if wanted == 0:
            job[id_] = low
            continue
        wanted = max(wanted, low)
        if wanted > high:
            raise Refused(f"not enough {id_}")
        job[id_] = wanted
    rule = _constrain_4 if "features" in env else _constrain_3
    rule(env, job, free)
    return job


def available(env: dict[str, Any], job: dict[str, float], free: bool) -> bool:
    """Whether it starts at once, but for the size of the machine, which no listing tells."""
    for id_, amount in job.items():
        if amount <= 0:
            continue
        own = _find(env["resources"], id_)
        if own["total"] - own["inUse"] < amount:
            return False
        if free:
            limit = _find(env["free"].get("resources", []), id_)
            # A total that is left out is no number, and nothing is less than that.
            if limit is None or ("total" in limit and limit["total"] - limit["inUse"] < amount):
                return False
    if env.get("maxJobs") and env["runningJobs"] + 1 > env["maxJobs"]:
        return False
    return not (free and env["free"].get("maxJobs") and env["runningfreeJobs"] + 1 > env["free"]["maxJobs"])


def cost(env: dict[str, Any], job: dict[str, float], prices: list[dict[str, Any]], seconds: float) -> float:
    if seconds < env["minJobDuration"]:
        seconds = env["minJobDuration"]
    total = 0.0
    for id_, amount in job.items():
        price = next((one["price"] for one in prices if one["id"] == id_), 0)
        total += price * amount * math.ceil(seconds / 60)
    return total


def lets_in(access: dict[str, Any], address: str, held: set[tuple[str, str]]) -> bool:
    lists = access.get("accessLists")
    if lists is None or (len(lists) == 0 and len(access["addresses"]) == 0):
        return True
    if address in access["addresses"]:
        return True
    return any((chain, one) in held for each in lists for chain, some in each.items() for one in some)


def _find(resources: list[dict[str, Any]], id_: str) -> dict[str, Any] | None:
    return next((one for one in resources if one["id"] == id_), None)


def _range(env: dict[str, Any], id_: str, free: bool) -> tuple[float, float]:
    paid = _find(env["resources"], id_)
    if paid is None:
        return 0, 0
    limit: dict[str, Any] = {}
    if free and "resources" in env["free"]:
        found = _find(env["free"]["resources"], id_)
        if found is None:
            return 0, 0
        limit = found
    return limit.get("min", paid.get("min", 0)), limit.get("max", paid.get("max", 0))


def _listed(env: dict[str, Any], free: bool) -> list[dict[str, Any]]:
    return env["free"].get("resources", []) if free else env["resources"]


def _constrain_3(env: dict[str, Any], job: dict[str, float], free: bool) -> None:
    for parent in _listed(env, free):
        units = job[parent["id"]]
        if units <= 0:
            continue
        for rule in parent.get("constraints", []):
            target = rule["id"]
            if "min" in rule and job.get(target, 0) < units * rule["min"]:
                if units * rule["min"] > _range(env, target, free)[1]:
                    raise Refused("needs more than there is")
                if target in job:
                    job[target] = units * rule["min"]
            if "max" in rule and job.get(target, 0) > units * rule["max"]:
                raise Refused("too much")


def _constrain_4(env: dict[str, Any], job: dict[str, float], free: bool) -> None:
    listed = _listed(env, free)

    def members(rule: dict[str, Any]) -> list[str]:
        return (
            [one["id"] for one in listed if one.get("type") == rule["type"]]
            if "type" in rule
            else [rule["id"]]
        )

    def bound(rule: dict[str, Any], name: str, units: float) -> float:
        return units * rule[name] if rule.get("perUnit", True) else rule[name]

    plain = [(p, r) for p in listed for r in p.get("constraints", []) if not r.get("aggregate")]
    sums = [(p, r) for p in listed for r in p.get("constraints", []) if r.get("aggregate")]
    for parent, rule in plain:
        units = job[parent["id"]]
        if units <= 0 or "min" not in rule:
            continue
        ids, least = members(rule), bound(rule, "min", units)
        short = least - sum(job.get(id_, 0) for id_ in ids)
        if short <= 0:
            continue
        if least > sum(_range(env, id_, free)[1] for id_ in ids):
            raise Refused("needs more than there is")
        if "type" not in rule:
            job[ids[0]] = least
            continue
        for id_ in sorted(ids, key=lambda one: _find(env["resources"], one)["inUse"]):
            more = min(_range(env, id_, free)[1] - job[id_], short)
            if more > 0:
                job[id_] += more
                short -= more
    for name in ("min", "max"):
        total: dict[str, float] = {}
        for parent, rule in sums:
            if job[parent["id"]] > 0 and name in rule:
                total[rule["id"]] = total.get(rule["id"], 0) + bound(rule, name, job[parent["id"]])
        for id_, limit in total.items():
            if name == "max" and job.get(id_, 0) > limit:
                raise Refused("too much together")
            if name == "min" and job.get(id_, 0) < limit:
                if limit > _range(env, id_, free)[1]:
                    raise Refused("needs more than there is together")
                job[id_] = limit
    for parent, rule in plain:
        units = job[parent["id"]]
        if (
            units > 0
            and "max" in rule
            and sum(job.get(i, 0) for i in members(rule)) > bound(rule, "max", units)
        ):
            raise Refused("too much")
