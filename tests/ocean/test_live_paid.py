# SPDX-License-Identifier: Apache-2.0
"""Paid jobs by the client, at a whole Ocean Node that locks and claims on a real chain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import client, escrow_routes, start_routes
from airflow_provider_deflow.ocean.compute import JobRequest
from airflow_provider_deflow.ocean.payments import Payment
from tests import services
from tests.local_ocean_node.paying import MAIN, ONE, PAID_ONLY, PRICE_ZERO, Payer, paid, running_paid_node
from tests.ocean.test_live import until

pytestmark = [pytest.mark.stack, pytest.mark.chain]


@pytest.fixture(scope="module")
def node_url(chain: services.Chain, tmp_path_factory) -> Iterator[str]:
    settings = paid(chain, tmp_path_factory.mktemp("node"), claim_interval_seconds=0.2)
    with running_paid_node(chain, settings) as url:
        yield url


@pytest.fixture
def payment(chain: services.Chain) -> Payment:
    return Payment(chain.chain_id, chain.fee_token)


def ask_as(payer: Payer, tmp_path) -> client.OceanNode:
    return client.OceanNode(payer.url, payer.signer, state_folder=tmp_path, requests_per_minute=6000)


def request(node: client.OceanNode, environment: int = MAIN, **changes) -> JobRequest:
    container = {"image": "python", "tag": "3.11", "entrypoint": "python $ALGO", "checksum": ""}
    algorithm = {"meta": {"rawcode": "print('paid')", "container": container}}
    fields = {
        "environment": node.environments()[environment].id,
        "algorithm": algorithm,
        "resources": {"cpu": 1},
        "max_duration_seconds": 120,
        **changes,
    }
    return JobRequest(**fields)


def test_a_job_costs_what_was_quoted_at_most(node_url, chain, payment, tmp_path):
    payer = Payer.at(node_url, chain, 1)
    payer.deposit()
    payer.authorize()
    with ask_as(payer, tmp_path) as node:
        quote = node.quote(request(node), payment)
        assert (quote.amount, quote.payment, quote.to_order) == (2 * ONE, payment, ())
        job = node.start_paid(request(node), payment)
        assert job.payment.payment == payment
        assert job.payment.lock_tx.startswith("0x")
        job = until(node, job, lambda job: job.payment.claim_tx is not None)
        assert (job.outcome, job.payment.cost) == ("succeeded", "1")
        assert [line.text for line in node.logs(job)] == ["paid"]


def test_environments_are_listed_by_chain(node_url, chain, tmp_path):
    with ask_as(Payer.at(node_url, chain, 1), tmp_path) as node:
        everything = [environment.description for environment in node.environments()]
        of_chain = [environment.description for environment in node.environments(chain.chain_id)]
        assert set(everything) - set(of_chain) == {"free only, short"}
        assert node.environments(1) == []


def test_who_cannot_pay_is_told_what_to_do(node_url, chain, payment, tmp_path):
    # Who has no funds in the escrow from other tests of this chain.
    poor = Payer.at(node_url, chain, 7)
    with ask_as(poor, tmp_path) as node:
        with pytest.raises(
            errors.PaymentRefused, match=r"does not have enough funds.*Deposit into the escrow"
        ):
            node.start_paid(request(node), payment)
        poor.deposit()
        with pytest.raises(errors.PaymentRefused, match=r"No escrow auths found.*Authorize the Ocean Node"):
            node.start_paid(request(node), payment)
        poor.authorize()
        with pytest.raises(errors.PaymentRefused, match="Its prices come to 0"):
            node.start_paid(request(node, PRICE_ZERO), payment)
        with pytest.raises(errors.PaymentRefused, match="the token written exactly as there"):
            node.quote(request(node, PAID_ONLY), Payment(chain.chain_id, chain.fee_token.lower()))


def test_either_client_asks_any_route(node_url, chain, payment, tmp_path):
    payer = Payer.at(node_url, chain, 1)

    async def ask():
        async with client.AsyncOceanNode(node_url, requests_per_minute=6000) as node:
            wanted = JobRequest(
                (await node.ask(client.routes.environments()))[MAIN].id, {"meta": {"rawcode": "1"}}
            )
            quote = await node.ask(start_routes.quote(wanted, payer.signer.address, payment))
            return quote, await node.ask(escrow_routes.access_lists_of(payer.signer.address))

    quote, lists = asyncio.run(ask())
    assert quote.payment == payment
    assert lists == []
