# SPDX-License-Identifier: Apache-2.0
"""The blocking client on a real connection: what it repeats, what it never does, how it fails.

What requests look like and how replies are read is in test_routes.py.
"""

from __future__ import annotations

import hashlib
import io
import json
import socket
import threading
import time
import traceback

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import client
from airflow_provider_deflow.ocean.compute import ComputeJob, JobRequest
from airflow_provider_deflow.ocean.logs import LogLine
from airflow_provider_deflow.ocean.routes import request_message
from airflow_provider_deflow.signing import recover_address

COMPUTE, RESULT = "/api/services/compute", "/api/services/computeResult"
START = "/api/services/freeCompute"
OWNER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
BARE_ID = "ab" * 32
JOB_ID = f"0xcd-{BARE_ID}"
RATE_LIMIT = (429, b"Rate limit exceeded. Try again in 1 seconds.")
SPEECHLESS = (500, b"Internal Server Error")
MISMATCH = (401, "consumer address and nonce signature mismatch")
REQUEST = JobRequest(environment="0xcd-0x12", algorithm={"meta": {"rawcode": "print(1)"}})


def job_reply(size: int = 10, **changes) -> dict:
    return {
        "owner": OWNER,
        "jobId": BARE_ID,
        "environment": "0xcd-0x12",
        "status": 71,
        "dateFinished": "1795293253.444",
        "terminationDetails": {"exitCode": 0, "OOMKilled": False},
        "results": [
            {"type": "algorithmLog", "index": 0, "filename": "algorithm.log", "filesize": 15},
            {"type": "output", "index": 1, "filename": "outputs.tar", "filesize": size},
        ],
        **changes,
    }


JOB = ComputeJob.from_reply(job_reply())


@pytest.fixture
def node(scripted_node, signer, tmp_path, quick):
    with client.OceanNode(scripted_node.url, signer, state_folder=tmp_path, timeout_seconds=5) as node:
        yield node


def nonces_of(scripted_node) -> list[int]:
    return [int(asked["query"].get("nonce") or 0) for asked in scripted_node.asked]


def test_a_read_is_repeated_until_it_is_answered(scripted_node, node):
    scripted_node.answer("GET", COMPUTE, scripted_node.hang_up, SPEECHLESS, (502, b""), (200, [job_reply()]))
    assert node.status(JOB_ID) == JOB
    assert len(scripted_node.asked) == 4


def test_a_read_is_not_repeated_for_ever(scripted_node, node):
    scripted_node.answer("GET", COMPUTE, SPEECHLESS)
    with pytest.raises(errors.OceanNodeBusy, match=r"job status on http://127\.0\.0\.1"):
        node.status(JOB_ID)
    assert len(scripted_node.asked) == 4


def test_a_plain_no_is_not_repeated(scripted_node, node):
    scripted_node.answer("GET", COMPUTE, (404, b"Cannot GET /api/services/compute"))
    with pytest.raises(errors.RequestRejected):
        node.status(JOB_ID)
    assert len(scripted_node.asked) == 1


def test_a_vanished_job_is_none(scripted_node, node):
    scripted_node.answer("GET", COMPUTE, (200, []))
    scripted_node.answer("PUT", COMPUTE, (200, []))
    assert node.status(JOB_ID) is None
    assert node.stop(JOB_ID) is None


def test_a_start_whose_answer_is_lost_is_never_sent_again(scripted_node, node):
    scripted_node.answer("POST", START, scripted_node.hang_up)
    with pytest.raises(errors.OceanNodeUnreachable, match="it may have arrived") as raised:
        node.start_free(REQUEST)
    assert raised.value.may_have_arrived
    assert scripted_node.paths() == [f"POST {START}"]


