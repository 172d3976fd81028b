# SPDX-License-Identifier: Apache-2.0
"""POST /compute: refused in the recorded words, and what is locked, also when it is refused too late."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import services
from tests.local_ocean_node.paying import (
    MAIN,
    ONE,
    PAID_ONLY,
    PRICE_ZERO,
    Payer,
    environments,
    paid,
    running_paid_node,
)
from tests.local_ocean_node.publishing import until
from tests.local_ocean_node.running import python_image, recordings, running_ocean_node

pytestmark = pytest.mark.chain

STARTS = recordings("paid-start")
WITHOUT_FUNDS = [
    "paid-no-funds",
    "paid-missing-duration",
    "paid-bad-duration",
    "paid-missing-payment",
    "paid-bad-token",
    "paid-bad-chain",
    "paid-token-lowercase",
    "paid-no-auth",
    "paid-free-only",
    "paid-walled",
    "paid-too-many",
    "paid-algorithm-file",
]


@pytest.fixture(scope="module")
def url(chain: services.Chain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_paid_node(chain, paid(chain, tmp_path_factory.mktemp("node"))) as url:
        yield url


@pytest.fixture(autouse=True)
def idle(poor: Payer) -> None:
    """What the test before has started is over: a node says first that it has no room."""
    until(lambda: not any(one["runningJobs"] + one["queuedJobs"] for one in poor.environments()))


@pytest.fixture(scope="module")
def poor(url: str, chain: services.Chain) -> Payer:
    """Has put nothing into the escrow."""
    return Payer.at(url, chain, 8)


@pytest.fixture(scope="module")
def rich(url: str, chain: services.Chain) -> Payer:
    payer = Payer.at(url, chain, 3)
    payer.deposit()
    return payer


@pytest.fixture
def payer(rich: Payer) -> Payer:
    rich.authorize()
    return rich


@pytest.mark.parametrize("name", WITHOUT_FUNDS)
def test_a_paid_start_is_refused_in_the_recorded_words(poor: Payer, name: str):
    recorded = STARTS[name]

    reply = poor.replay(recorded)

    assert reply.status_code == recorded["response"]["status"]
    assert reply.headers["content-type"] == recorded["response"]["headers"]["content-type"]
    assert reply.json() == poor.words(recorded)


def test_without_an_authorization_nothing_is_locked(rich: Payer):
    stranger = Payer.at(rich.url, rich.chain, 4)
    stranger.deposit()

    reply = stranger.ask_to_pay()

    assert (reply.status_code, reply.json()) == (
        400,
        f"No escrow auths found for: chain=8996, token={rich.chain.fee_token}, payer={stranger.address}, "
        f"nodeAddress={stranger.payee}. Found 0 authorizations.",
    )
    assert stranger.locks() == []


def test_no_more_locks_than_authorized(rich: Payer):
    recorded = STARTS["paid-too-many-locks"]
    rich.authorize(count=0)

    reply = rich.replay(recorded)

    assert reply.status_code == recorded["response"]["status"]
    assert reply.json() == recorded["response"]["body"]["json"]


def test_no_more_tokens_than_authorized(rich: Payer):
    locked = sum(lock[2] for lock in rich.locks()) // ONE
    rich.authorize(tokens=locked)

    assert rich.ask_to_pay().json() == "No valid escrow auths found(will go over limit)"

    rich.authorize(tokens=locked + 1)

    assert rich.ask_to_pay().status_code == 200


def test_no_longer_than_authorized(rich: Payer):
    """A lock lasts as long as the job may, and an hour for the claim."""
    rich.authorize(seconds=3659)

    assert rich.ask_to_pay().json() == "No valid escrow auths found(maxLockSeconds too low)"

    rich.authorize(seconds=3660)

    assert rich.ask_to_pay().status_code == 200


def test_a_price_of_zero_is_refused_by_the_contract(payer: Payer):
    reply = payer.ask_to_pay(at=PRICE_ZERO)
    recorded = STARTS["paid-zero-price"]["response"]

    assert reply.status_code == recorded["status"]
    assert without_numbers(reply.json()) == without_numbers(recorded["body"]["json"])


def test_a_start_locks_what_it_may_cost_at_most(payer: Payer):
    available, locked = payer.funds()

    job = payer.start_paid(at=PAID_ONLY, maxJobDuration=121)

    assert payer.funds() == (available - 9 * ONE, locked + 9 * ONE)
    (lock,) = (lock for lock in payer.locks() if lock[0] == int(job["jobIdHash"], 16))
    assert (lock[1], lock[2], lock[4]) == (payer.address, 9 * ONE, payer.chain.fee_token)
    block = payer.chain.web3.eth.get_block("latest")
    assert lock[3] - block["timestamp"] <= 121 + 3600
    receipt = payer.chain.web3.eth.get_transaction_receipt(job["payment"]["lockTx"])
    assert receipt["from"] == payer.payee


def test_the_node_itself_pays_for_its_transactions(chain: services.Chain, tmp_path: Path):
    with running_ocean_node(paid(chain, tmp_path)) as url:
        payer = Payer.at(url, chain, 3)
        payer.authorize()
        chain.give_gas(payer.payee, 0)
        reply = payer.ask_to_pay()

    assert (reply.status_code, reply.json()) == (
        400,
        "Node insufficient gas funds. If you are the node owner, please add gas funds to the node.",
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"metadata": {"much": "x" * 1024}}, "Metadata size is too large"),
        ({"outputBucketId": "no-uuid"}, "Invalid bucketId"),
        ({"output": "00"}, "Invalid output: second arg must be public key"),
        (
            {"algorithm": {"meta": {"rawcode": "1", "container": {"image": "nope", "tag": "latest"}}}},
            "Cannot find image nope:latest for ",
        ),
    ],
)
def test_what_is_refused_after_the_lock_stays_locked(payer: Payer, fields: dict, words: str):
    _, locked = payer.funds()

    reply = payer.ask_to_pay(**fields)

    assert reply.status_code == 400
    assert reply.json().startswith(words)
    assert payer.funds()[1] == locked + ONE


def test_a_duration_that_is_no_number_has_no_price(payer: Payer):
    reply = payer.ask_to_pay(maxJobDuration="long")

    assert reply.status_code == 400
    assert reply.json().startswith('invalid FixedNumber string value (argument="value", value="NaN"')


def test_an_image_to_build_costs_nothing(payer: Payer):
    """A real node would build it."""
    _, locked = payer.funds()
    container = {**python_image(), "dockerfile": "FROM python:3.11"}

    reply = payer.ask_to_pay(algorithm={"meta": {"rawcode": "1", "container": container}})

    assert reply.status_code == 500
    assert payer.funds()[1] == locked


def test_two_equal_starts_are_two_jobs_and_two_locks(payer: Payer):
    before = len(payer.locks())

    first, second = payer.start_paid(queueMaxWaitTime=60), payer.start_paid(queueMaxWaitTime=60)

    assert first["jobId"] != second["jobId"]
    assert len(payer.locks()) == before + 2


def test_starts_at_once_are_locked_each(payer: Payer):
    before = len(payer.locks())

    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: payer.ask_to_pay(queueMaxWaitTime=60), range(4)))

    # Some may lose the race of their nonces: those have not happened.
    started = [reply for reply in replies if reply.status_code == 200]
    assert {reply.status_code for reply in replies} <= {200, 401}
    assert len({reply.json()[0]["payment"]["lockTx"] for reply in started}) == len(started) > 0
    assert len(payer.locks()) == before + len(started)


def test_a_chain_that_does_not_answer_refuses_and_does_not_hold_up_the_node(
    chain: services.Chain, tmp_path: Path
):
    settings = paid(chain, tmp_path)
    (of_chain,) = settings.chains
    dead = type(of_chain)(of_chain.chain_id, "http://127.0.0.1:9", of_chain.address_file)
    with running_ocean_node(paid(chain, tmp_path, chains=(dead,))) as url:
        payer = Payer.at(url, chain, 3)
        reply = payer.ask_to_pay()

    assert (reply.status_code, reply.json()) == (400, "Cannot read properties of null (reading 'toString')")


def test_free_and_paid_jobs_share_what_an_environment_has(chain: services.Chain, tmp_path: Path):
    """A queued job takes nothing, even while it runs; a free one counts among all."""
    settings = paid(chain, tmp_path, environments=environments(chain.fee_token)[:1])
    with running_paid_node(chain, settings) as url:
        payer = Payer.at(url, chain, 3)
        payer.authorize()
        sleep = "import time; time.sleep(60)"
        payer.start(sleep)
        payer.start_paid(sleep)
        queued = payer.start_paid(sleep, queueMaxWaitTime=60)
        (environment,) = payer.environments()
        busy = payer.ask_to_pay()

        assert (environment["runningJobs"], environment["runningfreeJobs"]) == (2, 1)
        assert (environment["queuedJobs"], environment["queuedFreeJobs"]) == (1, 0)
        assert environment["resources"][0]["inUse"] == 2
        assert environment["free"]["resources"][0]["inUse"] == 1
        assert (busy.status_code, busy.json()) == (400, "Not enough available cpu")
        assert queued["status"] == 1
        assert len(payer.locks()) == 2


def test_an_environment_without_free_jobs_says_so_in_javascript(rich: Payer):
    reply = rich.ask_for(environment=rich.environments()[PAID_ONLY]["id"])

    assert (reply.status_code, reply.json()) == (
        400,
        "TypeError: Cannot read properties of undefined (reading 'access')",
    )
    assert rich.ask_for(environment=rich.environments()[MAIN]["id"]).status_code == 200


def without_numbers(words: str) -> str:
    """Addresses, hashes and call data differ, in as many digits."""
    return re.sub(r"0x[0-9a-fA-F]+", lambda found: f"0x({len(found[0])})", words)
