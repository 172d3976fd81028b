# SPDX-License-Identifier: Apache-2.0
"""Requests are what a real node was sent, and its recorded replies are read into our values."""

from __future__ import annotations

import json

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import (
    bucket_routes,
    exchange,
    file_routes,
    routes,
    start_routes,
    token_routes,
    versions,
)
from airflow_provider_deflow.ocean.bucket_routes import Bucket, BucketFile
from airflow_provider_deflow.ocean.compute import JobRequest
from airflow_provider_deflow.signing import KeySigner

URL = "http://node.test:8001"
ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
OTHER_ADDRESS = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
CLUSTER = "0xff1004b67de08fc505fbf0a2089010d0f23015338c7def8557697513c4a39935"
JOB_ID = f"{CLUSTER}-67911b85e1b7c8095ad6f5ca1f28676e19f681fbf287c79e38b0bcf33c151f45"
BUCKET = "3f203204-688c-47e1-9ae1-93f97dcf5c2d"


@pytest.fixture(scope="module")
def other_signer() -> KeySigner:
    """Account 2 of the public test mnemonic."""
    return KeySigner("0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a")


def answered(route, recorded, file, name):
    return exchange.answer(route, URL, recorded.body(file, name))


def assert_same_request(route, recorded_exchange) -> None:
    request = recorded_exchange["request"]
    assert (route.method, route.path) == (request["method"], request["path"])
    assert dict(route.query) == {key: str(value) for key, value in (request["query"] or {}).items()}
    sent = (request["body"] or {}).get("json")
    if not route.has_file:
        assert (None if route.body is None else json.loads(routes.encoded(route.body))) == sent


def test_a_free_start_is_what_the_node_was_sent(recorded, other_signer):
    recording = recorded("free-start", "queued")
    body = recording["request"]["body"]["json"]
    request = JobRequest(
        environment=body["environment"],
        algorithm=body["algorithm"],
        queue_max_wait_seconds=600,
    )
    route = routes.signed(start_routes.start_free(request, OTHER_ADDRESS), other_signer, int(body["nonce"]))
    ours = json.loads(routes.encoded(route.body))
    assert ours.pop("resources") == []
    assert (route.method, route.path, ours) == ("POST", "/api/services/freeCompute", body)
    assert not route.is_repeatable


def test_all_of_a_job_request_reaches_the_wire():
    request = JobRequest(
        environment="e-1",
        algorithm={"meta": {}},
        datasets=[{"fileObject": {"type": "url", "url": "http://x/y"}}],
        resources={"cpu": 1, "ram": 0.5},
        max_duration_seconds=60,
        metadata={"deflow": "key"},
        consumer_address=ADDRESS.lower(),
    )
    assert start_routes.start_free(request, OTHER_ADDRESS).body == {
        "environment": "e-1",
        "algorithm": {"meta": {}},
        "datasets": [{"fileObject": {"type": "url", "url": "http://x/y"}}],
        "resources": [{"id": "cpu", "amount": 1}, {"id": "ram", "amount": 0.5}],
        "consumerAddress": ADDRESS,
        "maxJobDuration": 60,
        "metadata": {"deflow": "key"},
    }


SIGNED = [
    ("stop", "stop-finished", lambda: routes.stop(JOB_ID)),
    ("results", "result-index-3", lambda: routes.result(JOB_ID, 3)),
    ("buckets", "bucket-list", lambda: bucket_routes.buckets(OTHER_ADDRESS)),
    ("buckets", "file-upload-binary", lambda: bucket_routes.upload(BUCKET, "blob.bin")),
    ("buckets", "file-object", lambda: bucket_routes.file_object(BUCKET, "n.txt")),
    ("buckets", "file-list-after-job", lambda: bucket_routes.bucket_files(BUCKET)),
    ("buckets", "file-delete", lambda: bucket_routes.delete_bucket_file(BUCKET, "n.txt")),
    ("auth-tokens", "token-create-past", lambda: token_routes.create_token(1000)),
]


