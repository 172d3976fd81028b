# SPDX-License-Identifier: Apache-2.0
"""Which environment a job gets by each policy, and what is said about the others, on a recorded node."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean.choosing import (
    Demand,
    choose_environment,
    policy_named,
    weigh,
)
from airflow_provider_deflow.ocean.environments import ComputeEnvironment, Features
from airflow_provider_deflow.ocean.payments import Payment

TOKEN = Payment(8996, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
ONE_CPU = {"cpu": 1, "ram": 1}


@pytest.fixture
def environments(recorded) -> list[ComputeEnvironment]:
    listed = recorded("environments", "environments-all")["response"]["body"]["json"]
    return [ComputeEnvironment.from_reply(item) for item in listed]


@pytest.fixture
def named(environments) -> dict[str, ComputeEnvironment]:
    return {environment.description: environment for environment in environments}


def full(environment: ComputeEnvironment) -> ComputeEnvironment:
    """As many free jobs as it takes are running."""
    return replace(environment, free=replace(environment.free, running_jobs=environment.free.max_jobs))


def with_cpu_in_use(environment: ComputeEnvironment, total: float, in_use: float) -> ComputeEnvironment:
    cpu = replace(environment.resources["cpu"], total=total, in_use=in_use)
    return replace(environment, resources={**environment.resources, "cpu": cpu})


def with_queue(environment: ComputeEnvironment, queued_jobs: int) -> ComputeEnvironment:
    return replace(environment, paid=replace(environment.paid, queued_jobs=queued_jobs))


def reasons(environment: ComputeEnvironment, demand: Demand) -> list[str]:
    return [reason for one in weigh([environment], demand, "fastest").rejected for reason in one.reasons]


# free


def test_the_first_that_fits_is_taken_and_the_others_are_explained(environments, named):
    offer, why = choose_environment(environments, Demand(ONE_CPU, needed_seconds=300))
    main, short, walled = (named[name] for name in ("main: paid and free", "free only, short", "walled"))
    assert offer.environment == main
    assert why == (
        f"{main.id} (main: paid and free) was chosen, policy free: "
        "1 cpu, 1 GB of ram for up to 600 s, free, idle.\n"
        "Rejected:\n"
        f"  {short.id} (free only, short): free jobs end after 30 s, 300 s asked for\n"
        f"  {walled.id} (walled): it is for certain accounts only, and none was given\n"
        f"  {named['paid only'].id} (paid only): it takes no free jobs\n"
        f"  {named['price zero'].id} (price zero): it takes no free jobs"
    )


def test_one_that_is_not_busy_goes_first(environments, named):
    listed = [full(environments[0]), *environments[1:]]
    offer, why = choose_environment(listed, Demand(ONE_CPU))
    assert offer.environment == named["free only, short"]
    assert f"Fits too:\n  {listed[0].name}: 1 cpu, 1 GB of ram for up to 600 s, free, busy now" in why


def test_jobs_that_are_listed_as_queued_may_be_running_so_the_shorter_queue_goes_first(environments, named):
    listed = [with_queue(environments[0], 2), *environments[1:]]
    offer, why = choose_environment(listed, Demand(ONE_CPU))
    assert offer.environment == named["free only, short"]
    assert "free, room now, 2 queued" in why


def test_when_all_that_fit_are_busy_one_is_taken_all_the_same(environments):
    offer, why = choose_environment([full(environments[0]), *environments[2:]], Demand())
    assert offer.environment.description == "main: paid and free"
    assert not offer.starts_now
    assert "free, busy now" in why


def test_resources_in_use_make_it_busy_and_reject_nothing(recorded):
    listed = recorded("free-start", "queued-environments")["response"]["body"]["json"]
    offer, _ = choose_environment([ComputeEnvironment.from_reply(listed[0])], Demand(ONE_CPU))
    assert not offer.starts_now


def test_a_default_duration_is_cut_where_one_that_was_asked_for_rejects(named):
    short = named["free only, short"]
    offer, _ = choose_environment([short], Demand(max_duration_seconds=3600))
    assert offer.max_duration_seconds == 30
    with pytest.raises(errors.NoEnvironment):
        choose_environment([short], Demand(max_duration_seconds=3600, needed_seconds=3600))


# what does not fit


def test_every_miss_is_named(named):
    demand = Demand(
        {"cpu": 5, "ram": 2, "gpu": 1, "disk": 0},
        needed_seconds=3600,
        architecture="arm64",
        builds_image=True,
        needs_network=True,
    )
    assert reasons(named["main: paid and free"], demand) == [
        "at most 1 cpu, 5 cpu asked for",
        "at most 1 GB of ram, 2 GB of ram asked for",
        "it has no gpu for free jobs, 1 gpu asked for",
        "free jobs end after 600 s, 3600 s asked for",
        "its machine is x86_64, arm64 asked for",
        "its algorithms have no network",
    ]
    assert reasons(named["free only, short"], Demand(builds_image=True)) == [
        "it builds no images for free jobs"
    ]


def test_amd64_is_x86_64_as_on_the_node(named):
    assert reasons(named["main: paid and free"], Demand(architecture="amd64")) == []


def test_compute_jobs_may_be_switched_off_in_the_next_major(named):
    services_only = replace(named["main: paid and free"], features=Features(False, True))
    assert reasons(services_only, Demand()) == ["its owner switched compute jobs off"]


def test_when_none_fits_each_one_says_why(environments):
    with pytest.raises(errors.NoEnvironment) as raised:
        choose_environment(environments, Demand({"cpu": 2}, needed_seconds=100_000))
    lines = str(raised.value).splitlines()
    assert lines[0] == (
        "no compute environment of the Ocean Node fits a free job of 2 cpu, 100000 s — "
        "each one missed something; ask for less, or choose another Ocean Node"
    )
    assert len(lines) == 1 + len(environments)
    assert all(": " in line for line in lines[1:])


def test_a_node_without_environments_is_said_to_have_none():
    with pytest.raises(errors.NoEnvironment, match="it offers none at all"):
        choose_environment([], Demand())


# a named one


def test_a_named_environment_is_taken(environments, named):
    short = named["free only, short"]
    offer, why = choose_environment(environments, Demand(needed_seconds=30), named=short.id)
    assert offer.environment == short
    assert why.startswith(f"{short.name} was named: ")


def test_a_named_environment_that_vanished_is_never_replaced(environments):
    gone = environments[0].id[:-1] + "x"
    with pytest.raises(errors.NoEnvironment, match="is not on this Ocean Node any more") as raised:
        choose_environment(environments, Demand(), named=gone)
    assert all(environment.id in str(raised.value) for environment in environments)


def test_a_named_environment_that_does_not_fit_is_never_replaced(environments, named):
    with pytest.raises(errors.NoEnvironment, match="free jobs end after 30 s, 31 s asked for"):
        choose_environment(environments, Demand(needed_seconds=31), named=named["free only, short"].id)


# cheapest


def test_a_free_job_is_the_cheapest(environments, named):
    offer, _ = choose_environment(environments, Demand(ONE_CPU, payment=TOKEN), "cheapest")
    assert (offer.environment, offer.is_free, offer.cost) == (named["main: paid and free"], True, 0)


def test_what_no_free_job_gets_is_had_for_the_least_money(environments, named):
    demand = Demand({"cpu": 2}, 1801, needed_seconds=1801, payment=TOKEN)
    offer, why = choose_environment(environments, demand, "cheapest")
    # 2 cpu for 31 started minutes, at 1 token; the other takes 3.
    assert (offer.environment, offer.is_free, offer.cost) == (
        named["main: paid and free"],
        False,
        Decimal(62),
    )
    assert "at most 62 tokens" in why
    assert "at most 186 tokens" in why


def test_the_least_billed_duration_counts(named):
    only = [named["paid only"]]
    offer, _ = choose_environment(only, Demand({"cpu": 1}, 10, payment=TOKEN), "cheapest")
    assert offer.cost == 3


def test_equal_costs_leave_it_to_who_is_idle(environments, named):
    listed = [full(environments[0]), *environments[1:]]
    offer, _ = choose_environment(listed, Demand(ONE_CPU, payment=TOKEN), "cheapest")
    assert offer.environment == named["free only, short"]


def test_a_price_of_zero_cannot_be_paid(named):
    demand = Demand(ONE_CPU, payment=TOKEN)
    assert reasons(named["price zero"], demand) == [
        "free: it takes no free jobs",
        "paid: its prices come to 0, and the escrow locks no such amount",
    ]


def test_another_token_or_chain_does_not_pay(named):
    demand = Demand(ONE_CPU, payment=Payment(1, "0xabc"))
    assert reasons(named["paid only"], demand)[1] == (
        f"paid: it is not paid with 0xabc on chain 1, but with {TOKEN.token} on chain 8996"
    )
    with pytest.raises(errors.NoEnvironment, match="fits a job of 1 cpu"):
        choose_environment([named["paid only"]], demand, "cheapest")


def test_without_money_nothing_is_paid(environments):
    with pytest.raises(errors.NoEnvironment):
        choose_environment(environments, Demand({"cpu": 2}), "cheapest")
    assert all(offer.is_free for offer in weigh(environments, Demand(ONE_CPU), "cheapest").offers)


# fastest


def test_the_fastest_is_idle_then_has_most_cpu_then_the_shortest_queue(named):
    main = named["main: paid and free"]
    busy_giant = with_cpu_in_use(replace(main, id="0xa-busy"), total=64, in_use=64)
    small = with_cpu_in_use(replace(main, id="0xa-small"), total=2, in_use=0)
    queued = with_cpu_in_use(replace(main, id="0xa-queued"), total=8, in_use=4)
    queued = with_queue(queued, 2)
    empty_queue = with_cpu_in_use(replace(main, id="0xa-empty"), total=4, in_use=0)
    ordered = weigh([busy_giant, small, queued, empty_queue], Demand(ONE_CPU), "fastest").offers
    ids = [offer.environment.id for offer in ordered]
    assert ids == ["0xa-empty", "0xa-queued", "0xa-small", "0xa-busy"]


# the policy's name


def test_an_unknown_policy_is_refused_with_the_known_ones():
    assert policy_named("cheapest", "here") == "cheapest"
    with pytest.raises(errors.SettingsError, match="here is 'quick': write one of free, cheapest, fastest"):
        policy_named("quick", "here")
