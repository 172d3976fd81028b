# SPDX-License-Identifier: Apache-2.0
"""Environments with fees, and what a paid job would cost: as the recorded node said it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import services
from tests.local_ocean_node.paying import (
    FREE_ONLY,
    MAIN,
    PRICE_ZERO,
    WALLED,
    Payer,
    environments,
    paid,
    running_paid_node,
)
from tests.local_ocean_node.running import python_image, recordings, running_ocean_node, shape

pytestmark = pytest.mark.chain

QUOTES = recordings("initialize-compute")
ENVIRONMENTS = recordings("environments")
WITHOUT_ASSETS = [
    "init-rawcode",
    "init-queue",
    "init-duration-over",
    "init-duration-text",
    "init-no-duration",
    "init-no-algorithm",
    "init-no-payment",
    "init-no-environment",
    "init-no-consumer",
    "init-bad-consumer",
    "init-bad-token",
    "init-token-lowercase",
    "init-bad-chain",
    "init-too-many",
    "init-bad-env",
    "init-free-only",
    "init-zero-price",
    "init-dataset-file",
    "init-dataset-unknown",
    "init-algorithm-file",
]


@pytest.fixture(scope="module")
def payer(chain: services.Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Payer]:
    with running_paid_node(chain, paid(chain, tmp_path_factory.mktemp("node"))) as url:
        yield Payer.at(url, chain, 5)


@pytest.mark.parametrize("name", WITHOUT_ASSETS)
def test_a_quote_is_as_recorded(payer: Payer, name: str):
    recorded = QUOTES[name]

    reply = payer.replay(recorded)

    assert reply.status_code == recorded["response"]["status"]
    assert reply.headers["content-type"] == recorded["response"]["headers"]["content-type"]
    words = reply.json() if "json" in recorded["response"]["body"] else reply.text
    assert words == payer.words(recorded)


def test_a_quote_by_direct_command_is_the_same(payer: Payer):
    request = quote_request(payer)

    direct = payer.direct("initializeCompute", **request)

    assert direct.status_code == 200
    assert direct.json() == payer.post("/api/services/initializeCompute", request).json()


def test_a_quote_counts_every_started_minute_of_every_unit(payer: Payer):
    resources = [{"id": "cpu", "amount": 2}]

    def amount(seconds: int) -> int:
        request = quote_request(payer, seconds=seconds, resources=resources)
        return int(payer.post("/api/services/initializeCompute", request).json()["payment"]["amount"])

    assert [amount(seconds) // 10**18 for seconds in (1, 60, 61, 120, 121)] == [2, 2, 4, 4, 6]


def test_prices_below_one_base_unit_are_rounded_as_the_token_has_decimals(
    chain: services.Chain, tmp_path_factory: pytest.TempPathFactory
):
    (main, *_) = environments(chain.fee_token)
    fees = (type(main.fees[0])(chain.chain_id, chain.fee_token, (("cpu", 0.1), ("ram", 0.2))),)
    settings = paid(
        chain, tmp_path_factory.mktemp("node"), environments=(type(main)(cpu=1, ram=4, fees=fees),)
    )
    with running_ocean_node(settings) as url:
        payer = Payer.at(url, chain, 5)
        reply = payer.post("/api/services/initializeCompute", quote_request(payer))

    # 0.1 + 0.2 is 0.30000000000000004 to a real node, and so here.
    assert reply.json()["payment"]["amount"] == "300000000000000040"


def test_a_price_so_small_that_a_real_node_writes_it_with_an_exponent_cannot_be_paid(
    chain: services.Chain, tmp_path_factory: pytest.TempPathFactory
):
    (main, *_) = environments(chain.fee_token)
    fees = (type(main.fees[0])(chain.chain_id, chain.fee_token, (("cpu", 1e-7),)),)
    settings = paid(
        chain, tmp_path_factory.mktemp("node"), environments=(type(main)(cpu=1, ram=4, fees=fees),)
    )
    with running_ocean_node(settings) as url:
        payer = Payer.at(url, chain, 5)
        reply = payer.post("/api/services/initializeCompute", quote_request(payer))

    assert reply.status_code == 500
    assert 'value="1e-7"' in reply.text


@pytest.mark.parametrize("name", ["environments-all", "environments-chain", "environments-node-ignored"])
def test_environments_are_as_recorded(payer: Payer, name: str):
    recorded = ENVIRONMENTS[name]

    found = payer.get("/api/services/computeEnvironments", **recorded["request"]["query"]).json()

    theirs = recorded["response"]["body"]["json"]
    assert [one["description"] for one in found] == [one["description"] for one in theirs]
    for ours, real in zip(found, theirs, strict=True):
        assert shape(ours) == shape(real)
        for key in ("minJobDuration", "maxJobDuration", "storageExpiry", "access"):
            assert ours[key] == real[key]
        amounts = ("id", "total", "max", "min")
        assert [[one[key] for key in amounts] for one in ours["resources"]] == [
            [one[key] for key in amounts] for one in real["resources"]
        ]
        assert prices(ours) == prices(real)


def test_the_node_says_which_chains_it_serves(payer: Payer):
    root, status = payer.get("/").json(), payer.direct("status").json()
    recorded = recordings("node")

    theirs = recorded["root"]["response"]["body"]["json"]
    assert root["chainIds"] == theirs["chainIds"]
    real = recorded["status-command"]["response"]["body"]["json"]
    for key in ("provider", "indexer", "escrowAddress"):
        assert shape(status[key]) == shape(real[key])
    assert status["provider"] == real["provider"]
    assert status["escrowAddress"] == {"8996": payer.chain.addresses["Escrow"]}


def test_environments_of_another_chain_are_none(payer: Payer):
    assert payer.get("/api/services/computeEnvironments", chainId=1).json() == []


def test_fees_are_part_of_an_environment_s_id(payer: Payer, chain: services.Chain):
    ids = [one["id"] for one in payer.environments()]

    assert len(set(ids)) == 5
    assert environments(chain.fee_token)[MAIN].fees != environments(chain.fee_token)[WALLED].fees
    assert payer.environments()[FREE_ONLY]["fees"] is None
    assert "free" not in payer.environments()[PRICE_ZERO]


def test_an_environment_s_id_changes_with_its_fees_only(
    chain: services.Chain, tmp_path_factory: pytest.TempPathFactory
):
    folder = tmp_path_factory.mktemp("node")

    def ids(**changes) -> list[str]:
        with running_ocean_node(paid(chain, folder, **changes)) as url:
            return [one["id"] for one in Payer.at(url, chain, 5).environments()]

    before = ids()
    same = ids(environments=environments(chain.fee_token, max_disk=4))
    other_token = ids(environments=environments("0x" + "12" * 20))
    without_chains = ids(chains=())

    assert same == before
    assert [one == other for one, other in zip(before, other_token, strict=True)] == [
        False,
        True,
        False,
        False,
        False,
    ]
    # Fees on a chain that the node does not serve are no fees.
    assert [one == other for one, other in zip(before, without_chains, strict=True)].count(True) == 1


def quote_request(payer: Payer, seconds: int = 60, resources: list | None = None) -> dict:
    return {
        "environment": payer.environments()[MAIN]["id"],
        "consumerAddress": payer.address,
        "algorithm": {"meta": {"rawcode": "print(1)", "container": python_image()}},
        "datasets": [],
        "maxJobDuration": seconds,
        "payment": {
            "chainId": payer.chain.chain_id,
            "token": payer.chain.fee_token,
            "resources": resources or [],
        },
    }


def prices(environment: dict) -> list | None:
    return environment["fees"] and [fee["prices"] for fee in environment["fees"]["8996"]]
