# SPDX-License-Identifier: Apache-2.0
"""What a listing of compute environments says, and who may use one: read from a recorded node."""

from __future__ import annotations

import copy
import math
from decimal import Decimal

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.job_request import held_access_lists
from airflow_provider_deflow.ocean.access import Access, AccessList
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.environments import (
    ComputeEnvironment,
    Constraint,
    Features,
)

WALLED_ADDRESS = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
LIST = "0x1111111111111111111111111111111111111111"


@pytest.fixture
def listed(recorded) -> list[dict]:
    return copy.deepcopy(recorded("environments", "environments-all")["response"]["body"]["json"])


@pytest.fixture
def named(listed) -> dict[str, ComputeEnvironment]:
    return {item["description"]: ComputeEnvironment.from_reply(item) for item in listed}


def test_what_an_environment_offers(named):
    main = named["main: paid and free"]
    assert (main.architecture, main.os) == ("x86_64", "linux")
    assert main.has_network is False
    assert main.features is None
    assert main.storage_expiry_seconds == 604800
    assert main.min_duration_seconds == 60
    assert main.resources["cpu"].description == "AMD EPYC"
    assert (main.paid.max_duration_seconds, main.paid.max_jobs, main.paid.queued_jobs) == (3600, 0, 0)
    assert {id_: limit.max for id_, limit in main.paid.resources.items()} == {"cpu": 2, "ram": 4, "disk": 5}


def test_what_a_free_job_may_have(named):
    main = named["main: paid and free"]
    assert main.is_free
    assert (main.free.max_duration_seconds, main.free.max_jobs, main.free.queued_jobs) == (600, 3, 0)
    assert main.free.allows_image_build
    assert {id_: limit.max for id_, limit in main.free.resources.items()} == {"cpu": 1, "ram": 1, "disk": 1}
    # Left out of the free limits: the least is the environment's own, and the total is no limit at all.
    assert main.free.resources["cpu"].min == 1
    assert main.free.resources["cpu"].total == math.inf
    assert not named["paid only"].is_free


def test_prices_are_whole_tokens_by_chain_and_token(named):
    fees = named["paid only"].fees_in(8996, TOKEN)
    assert dict(fees.prices) == {"cpu": Decimal("3.0")}
    assert named["price zero"].fees_in(8996, TOKEN).prices["cpu"] == 0
    assert named["free only, short"].fees == ()
    # A node compares the token's address as text.
    assert named["paid only"].fees_in(8996, TOKEN.lower()) is None
    assert named["paid only"].fees_in(1, TOKEN) is None


def test_a_strangers_words_are_one_line_that_steers_no_terminal(listed):
    """They are in the task's log and on the terminal; right-to-left words are words."""
    listed[0]["description"] = "fast\n[2026-01-01] all is\x1b[2J well \u202egpj\u2028\x9b \ud800 سريع"
    listed[0]["platform"]["architecture"] = "arm\r\n64\x1b"
    listed[0]["resources"][0].update(id="cpu\n", description="x" * 100_000)
    found = ComputeEnvironment.from_reply(listed[0])
    assert found.description == "fast [2026-01-01] all is[2J well gpj سريع"
    assert found.architecture == "arm 64"
    assert "cpu" in found.resources
    assert found.resources["cpu"].description == "x" * 199 + "…"


def test_an_environment_in_use_says_how_much_and_how_many_wait(recorded):
    reply = recorded("free-start", "queued-environments")["response"]["body"]["json"]
    full = ComputeEnvironment.from_reply(reply[0])
    assert full.resources["cpu"].idle < 1
    assert full.free.running_jobs + full.free.queued_jobs >= 1


def test_every_recorded_listing_can_be_read(recorded):
    for exchange in recorded.all("environments"):
        reply = exchange["response"]["body"]["json"]
        assert [ComputeEnvironment.from_reply(item).id for item in reply] == [item["id"] for item in reply]


