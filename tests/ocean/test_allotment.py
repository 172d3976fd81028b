# SPDX-License-Identifier: Apache-2.0
"""The node's arithmetic: ours against a second one in `node_rules`, over random environments."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from airflow_provider_deflow.ocean import allotment, choosing
from airflow_provider_deflow.ocean.access import AccessList
from airflow_provider_deflow.ocean.environments import ComputeEnvironment
from airflow_provider_deflow.ocean.payments import Payment
from tests.ocean import node_rules

RESOURCES = ("cpu", "ram", "disk", "gpu0", "gpu1")
ACCOUNTS = ("0xA", "0xB")
CONTRACTS = ("0xL1", "0xL2")
amounts = st.integers(0, 6)
constraints_3 = st.lists(
    st.fixed_dictionaries({"id": st.sampled_from(RESOURCES)}, optional={"min": amounts, "max": amounts}),
    max_size=2,
)
constraints_4 = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"id": st.sampled_from(RESOURCES)},
            optional={"min": amounts, "max": amounts, "perUnit": st.booleans(), "aggregate": st.booleans()},
        ),
        st.fixed_dictionaries(
            {"type": st.just("gpu")}, optional={"min": amounts, "max": amounts, "perUnit": st.booleans()}
        ),
    ),
    max_size=2,
)
accesses = st.one_of(
    st.just({"addresses": [], "accessLists": []}),
    st.fixed_dictionaries(
        {"addresses": st.lists(st.sampled_from(ACCOUNTS), unique=True)},
        optional={
            "accessLists": st.none()
            | st.lists(
                st.dictionaries(st.just("8996"), st.lists(st.sampled_from(CONTRACTS), max_size=2)), max_size=2
            )
        },
    ),
)
prices = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(RESOURCES),
            "price": st.sampled_from([0, 0.1, 1, 2.5, 3]) | st.floats(0, 100, allow_nan=False),
        }
    ),
    min_size=1,
    max_size=4,
)


@st.composite
def environments(draw: st.DrawFn) -> dict[str, Any]:
    is_next = draw(st.booleans())
    constraints = constraints_4 if is_next else constraints_3

    def listed(id_: str) -> dict[str, Any]:
        total = draw(st.integers(0, 8))
        return {
            "id": id_,
            "type": "gpu" if id_.startswith("gpu") else id_,
            "total": total,
            "max": draw(st.integers(0, total)),
            "min": draw(st.integers(0, 2)),
            "inUse": draw(st.integers(0, total)),
            "constraints": draw(constraints),
        }

    def listed_free(id_: str) -> dict[str, Any]:
        optional = {name: amounts for name in ("total", "max", "min")}
        more = {"type": st.just("gpu" if id_.startswith("gpu") else id_), "constraints": constraints}
        return {
            "id": id_,
            "inUse": draw(amounts),
            **draw(st.fixed_dictionaries({}, optional=optional | more)),
        }

    environment = {
        "id": "0xhash-0xid",
        "platform": {"architecture": "x86_64", "os": "linux"},
        "access": draw(accesses),
        "fees": {"8996": [{"feeToken": "0xT", "prices": draw(prices)}]},
        "resources": [listed(id_) for id_ in draw(st.lists(st.sampled_from(RESOURCES), unique=True))],
        "runningJobs": draw(st.integers(0, 3)),
        "runningfreeJobs": draw(st.integers(0, 3)),
        "maxJobs": draw(st.integers(0, 3)),
        "minJobDuration": draw(st.sampled_from([0, 60, 90, 3600])),
        "maxJobDuration": draw(st.sampled_from([60, 3600, 7201])),
        "free": {"access": draw(accesses), "maxJobDuration": 600, "maxJobs": draw(st.integers(0, 3))},
    }
    if draw(st.integers(0, 9)):
        ids = draw(st.lists(st.sampled_from(RESOURCES), unique=True))
        environment["free"]["resources"] = [listed_free(id_) for id_ in ids]
    if is_next:
        environment["features"] = {"computeJobs": True, "services": draw(st.booleans())}
    return environment


demands = st.dictionaries(st.sampled_from([*RESOURCES, "fpga"]), st.integers(0, 6), max_size=4)


@pytest.mark.parametrize("free", [True, False], ids=["free", "paid"])
@settings(max_examples=200)
@given(environments(), demands)
def test_what_a_job_gets_is_what_the_node_gives(
    free: bool, reply: dict[str, Any], asked: dict[str, int]
) -> None:
    environment = ComputeEnvironment.from_reply(reply)
    limits = environment.free if free else environment.paid

    found = allotment.allot(environment, limits, asked)

    try:
        given_ = node_rules.filled(reply, asked, free)
    except node_rules.Refused:
        event("refused")
        assert found.misses
        return
    if found.misses:
        # We are stricter in two things: resources it does not know, and a start that would wait for ever.
        event("stricter")
        known = {id_: amount for id_, amount in asked.items() if id_ in given_}
        assert not limits.resources or not allotment.allot(environment, limits, known).misses
        return
    event("taken")
    assert found.amounts == given_
    assert allotment.starts_now(environment, limits, found.amounts) == node_rules.available(
        reply, given_, free
    )


@settings(max_examples=200)
@given(environments(), demands, st.sampled_from([1, 59, 60, 61, 3599, 100_000]))
def test_what_a_paid_job_costs_is_what_the_node_locks(
    reply: dict[str, Any], asked: dict[str, int], seconds: int
) -> None:
    reply["access"] = None
    del reply["free"]
    demand = choosing.Demand(asked, seconds, payment=Payment(8996, "0xT"))

    offers = choosing.weigh([ComputeEnvironment.from_reply(reply)], demand, "cheapest").offers

    for offer in offers:
        (fees,) = reply["fees"]["8996"]
        lasts = min(seconds, reply["maxJobDuration"])
        job = node_rules.filled(reply, asked, free=False)
        assert float(offer.cost) == node_rules.cost(reply, job, fees["prices"], lasts) > 0


@settings(max_examples=200)
@given(accesses, st.sampled_from([*ACCOUNTS, "0xC"]), st.sets(st.sampled_from(CONTRACTS)))
def test_who_is_let_in_is_who_the_node_lets_in(access: dict[str, Any], address: str, held: set[str]) -> None:
    reply = {"id": "0xhash-0xid", "resources": [], "access": access}
    refusal = ComputeEnvironment.from_reply(reply).paid.access.refuses(
        address, [AccessList(8996, contract) for contract in held]
    )

    assert (refusal is None) == node_rules.lets_in(access, address, {("8996", contract) for contract in held})


def resource(id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "total": 9, "max": 9, "min": 0, "inUse": 0, **fields}


def both_ways(reply: dict[str, Any], asked: dict[str, int], free: bool) -> tuple[dict[str, float], bool]:
    """What the job gets and whether it starts now, on which ours and the second arithmetic agree."""
    environment = ComputeEnvironment.from_reply(reply)
    limits = environment.free if free else environment.paid
    found = allotment.allot(environment, limits, asked)
    assert found.misses == []
    assert found.amounts == node_rules.filled(reply, asked, free)
    starts_now = allotment.starts_now(environment, limits, found.amounts)
    assert starts_now == node_rules.available(reply, found.amounts, free)
    return found.amounts, starts_now


@pytest.mark.parametrize(("in_use", "starts_now"), [(1, True), (2, False)])
def test_free_jobs_may_have_a_total_of_their_own(in_use: int, starts_now: bool) -> None:
    free = {"access": None, "resources": [resource("cpu", total=3, inUse=in_use)]}
    reply = {"id": "0xhash-0xid", "resources": [resource("cpu")], "runningJobs": 0, "free": free}

    assert both_ways(reply, {"cpu": 2}, free=True) == ({"cpu": 2}, starts_now)


def test_of_a_group_the_least_used_are_raised_first_and_no_further_than_needed() -> None:
    gpu = {"type": "gpu", "max": 2}
    reply = {
        "id": "0xhash-0xid",
        "features": {"computeJobs": True},
        "runningJobs": 0,
        "resources": [
            resource("cpu", constraints=[{"type": "gpu", "min": 3, "perUnit": False}]),
            resource("gpu0", inUse=2, **gpu),
            resource("gpu1", inUse=0, **gpu),
            resource("gpu2", inUse=1, **gpu),
        ],
    }

    assert both_ways(reply, {"cpu": 1}, free=False)[0] == {"cpu": 1, "gpu0": 0, "gpu1": 2, "gpu2": 1}


@pytest.mark.parametrize(
    ("features", "misses"),
    [
        (None, ["1 gpu0 goes with at most 2 cpu, and it would be 4"]),
        ({"computeJobs": True}, ["1 gpu0 goes with at most 2 cpu, and it would be 8"]),
    ],
    ids=["3.2", "next"],
)
def test_the_next_major_raises_all_before_it_holds_anything_against_a_limit(features, misses) -> None:
    reply = {
        "id": "0xhash-0xid",
        "features": features,
        "resources": [
            resource("gpu0", constraints=[{"id": "cpu", "max": 2}]),
            resource("gpu1", constraints=[{"id": "cpu", "min": 8}]),
            resource("cpu"),
        ],
    }
    environment = ComputeEnvironment.from_reply(reply)

    found = allotment.allot(environment, environment.paid, {"gpu0": 1, "gpu1": 1, "cpu": 4})

    assert found.misses == misses