@pytest.mark.parametrize(
    "answer",
    [
        SPEECHLESS,
        (500, b"<html><h1>Internal Server Error</h1></html>"),
        (502, b"<html>Bad Gateway</html>"),
        (504, b""),
        (520, b"<html>unknown error</html>"),
        (524, b"error code: 524"),
        (200, b"<html>"),
    ],
)
def test_a_start_with_an_answer_of_somebody_else_is_never_sent_again(scripted_node, node, answer):
    scripted_node.answer("POST", START, answer)
    with pytest.raises(errors.OceanNodeUnreachable) as raised:
        node.start_free(REQUEST)
    assert raised.value.may_have_arrived
    assert len(scripted_node.asked) == 1


@pytest.mark.parametrize("answer", [(524, b"error code: 524"), (520, b"<html>"), (500, b"<h1>Oops</h1>")])
def test_what_a_proxy_says_of_a_question_may_pass(scripted_node, node, answer):
    scripted_node.answer("GET", COMPUTE, answer)
    with pytest.raises(errors.OceanNodeBusy):
        node.status(JOB_ID)


def test_a_start_that_times_out_may_have_arrived(scripted_node, signer, tmp_path):
    let_go = threading.Event()
    scripted_node.answer("POST", START, lambda handler: let_go.wait(10))
    with (
        client.OceanNode(scripted_node.url, signer, state_folder=tmp_path, timeout_seconds=0.2) as node,
        pytest.raises(errors.OceanNodeUnreachable, match="no answer in time") as raised,
    ):
        node.start_free(REQUEST)
    let_go.set()
    assert raised.value.may_have_arrived


# Numbers that no float holds, and lists in lists.
HOSTILE = {
    "status": json.dumps([job_reply(status="?")]).replace('"?"', "1e999").encode(),
    "size": json.dumps([job_reply(size="?")]).replace('"?"', "1e400").encode(),
    "duration": json.dumps([job_reply(maxJobDuration="?")]).replace('"?"', "-1e999").encode(),
    "long": json.dumps([job_reply(maxJobDuration="?")]).replace('"?"', "1" + "0" * 400).encode(),
    "not-a-number": json.dumps([job_reply(status="?")]).replace('"?"', "NaN").encode(),
    "deep": b"[" * 100_000 + b"]" * 100_000,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_reply_is_an_unexpected_one(scripted_node, node, body):
    scripted_node.answer("GET", COMPUTE, (200, body))
    with pytest.raises(errors.UnexpectedReply, match="job status on http"):
        node.status(JOB_ID)


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_start_with_a_hostile_reply_may_have_arrived(scripted_node, node, body):
    scripted_node.answer("POST", START, (200, body))
    with pytest.raises(errors.OceanNodeUnreachable) as raised:
        node.start_free(REQUEST)
    assert raised.value.may_have_arrived
    assert len(scripted_node.asked) == 1


def test_a_hostile_refusal_is_a_refusal(scripted_node, node):
    scripted_node.answer("POST", START, (400, HOSTILE["deep"][:60_000]))
    with pytest.raises(errors.RequestRejected):
        node.start_free(REQUEST)


@pytest.mark.parametrize("field", ["maxJobs", "runningJobs", "maxJobDuration", "storageExpiry"])
def test_a_hostile_listing_is_an_unexpected_reply(scripted_node, node, field):
    body = b'[{"id": "0xcd-0x12", "resources": [], "%s": 1e999}]' % field.encode()
    scripted_node.answer("GET", "/api/services/computeEnvironments", (200, body))
    with pytest.raises(errors.UnexpectedReply, match=f"'{field}' must be a number"):
        node.environments()


def test_a_start_to_where_nobody_listens_was_not_sent(signer, quick):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with (
        client.OceanNode(f"http://127.0.0.1:{port}", signer) as node,
        pytest.raises(
            errors.OceanNodeUnreachable, match="connection was refused, nothing was sent"
        ) as raised,
    ):
        node.start_free(REQUEST)
    assert not raised.value.may_have_arrived


def test_a_start_after_a_kept_connection_goes_over_a_new_one(scripted_node, node):
    ports = []

    def answered(handler):
        ports.append(handler.client_address[1])
        handler.send_response(200)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"[]")

    scripted_node.answer("GET", COMPUTE, answered)
    scripted_node.answer("POST", START, answered)
    node.jobs_of(OWNER)
    node.jobs_of(OWNER)
    with pytest.raises(errors.OceanNodeUnreachable):
        node.start_free(REQUEST)
    assert ports[0] == ports[1] != ports[2]