def test_constraints_and_features_are_those_of_both_majors(listed):
    item = listed[0]
    item["features"] = {"computeJobs": True, "services": False}
    item["resources"][0]["constraints"] = [
        {"id": "ram", "min": 2, "max": 4},
        {"type": "gpu", "min": 1, "perUnit": False},
        {"id": "disk", "max": 3, "aggregate": True},
    ]
    environment = ComputeEnvironment.from_reply(item)
    assert environment.features == Features(compute_jobs=True, services=False)
    assert environment.resources["cpu"].constraints == (
        Constraint("ram", None, 2, 4),
        Constraint(None, "gpu", 1, None, per_unit=False),
        Constraint("disk", None, None, 3, is_aggregate=True),
    )


def test_what_is_needed_and_not_there_is_said(listed):
    del listed[0]["resources"][0]["id"]
    with pytest.raises(errors.UnexpectedReply, match="'id' must be a text"):
        ComputeEnvironment.from_reply(listed[0])


# access


def test_a_listed_account_may_use_a_walled_one(named):
    access = named["walled"].free.access
    assert access.refuses(WALLED_ADDRESS) is None
    assert access.refuses(None) == "it is for certain accounts only, and none was given"
    # A node compares addresses as text.
    assert access.refuses(WALLED_ADDRESS.lower()) == f"its access list does not name {WALLED_ADDRESS.lower()}"


@pytest.mark.parametrize(
    "reply",
    [
        None,
        {"addresses": [], "accessLists": []},
        # Traps of 3.2: without the list of access lists, the addresses are not looked at.
        {"addresses": [WALLED_ADDRESS], "accessLists": None},
        {"addresses": [WALLED_ADDRESS]},
    ],
)
def test_these_are_open_to_everybody(reply):
    assert Access.from_reply(reply).refuses("0xanybody") is None


def test_an_access_list_lets_its_holders_in_as_far_as_is_known():
    access = Access.from_reply({"addresses": ["0xListed"], "accessLists": [{"8996": [LIST]}]})
    assert access.refuses("0xListed") is None
    assert access.refuses("0xme") == (
        f"it is for holders of an access list ({LIST} on chain 8996), and 0xme's are not known"
    )
    assert access.refuses("0xme", [AccessList(8996, LIST.upper().replace("X", "x"))]) is None
    for held in ([], [AccessList(1, LIST)]):
        assert "as far as the node has indexed" in access.refuses("0xme", held)


def test_an_empty_map_of_access_lists_lets_nobody_in():
    assert Access.from_reply({"addresses": [], "accessLists": [{}]}).refuses("0xme", []) is not None


def test_a_nodes_index_tells_which_access_lists_an_account_is_on(scripted_node, signer, tmp_path):
    reply = [{"chainId": 8996, "contractAddress": LIST, "users": [{"wallet": "0xme", "tokenId": 1}]}]
    scripted_node.answer("GET", "/api/services/accesslists", (200, reply))
    with OceanNode(scripted_node.url, signer, state_folder=tmp_path) as node:
        assert node.access_lists(signer.address) == [AccessList(8996, LIST)]
    assert scripted_node.asked[0]["query"] == {"wallet": signer.address}


def test_it_is_asked_only_where_an_environment_depends_on_it(scripted_node, listed, signer, tmp_path):
    scripted_node.answer("GET", "/api/services/accesslists", (200, []), (500, b"Unknown error: no data base"))
    listed[0]["access"] = {"addresses": [], "accessLists": [{"8996": [LIST]}]}
    main, short = (ComputeEnvironment.from_reply(item) for item in listed[:2])
    with OceanNode(scripted_node.url, signer, state_folder=tmp_path) as node:
        assert held_access_lists(node, [short], signer.address) is None
        assert held_access_lists(node, [main, short], None) is None
        assert scripted_node.asked == []
        assert held_access_lists(node, [main, short], signer.address) == []
        # A node without an index cannot say.
        assert held_access_lists(node, [main, short], signer.address) is None