@pytest.mark.parametrize(("file", "name", "route"), SIGNED, ids=[name for _, name, _ in SIGNED])
def test_a_signed_request_is_the_recorded_one(recorded, signer, other_signer, file, name, route):
    recording = recorded(file, name)
    values = recording["request"]["query"] or recording["request"]["body"]["json"]
    address = values.get("consumerAddress") or values["address"]
    by = signer if address == ADDRESS else other_signer
    assert_same_request(routes.signed(route(), by, int(values["nonce"])), recording)


UNSIGNED = [
    ("environments", "environments-all", routes.environments),
    ("status-list", "status-owner-and-id", None),
    ("status-list", "list-owner", lambda: routes.jobs_of(OTHER_ADDRESS)),
    ("status-list", "jobs-all", lambda: routes.jobs([OTHER_ADDRESS], None)),
    ("status-list", "jobs-from", lambda: routes.jobs([ADDRESS], 1795294415.9)),
    ("node", "status-command", versions.probe),
    ("auth", "nonce-known", lambda: token_routes.nonce(ADDRESS)),
    (
        "encrypt-fileinfo",
        "fileinfo-url-404",
        lambda: file_routes.file_info(
            {"type": "url", "url": "http://file.test:8098/missing", "method": "GET"}
        ),
    ),
]


@pytest.mark.parametrize(
    ("file", "name", "route"), [row for row in UNSIGNED if row[2]], ids=[n for _, n, r in UNSIGNED if r]
)
def test_an_unsigned_request_is_the_recorded_one(recorded, file, name, route):
    assert_same_request(route(), recorded(file, name))


def test_recorded_replies_are_read(recorded):
    assert answered(versions.probe(), recorded, "node", "status-command").text == "3.2.0"
    assert len(answered(routes.environments(), recorded, "environments", "environments-all")) == 5
    assert answered(token_routes.nonce(ADDRESS), recorded, "auth", "nonce-known") == 1795293019499
    assert answered(token_routes.nonce(ADDRESS), recorded, "auth", "nonce-unknown") == 0
    assert answered(token_routes.create_token(1), recorded, "auth-tokens", "token-create").startswith("eyJ")
    assert answered(token_routes.invalidate_token("t"), recorded, "auth-tokens", "token-invalidate") is None


def test_recorded_bucket_replies_are_read(recorded):
    def read(route, name):
        return answered(route, recorded, "buckets", name)

    assert read(bucket_routes.create_bucket("first", []), "bucket-create") == Bucket(
        BUCKET, OTHER_ADDRESS, "first", None
    )
    listed = read(bucket_routes.buckets(OTHER_ADDRESS), "bucket-list")
    assert (listed[0].label, listed[0].created_at) == ("of two", 1795293076)
    assert read(bucket_routes.upload(BUCKET, "blob.bin"), "file-upload-binary") == BucketFile(
        "blob.bin", 20480, 1795293382.321
    )
    files = read(bucket_routes.bucket_files(BUCKET), "file-list-after-job")
    assert BucketFile("empty", 0, 1795293382.461) in files
    assert read(bucket_routes.file_object(BUCKET, "n.txt"), "file-object") == {
        "type": "nodePersistentStorage",
        "bucketId": BUCKET,
        "fileName": "n.txt",
    }
    assert read(bucket_routes.delete_bucket_file(BUCKET, "n.txt"), "file-delete") is None


def test_recorded_jobs_are_read(recorded):
    started = answered(
        start_routes.start_free(JobRequest("e", {}), ADDRESS), recorded, "free-start", "queued"
    )
    assert (started.status, started.job_id) == (
        1,
        f"{CLUSTER}-149c6e66cefd01781de0612930dc81b3c5c88e7353e12b92f1b876571bf7c222",
    )
    job = answered(routes.status(JOB_ID), recorded, "status-list", "status-owner-and-id")
    assert (job.job_id, job.metadata) == (JOB_ID, {"token": "run-1", "part": 7})
    assert answered(routes.status(JOB_ID), recorded, "status-list", "status-unknown") is None
    assert len(answered(routes.jobs([ADDRESS], 0), recorded, "status-list", "jobs-from")) == 12
    assert answered(routes.stop(JOB_ID), recorded, "stop", "stop-finished").stop_requested
    assert answered(routes.stop(JOB_ID), recorded, "stop", "stop-unknown") is None