def test_a_busy_node_is_told_at_once(scripted_node, node):
    scripted_node.answer("POST", START, (400, "Not enough available cpu"))
    with pytest.raises(errors.OceanNodeBusy, match="Not enough available cpu"):
        node.start_free(REQUEST)
    assert len(scripted_node.asked) == 1


def test_a_refused_signature_is_made_anew(scripted_node, node, signer):
    scripted_node.answer(
        "POST", START, MISMATCH, (401, "nonce: 5 is not a valid nonce"), (200, [job_reply()])
    )
    assert node.start_free(REQUEST).job_id == JOB_ID
    bodies = [json.loads(asked["body"]) for asked in scripted_node.asked]
    nonces = [int(body["nonce"]) for body in bodies]
    assert nonces == sorted(set(nonces))
    for body in bodies:
        message = request_message(OWNER, body["nonce"], "freeStartCompute")
        assert recover_address(message, body["signature"]) == signer.address


def test_a_signature_that_stays_refused_is_given_up(scripted_node, node):
    scripted_node.answer("POST", START, MISMATCH)
    with pytest.raises(errors.NonceRejected, match="address and key do not belong together"):
        node.start_free(REQUEST)
    assert len(scripted_node.asked) == 4


def test_a_429_is_waited_for_as_long_as_it_says_by_every_client(scripted_node, node, signer, tmp_path):
    scripted_node.answer("POST", START, RATE_LIMIT, (200, [job_reply()]))
    scripted_node.answer("GET", COMPUTE, (200, []))
    began = time.monotonic()
    assert node.start_free(REQUEST).job_id == JOB_ID
    assert time.monotonic() - began >= 1.0
    node._connection._allowance.close_for(0.5)
    began = time.monotonic()
    with client.OceanNode(scripted_node.url, signer, state_folder=tmp_path) as other:
        other.status(JOB_ID)
    assert time.monotonic() - began >= 0.5


def test_what_must_be_signed_needs_a_wallet(scripted_node):
    with client.OceanNode(scripted_node.url) as node:
        for call in (
            lambda: node.stop(JOB_ID),
            lambda: node.start_free(REQUEST),
            lambda: node.buckets(OWNER),
        ):
            with pytest.raises(errors.SettingsError, match="must be signed — give the client a wallet"):
                call()
    assert scripted_node.asked == []


def test_a_stop_is_a_query_with_the_whole_id_and_repeated_with_a_fresh_nonce(scripted_node, node):
    scripted_node.answer("PUT", COMPUTE, SPEECHLESS, (200, [job_reply(results=None, stopRequested=True)]))
    job = node.stop(JOB_ID)
    assert job.stop_requested
    assert not job.results_listed
    first, second = scripted_node.asked
    assert first["body"] == b""
    assert first["query"]["jobId"] == JOB_ID
    assert set(first["query"]) == {"jobId", "consumerAddress", "nonce", "signature"}
    assert int(second["query"]["nonce"]) > int(first["query"]["nonce"])


def test_a_token_needs_no_nonce(scripted_node, signer):
    scripted_node.answer("PUT", COMPUTE, (200, []))
    with client.OceanNode(scripted_node.url, signer, token="eyJ.a.b") as node:
        node.stop(JOB_ID)
    asked = scripted_node.asked[0]
    assert asked["headers"]["authorization"] == "eyJ.a.b"
    assert set(asked["query"]) == {"jobId", "consumerAddress"}


