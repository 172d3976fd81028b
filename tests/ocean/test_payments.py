# SPDX-License-Identifier: Apache-2.0
"""Paid jobs in requests and replies: what is quoted, sent and recorded, as a real node has it."""

from __future__ import annotations

import dataclasses
import json

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import client, exchange, routes, start_routes
from airflow_provider_deflow.ocean.compute import ComputeJob, JobRequest
from airflow_provider_deflow.ocean.payments import JobPayment, Payment, Quote
from airflow_provider_deflow.signing import KeySigner

URL = "http://node.test:8001"
NODE = "0xe2DD09d719Da89e5a3D0F2549c7E24566e947260"
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
PAYMENT = Payment(8996, TOKEN)


@pytest.fixture(scope="module")
def payer() -> KeySigner:
    """Account 5 of the public test mnemonic."""
    return KeySigner("0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba")


def request_of(body: dict) -> JobRequest:
    return JobRequest(
        environment=body["environment"],
        algorithm=body["algorithm"],
        datasets=body["datasets"],
        max_duration_seconds=body["maxJobDuration"],
        queue_max_wait_seconds=body.get("queueMaxWaitTime", 0),
        metadata=body.get("metadata", {}),
    )


@pytest.mark.parametrize("name", ["paid-raw-start", "paid-reuse-start"])
def test_a_paid_start_is_what_the_node_was_sent(recorded, payer, name):
    body = recorded("paid-jobs", name)["request"]["body"]["json"]
    route = start_routes.start_paid(request_of(body), payer.address, PAYMENT)
    ours = json.loads(routes.encoded(routes.signed(route, payer, int(body["nonce"])).body))
    assert ours.pop("resources") == []
    assert ours == body
    assert (route.method, route.path) == ("POST", "/api/services/compute")
    assert not route.is_repeatable


@pytest.mark.parametrize("name", ["init-rawcode", "init-queue", "init-did", "init-did-bad-order"])
def test_a_quote_asks_what_the_node_was_asked(recorded, payer, name):
    body = recorded("initialize-compute", name)["request"]["body"]["json"]
    route = start_routes.quote(request_of(body), payer.address, PAYMENT)
    ours = json.loads(routes.encoded(route.body))
    assert ours["payment"].pop("resources") == []
    assert ours == body
    assert route.command is None


def test_a_quote_leaves_out_files_which_cost_nothing():
    request = JobRequest(
        "e",
        {"meta": {}},
        datasets=[{"fileObject": {"type": "url"}}, {"documentId": "did:op:1"}],
        resources={"cpu": 2},
    )
    body = start_routes.quote(request, NODE, PAYMENT).body
    assert body["datasets"] == [{"documentId": "did:op:1"}]
    assert body["payment"]["resources"] == [{"id": "cpu", "amount": 2}]


def quoted(recorded, name) -> Quote:
    route = start_routes.quote(JobRequest("e", {}), NODE, PAYMENT)
    return exchange.answer(route, URL, recorded.body("initialize-compute", name))


def test_a_recorded_quote_has_what_the_escrow_needs(recorded):
    quote = quoted(recorded, "init-rawcode")
    assert quote.amount == 1_000_000_000_000_000_000
    assert (quote.payment, quote.payee) == (PAYMENT, NODE)
    assert quote.escrow == "0x0DCd1Bf9A1b36cE34237eEaFef220932846BCD82"
    assert quote.min_lock_seconds == 3660
    assert quote.to_order == ()
    assert quoted(recorded, "init-zero-price").amount == 0


def test_a_recorded_quote_has_the_fees_to_order_with(recorded):
    quote = quoted(recorded, "init-did")
    algorithm, dataset = quote.to_order
    assert algorithm.did.startswith("did:op:a7618975")
    assert dataset.did.startswith("did:op:bed3397d")
    assert (dataset.consumer_address, dataset.chain_id) == (NODE, 8996)
    assert dataset.datatoken == "0xeF78898686d432597Fc61BE55355999263605e35"
    fee = dataset.provider_fee
    assert (fee.address, fee.token, fee.amount, fee.v, fee.valid_until) == (NODE, TOKEN, 0, 28, 86400)
    assert json.loads(bytes.fromhex(fee.data[2:]))["id"] == dataset.service_id


def test_a_good_order_needs_no_other(recorded):
    reply = json.loads(recorded.body("initialize-compute", "init-did"))
    reply["algorithm"] = {**reply["algorithm"], "validOrder": "0xabc", "providerFee": None}
    quote = Quote.from_reply(reply)
    assert quote.algorithm.order == "0xabc"
    assert [asset.did[:12] for asset in quote.to_order] == ["did:op:bed33"]


def test_a_lock_time_that_was_added_up_as_text_is_not_taken(recorded):
    """A node that is sent the duration as a text asks for a lock of 12003600 s."""
    with pytest.raises(errors.UnexpectedReply, match="'minLockSeconds' must be a whole number"):
        quoted(recorded, "init-duration-text")