def test_the_one_job_asked_for_is_found_among_all_of_the_node(recorded):
    everybody = recorded("status-list", "status-bare-id")["response"]["body"]["json"]
    assert len(everybody) == 28
    wanted = everybody[20]["jobId"]
    job = answered(routes.status(f"{CLUSTER}-{wanted}"), recorded, "status-list", "status-bare-id")
    assert job.job_id == f"{CLUSTER}-{wanted}"


def test_another_job_in_the_reply_is_never_taken_for_ours(recorded):
    with pytest.raises(errors.UnexpectedReply, match="the reply must hold job"):
        answered(routes.status(f"{CLUSTER}-{'0' * 64}"), recorded, "status-list", "status-owner-and-id")


@pytest.mark.parametrize(
    "route", [routes.status, routes.stop, routes.live_logs, lambda id_: routes.result(id_, 0)]
)
def test_a_bare_job_id_is_never_sent(route):
    with pytest.raises(errors.SettingsError, match="is not a whole job id"):
        route("67911b85e1b7c8095ad6f5ca1f28676e19f681fbf287c79e38b0bcf33c151f45")


def test_a_token_stands_in_for_a_signature():
    sent = exchange.outgoing(routes.authorized(routes.stop(JOB_ID), ADDRESS, "eyJ.a.b"), URL)
    assert sent.headers == {"Authorization": "eyJ.a.b"}
    assert sent.url == f"{URL}/api/services/compute?jobId={JOB_ID}&consumerAddress={ADDRESS}"


def test_by_the_command_route_a_token_is_in_the_body():
    route = routes.authorized(routes.result_from(JOB_ID, 3, 9), ADDRESS, "eyJ.a.b")
    sent = exchange.outgoing(route, URL)
    assert json.loads(sent.body) == {
        "command": "getComputeResult",
        "jobId": JOB_ID,
        "index": 3,
        "offset": 9,
        "consumerAddress": ADDRESS,
        "authorization": "eyJ.a.b",
    }
    assert sent.headers == {"Content-Type": "application/json"}
    assert "eyJ" not in repr(routes.authorized(routes.stop(JOB_ID), ADDRESS, "eyJ.a.b"))


def test_a_file_goes_as_bytes_and_its_name_is_one_path_segment():
    sent = exchange.outgoing(bucket_routes.upload(BUCKET, "../a b/c?d"), URL)
    assert sent.headers == {"Content-Type": "application/octet-stream"}
    assert sent.url.endswith("/files/..%2Fa%20b%2Fc%3Fd")


@pytest.mark.parametrize(
    ("route", "body", "why"),
    [
        (routes.environments(), b"<html>hi</html>", "not JSON"),
        (routes.environments(), b'{"a":1}', "the environments must be a list"),
        (routes.environments(), None, "larger than"),
        (versions.probe(), b"{}", "'version' must be a text"),
        (versions.probe(), b"", "must be an object"),
    ],
)
def test_a_reply_of_another_shape_names_node_and_route(route, body, why):
    with pytest.raises(errors.UnexpectedReply, match=why) as raised:
        exchange.answer(route, URL, body)
    assert (raised.value.url, raised.value.route) == (URL, route.name)
    assert URL in str(raised.value)


@pytest.mark.parametrize("body", [b"[]", b"[{}]", b"", b"<html>", None])
def test_a_start_that_was_taken_but_not_understood_may_have_made_a_job(body):
    with pytest.raises(errors.OceanNodeUnreachable) as raised:
        exchange.answer(start_routes.start_free(JobRequest("e", {}), ADDRESS), URL, body)
    assert raised.value.may_have_arrived


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_start_that_something_on_the_way_gave_up_may_have_made_a_job(status):
    start = start_routes.start_free(JobRequest("e", {}), ADDRESS)
    error = exchange.refusal(start, URL, status, b"<html>Bad Gateway</html>" if status > 500 else b"")
    assert isinstance(error, errors.OceanNodeUnreachable)
    assert error.may_have_arrived


@pytest.mark.parametrize(
    "url", ["", "node:8001", "ftp://node", "http://", "http://u:p@node", "http://node?x=1"]
)
def test_what_is_no_url_of_a_node_is_refused(url):
    with pytest.raises(errors.SettingsError, match="is not the URL of an Ocean Node"):
        exchange.base_url(url)