def test_tokens_are_made_for_a_while_and_ended(scripted_node, node, recorded):
    scripted_node.answer("POST", "/directCommand", (200, recorded.body("node", "status-command")))
    scripted_node.answer("POST", "/api/services/auth/token", (200, {"token": "eyJ.a.b"}))
    scripted_node.answer("POST", "/api/services/auth/token/invalidate", (200, {"success": True}))
    assert node.create_token(3600) == "eyJ.a.b"
    node.invalidate_token("eyJ.a.b")
    body = json.loads(scripted_node.asked[1]["body"])
    assert body["address"] == OWNER
    assert abs(body["validUntil"] / 1000 - time.time() - 3600) < 60


CONTENT = bytes(range(256)) * 1000


def with_result(scripted_node, *replies, size: int = len(CONTENT)) -> None:
    scripted_node.answer("GET", COMPUTE, (200, [job_reply(size)]))
    scripted_node.answer("GET", RESULT, *replies)


def test_a_result_is_looked_up_by_type_and_checked_by_size(scripted_node, node):
    with_result(scripted_node, scripted_node.chunked(CONTENT[:100_000], CONTENT[100_000:]))
    file = io.BytesIO()
    assert node.download(JOB, "output", file) == client.Download(
        len(CONTENT), hashlib.sha256(CONTENT).hexdigest()
    )
    assert file.getvalue() == CONTENT
    assert scripted_node.asked[1]["query"]["index"] == "1"


@pytest.mark.parametrize(
    "bad",
    [
        lambda node: node.chunked(CONTENT[:1000]),
        lambda node: node.chunked(CONTENT[:1000], end=False),
        lambda node: (200, b""),
        lambda node: node.chunked(CONTENT, b"more"),
        lambda node: node.hang_up,
    ],
    ids=["short", "cut", "index-too-high", "long", "no-answer"],
)
def test_a_result_of_another_size_is_fetched_anew(scripted_node, node, bad):
    with_result(scripted_node, bad(scripted_node), scripted_node.chunked(CONTENT))
    file = io.BytesIO(b"kept")
    file.seek(4)
    node.download(JOB, "output", file)
    assert file.getvalue() == b"kept" + CONTENT


def test_a_result_that_stays_short_is_given_up(scripted_node, node):
    with_result(scripted_node, scripted_node.chunked(CONTENT[:1000]))
    with pytest.raises(errors.IncompleteDownload, match=r"came with 1000 of 256000 bytes") as raised:
        node.download(JOB, "output", io.BytesIO())
    assert raised.value.retryable
    assert scripted_node.paths().count(f"GET {RESULT}") == 4


def test_an_empty_result_is_whole(scripted_node, node):
    with_result(scripted_node, (200, b""), size=0)
    assert node.download(JOB, "output", io.BytesIO()).size == 0


def test_a_result_that_does_not_exist_is_not_fetched(scripted_node, node):
    with_result(scripted_node, scripted_node.chunked(CONTENT))
    with pytest.raises(
        errors.MissingOutput, match="has no result 'publishLog' — it has algorithmLog, output"
    ):
        node.download(JOB, "publishLog", io.BytesIO())
    assert scripted_node.paths() == [f"GET {COMPUTE}"]


def test_a_result_of_a_job_that_expired_is_vanished(scripted_node, node):
    scripted_node.answer("GET", COMPUTE, (200, []))
    with pytest.raises(errors.JobVanished, match="it expired"):
        node.download(JOB, "output", io.BytesIO())


def test_a_free_job_costs_no_more_than_its_requests(scripted_node, node):
    """Environments, find, start, last status, and two for the archive: 6, beyond the watching."""
    scripted_node.answer("GET", "/api/services/computeEnvironments", (200, []))
    scripted_node.answer("POST", START, (200, [job_reply()]))
    with_result(scripted_node, scripted_node.chunked(CONTENT))
    node.environments()
    node.jobs_of(OWNER)
    job = node.start_free(REQUEST)
    node.status(job.job_id)
    node.download(job, "output", io.BytesIO())
    assert len(scripted_node.asked) == 6