@pytest.mark.parametrize("amount", [1.5, -1, "1.5", "-1", "1e18", "", None, True, 10**18, "٣"])
def test_an_amount_of_money_is_digits_only(recorded, amount):
    reply = json.loads(recorded.body("initialize-compute", "init-rawcode"))
    reply["payment"]["amount"] = amount
    with pytest.raises(errors.UnexpectedReply, match="'amount' must be an amount in base units"):
        Quote.from_reply(reply)


def test_all_of_a_job_request_reaches_a_paid_start():
    request = JobRequest(
        "e",
        {},
        output="04ab",
        output_bucket_id="b-1",
        additional_viewers=(NODE.lower(),),
        encrypted_registry_auth="04cd",
    )
    body = start_routes.start_paid(request, NODE, PAYMENT).body
    assert body["payment"] == {"chainId": 8996, "token": TOKEN}
    assert body["additionalViewers"] == [NODE]
    assert (body["output"], body["outputBucketId"]) == ("04ab", "b-1")
    assert body["encryptedDockerRegistryAuth"] == "04cd"


def test_a_paid_job_shows_its_money(recorded):
    jobs = recorded.jobs("paid-jobs")
    running = ComputeJob.from_reply(jobs["paid-raw-at-20"])
    assert running.payment == JobPayment(
        PAYMENT, "0xa50808627112a61fb25d46ad8341632c02b6c33d769a6eadca8a1124bc089d83", None, None, "0"
    )
    assert running.job_id_hash == "0x4a4f0ecb7c127c7f9006934d331def13e77fa1e5d1127ecdf9dfecee5cd079e1"
    settled = ComputeJob.from_reply(jobs["paid-raw-settled"])
    assert settled.payment.claim_tx.startswith("0x0eb78d4f")
    assert settled.payment.cost == "1"
    assert ComputeJob.from_reply(jobs["free-did-final"]).payment is None
    for job in (running, settled):
        document = json.loads(json.dumps(job.to_document()))
        assert ComputeJob.from_document(document) == job


def test_a_job_document_of_an_earlier_release_is_read(recorded):
    job = ComputeJob.from_reply(recorded.jobs("paid-jobs")["free-did-final"])
    document = {
        name: value for name, value in job.to_document().items() if name not in ("payment", "job_id_hash")
    }
    assert ComputeJob.from_document(document) == dataclasses.replace(job, job_id_hash="")


def test_outputs_that_went_elsewhere_are_not_missed(recorded):
    """The replies do not say where outputs go, so only the start knows."""
    body = recorded("jobs", "output-url-start")["response"]["body"]["json"]
    route = start_routes.start_free(JobRequest("e", {}, output="04ab"), NODE)
    started = exchange.answer(route, URL, json.dumps(body).encode())
    assert not started.output_expected
    ended = ComputeJob.from_reply(recorded.jobs("jobs")["output-url-final"])
    assert ended.outcome == "failed"
    assert ended.seen_after(started).outcome == "succeeded"


JOB = {"owner": NODE, "jobId": "ab", "environment": "0xcd-0x12", "status": 10, "results": []}
REQUEST = JobRequest("0xcd-0x12", {"meta": {"rawcode": "print(1)"}})


@pytest.fixture
def node(scripted_node, signer, tmp_path, quick):
    with client.OceanNode(scripted_node.url, signer, state_folder=tmp_path, timeout_seconds=5) as node:
        yield node


@pytest.mark.parametrize(
    "answer",
    [
        "hang-up",
        (500, b"Internal Server Error"),
        (502, b"<html>"),
        (504, b""),
        (200, b"<html>"),
        (200, []),
        # The lock was sent, and its transaction is known already: ethers' words for it.
        (
            400,
            'could not coalesce error (error={ "message": "already known" }, payload={ "jsonrpc": "2.0" })',
        ),
        (500, "Cannot read properties of undefined (reading 'hash')"),
    ],
)
def test_a_paid_start_without_a_clear_answer_is_never_sent_again(scripted_node, node, answer):
    """Each one locks money."""
    scripted_node.answer(
        "POST", "/api/services/compute", scripted_node.hang_up if answer == "hang-up" else answer
    )
    with pytest.raises(errors.OceanNodeUnreachable) as raised:
        node.start_paid(REQUEST, PAYMENT)
    assert raised.value.may_have_arrived
    assert len(scripted_node.asked) == 1


def test_a_paid_start_with_a_refused_nonce_has_not_happened(scripted_node, node):
    mismatch = (401, "consumer address and nonce signature mismatch")
    scripted_node.answer("POST", "/api/services/compute", mismatch, (200, [JOB]))
    sends = []
    assert node.start_paid(REQUEST, PAYMENT, lambda: sends.append(1)).job_id == "0xcd-ab"
    assert len(sends) == 2


def test_a_quote_may_be_asked_again(scripted_node, node, recorded):
    reply = recorded.body("initialize-compute", "init-rawcode")
    scripted_node.answer("POST", "/api/services/initializeCompute", scripted_node.hang_up, (200, reply))
    assert node.quote(REQUEST, PAYMENT).payee == NODE


def test_money_needs_a_wallet(scripted_node):
    with client.OceanNode(scripted_node.url) as node:
        for ask in (node.quote, node.start_paid):
            with pytest.raises(errors.SettingsError, match="give the client a wallet"):
                ask(REQUEST, PAYMENT)
