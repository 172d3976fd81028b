# SPDX-License-Identifier: Apache-2.0
"""Which environment a free job gets, on the five environments of a recorded node."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean.compute import ComputeEnvironment, choose_environment

WALLED_ADDRESS = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"


@pytest.fixture
def environments(recorded) -> list[ComputeEnvironment]:
    listed = recorded("environments", "environments-all")["response"]["body"]["json"]
    return [ComputeEnvironment.from_reply(item) for item in listed]


@pytest.fixture
def named(environments) -> dict[str, ComputeEnvironment]:
    return {environment.description: environment for environment in environments}


def busy(environment: ComputeEnvironment) -> ComputeEnvironment:
    return replace(environment, free=replace(environment.free, running_jobs=environment.free.max_jobs))


def test_what_an_environment_offers(named):
    main = named["main: paid and free"]
    assert main.architecture == "x86_64"
    assert main.has_network is False
    assert main.storage_expiry_seconds == 604800
    assert main.is_free
    assert main.free.max_duration_seconds == 600
    assert main.free.max_jobs == 3
    assert main.free.allows_image_build
    assert {id_: limit.max for id_, limit in main.free.resources.items()} == {"cpu": 1, "ram": 1, "disk": 1}
    # Left out of the free limits, so the environment's own.
    assert main.free.resources["cpu"].min == 1
    assert not named["paid only"].is_free


def test_the_first_that_fits_is_taken_and_the_others_are_explained(environments, named):
    chosen, why = choose_environment(environments, None, {"cpu": 1, "ram": 1}, 300)
    assert chosen == named["main: paid and free"]
    assert why.startswith(f"{chosen.id} (main: paid and free) was chosen: it fits. Rejected:")
    assert "(free only, short): free jobs end after 30 s, 300 s asked for" in why
    assert "(walled): its access list does not name this account" in why
    assert "(paid only): it takes no free jobs" in why


def test_one_that_is_not_busy_goes_first(environments, named):
    listed = [busy(environments[0]), *environments[1:]]
    assert choose_environment(listed, None, {"cpu": 1}, 20)[0] == named["free only, short"]


def test_when_all_that_fit_are_busy_one_is_taken_all_the_same(environments):
    chosen, why = choose_environment([busy(environments[0]), *environments[2:]], None, {}, None)
    assert chosen.description == "main: paid and free"
    assert "though it is busy now" in why


def test_resources_in_use_make_it_busy(recorded):
    listed = recorded("free-start", "queued-environments")["response"]["body"]["json"]
    full = ComputeEnvironment.from_reply(listed[0])
    assert full.misses({"cpu": 1}, 60) == []
    assert not full.is_free_now({"cpu": 1})


def test_a_listed_account_may_use_a_walled_one(named):
    walled = named["walled"]
    assert walled.misses({}, None, WALLED_ADDRESS) == []
    # A node compares addresses as text.
    assert walled.misses({}, None, WALLED_ADDRESS.lower()) == [
        f"its access list does not name {WALLED_ADDRESS.lower()}"
    ]


def test_every_miss_is_named(named):
    assert named["main: paid and free"].misses({"cpu": 5, "ram": 2, "gpu": 1, "disk": 0}, 3600) == [
        "at most 1 cpu, 5 cpu asked for",
        "at most 1 GB of ram, 2 GB of ram asked for",
        "it has no gpu for free jobs, 1 gpu asked for",
        "free jobs end after 600 s, 3600 s asked for",
    ]


def test_when_none_fits_each_one_says_why(environments):
    with pytest.raises(errors.NoEnvironment) as raised:
        choose_environment(environments, None, {"cpu": 2}, 100_000)
    lines = str(raised.value).splitlines()
    assert lines[0] == (
        "no compute environment of the Ocean Node fits a free job of 2 cpu, 100000 s — "
        "each one missed something; ask for less, or choose another Ocean Node"
    )
    assert len(lines) == 1 + len(environments)
    assert all(": " in line for line in lines[1:])


def test_a_node_without_environments_is_said_to_have_none():
    with pytest.raises(errors.NoEnvironment, match="it offers none at all"):
        choose_environment([], None, {}, None)


def test_a_named_environment_is_taken(environments, named):
    short = named["free only, short"]
    assert choose_environment(environments, short.id, {}, 30) == (
        short,
        f"{short.id} (free only, short) was named.",
    )


def test_a_named_environment_that_vanished_is_never_replaced(environments):
    gone = environments[0].id[:-1] + "x"
    with pytest.raises(errors.NoEnvironment, match="is not on this Ocean Node any more") as raised:
        choose_environment(environments, gone, {}, None)
    assert all(environment.id in str(raised.value) for environment in environments)


def test_a_named_environment_that_does_not_fit_is_never_replaced(environments, named):
    with pytest.raises(errors.NoEnvironment, match="free jobs end after 30 s, 31 s asked for"):
        choose_environment(environments, named["free only, short"].id, {}, 31)