FRAMES = b"\x01\0\0\0\0\0\0\x03hi\n\x02\0\0\0\0\0\0\x04warn"


def test_the_log_of_a_finished_job_costs_one_request(scripted_node, node):
    scripted_node.answer("GET", RESULT, scripted_node.chunked(FRAMES[:13], FRAMES[13:]))
    assert node.logs(JOB) == [LogLine("stdout", "hi"), LogLine("stderr", "warn")]
    assert scripted_node.paths() == [f"GET {RESULT}"]


def test_a_log_that_is_empty_costs_none_and_one_that_is_not_there_a_look(scripted_node, node):
    silent = job_reply()
    silent["results"][0]["filesize"] = 0
    scripted_node.answer("GET", COMPUTE, (200, [silent]))
    assert node.logs(ComputeJob.from_reply(silent)) == []
    assert scripted_node.asked == []
    assert node.logs(JOB, "configurationLog") == []
    assert scripted_node.paths() == [f"GET {COMPUTE}"]


def test_a_log_that_a_node_lists_a_moment_after_the_end_is_found(scripted_node, node):
    early = job_reply()
    early["results"] = [result for result in early["results"] if result["type"] != "algorithmLog"]
    scripted_node.answer("GET", COMPUTE, (200, [job_reply()]))
    scripted_node.answer("GET", RESULT, scripted_node.chunked(FRAMES))
    assert node.logs(ComputeJob.from_reply(early)) == [LogLine("stdout", "hi"), LogLine("stderr", "warn")]


STARTED = "1795293250.1"


def without_log(**changes) -> dict:
    job = job_reply(**changes)
    job["results"] = [result for result in job["results"] if result["type"] != "algorithmLog"]
    return job


def test_a_log_that_comes_late_is_looked_for_more_than_once(scripted_node, node):
    early = without_log(algoStartTimestamp=STARTED)
    scripted_node.answer("GET", COMPUTE, *[(200, [early])] * 3, (200, [job_reply()]))
    scripted_node.answer("GET", RESULT, scripted_node.chunked(FRAMES))
    assert node.logs(ComputeJob.from_reply(early)) == [LogLine("stdout", "hi"), LogLine("stderr", "warn")]


def test_a_log_that_never_comes_is_not_looked_for_for_ever(scripted_node, node):
    lost = without_log(algoStartTimestamp=STARTED)
    scripted_node.answer("GET", COMPUTE, (200, [lost]))
    assert node.logs(ComputeJob.from_reply(lost)) == []
    assert scripted_node.paths() == [f"GET {COMPUTE}"] * 5


UPLOAD = "/api/services/persistentStorage/buckets/b-1/files/name"
UPLOADED = (200, {"bucketId": "b-1", "name": "name", "size": 5, "lastModified": 1})


def test_an_upload_is_sent_from_where_the_stream_stands(scripted_node, node):
    scripted_node.answer("POST", UPLOAD, UPLOADED)
    file = io.BytesIO(b"skip12345")
    file.seek(4)
    assert node.upload("b-1", "name", file).size == 5
    asked = scripted_node.asked[0]
    assert asked["body"] == b"12345"
    assert asked["headers"]["content-type"] == "application/octet-stream"
    assert asked["headers"]["content-length"] == "5"


def test_an_upload_with_a_refused_nonce_is_sent_whole_again(scripted_node, node):
    scripted_node.answer("POST", UPLOAD, MISMATCH, UPLOADED)
    node.upload("b-1", "name", io.BytesIO(b"12345"))
    assert [asked["body"] for asked in scripted_node.asked] == [b"12345", b"12345"]


def test_an_empty_file_is_uploaded(scripted_node, node):
    scripted_node.answer("POST", UPLOAD, UPLOADED)
    node.upload("b-1", "name", io.BytesIO(b""))
    assert scripted_node.asked[0]["body"] == b""


def test_others_may_sign_while_a_large_upload_is_under_way(scripted_node, node, signer, tmp_path):
    """The node has taken the signature when it reads the body; waiting for the end could take minutes."""
    stopped = threading.Event()

    class Slow(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 60 << 20:
                assert stopped.wait(10)
            return super().read(size)

    scripted_node.answer("POST", UPLOAD, UPLOADED)
    scripted_node.answer("PUT", COMPUTE, (200, []))
    upload = threading.Thread(target=node.upload, args=("b-1", "name", Slow(bytes(64 << 20))))
    upload.start()
    with client.OceanNode(scripted_node.url, signer, state_folder=tmp_path) as other:
        other.stop(JOB_ID)
    stopped.set()
    upload.join()
    assert len(scripted_node.asked[-1]["body"]) == 64 << 20


def test_buckets_are_made_listed_and_cleared(scripted_node, node):
    base = "/api/services/persistentStorage/buckets"
    bucket = {"bucketId": "b-1", "owner": OWNER, "label": "deflow"}
    scripted_node.answer("POST", base, (200, bucket))
    scripted_node.answer("GET", base, (200, [{**bucket, "createdAt": 7}]))
    scripted_node.answer("PATCH", f"{base}/b-1", (200, {"bucketId": "b-1", "label": "new"}))
    scripted_node.answer("GET", f"{base}/b-1/files", (200, [{"name": "n", "size": 1}]))
    scripted_node.answer("GET", f"{base}/b-1/files/n/object", (200, {"type": "nodePersistentStorage"}))
    scripted_node.answer("DELETE", f"{base}/b-1/files/n", (200, {"success": True}))
    assert node.create_bucket("deflow").bucket_id == "b-1"
    assert node.buckets(OWNER) == [client.Bucket("b-1", OWNER, "deflow", 7)]
    node.label_bucket("b-1", "new")
    assert node.bucket_files("b-1") == [client.BucketFile("n", 1)]
    assert node.file_object("b-1", "n") == {"type": "nodePersistentStorage"}
    node.delete_bucket_file("b-1", "n")
    assert scripted_node.asked[0]["body"].startswith(b'{"label":"deflow","accessLists":[],"consumerAddress"')


def test_no_signature_is_in_any_message(scripted_node, node):
    scripted_node.answer("PUT", COMPUTE, scripted_node.hang_up)
    with pytest.raises(errors.OceanNodeUnreachable) as raised:
        node.stop(JOB_ID)
    told = "".join(traceback.format_exception(raised.value))
    assert "signature=" not in told
    assert "stop a job on http://127.0.0.1" in told
    assert repr(node) == f"OceanNode({scripted_node.url})"


def test_an_endless_reply_is_cut_off(scripted_node, node, monkeypatch):
    monkeypatch.setattr(client.exchange, "MAX_BODY_BYTES", 1000)
    scripted_node.answer("GET", COMPUTE, (200, b"[" + b" " * 2000 + b"]"))
    with pytest.raises(errors.UnexpectedReply, match="larger than 1000 bytes"):
        node.status(JOB_ID)


def test_a_redirect_is_not_followed(scripted_node, node):
    def away(handler):
        handler.send_response(307)
        handler.send_header("Location", f"{scripted_node.url}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    scripted_node.answer("PUT", COMPUTE, away)
    with pytest.raises(errors.RequestRejected, match="was answered with 307"):
        node.stop(JOB_ID)
    assert scripted_node.paths() == [f"PUT {COMPUTE}"]


def test_the_state_of_a_client_without_folder_is_its_process(scripted_node, signer):
    scripted_node.answer("PUT", COMPUTE, (200, []))
    for _ in range(3):
        with client.OceanNode(scripted_node.url, signer) as node:
            node.stop(JOB_ID)
    nonces = nonces_of(scripted_node)
    assert nonces == sorted(set(nonces))
