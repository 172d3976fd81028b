# SPDX-License-Identifier: Apache-2.0
"""Both clients against a whole Ocean Node that really runs algorithms: the local one, over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.local_ocean_node import server, settings
from airflow_provider_deflow.ocean import client, outputs, remote_output
from airflow_provider_deflow.ocean.compute import ComputeJob, Demand, JobRequest, choose_environment
from airflow_provider_deflow.signing import KeySigner
from tests import proxy

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def node_url(tmp_path_factory) -> Iterator[str]:
    """A local Ocean Node in a thread of its own, with a fast engine."""
    options = settings.NodeSettings(
        folder=tmp_path_factory.mktemp("ocean-node"), requests_per_minute=6000, tick_seconds=0.1
    )
    ready = threading.Event()
    urls: list[str] = []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    def on_ready(url: str) -> None:
        urls.append(url)
        ready.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve(options, stop, on_ready)))
    thread.start()
    try:
        assert ready.wait(30)
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


@pytest.fixture
def node(node_url, signer, tmp_path) -> Iterator[client.OceanNode]:
    with client.OceanNode(node_url, signer, state_folder=tmp_path, requests_per_minute=6000) as node:
        yield node


def request(node: client.OceanNode, code: str, **changes) -> JobRequest:
    offer, _ = choose_environment(node.environments(), Demand({"cpu": 1}, needed_seconds=60))
    container = {"image": "python", "tag": "3.11", "entrypoint": "python $ALGO", "checksum": ""}
    algorithm = {"meta": {"rawcode": code, "language": "python", "version": "0.1", "container": container}}
    fields = {
        "environment": offer.environment.id,
        "algorithm": algorithm,
        "max_duration_seconds": 60,
        **changes,
    }
    return JobRequest(**fields)


def until(node: client.OceanNode, job: ComputeJob, reached: Callable[[ComputeJob], bool]) -> ComputeJob:
    deadline = time.monotonic() + 60
    while not reached(job):
        assert time.monotonic() < deadline, job.ended_because
        seen = node.status(job.job_id)
        assert seen is not None
        job = seen.seen_after(job)
    return job


def test_a_job_from_start_to_kept_outputs(node, tmp_path):
    code = (
        "import os, sys\n"
        "print('to stdout')\n"
        "print('to stderr', file=sys.stderr)\n"
        "os.makedirs('/data/outputs/sub')\n"
        "open('/data/outputs/sub/größe.txt', 'w').write('42')\n"
        "open('/data/outputs/large.bin', 'wb').write(bytes(5_000_000))\n"
    )
    started = node.start_free(request(node, code, metadata={"deflow": "key-1"}))
    assert [
        job.job_id for job in node.jobs_of(node.signer.address) if job.metadata == {"deflow": "key-1"}
    ] == [started.job_id]
    job = until(node, started, lambda job: job.is_over)
    assert job.outcome == "succeeded", job.ended_because
    file = io.BytesIO()
    downloaded = node.download(job, "output", file)
    file.seek(0)
    store = outputs.ContentStore(tmp_path / "store")
    unpacked = outputs.unpack(file, store, archive_sha256=downloaded.sha256, archive_size=downloaded.size)
    assert [(kept.name, kept.size) for kept in unpacked.files] == [
        ("large.bin", 5_000_000),
        ("sub/größe.txt", 2),
    ]
    assert {(line.stream, line.text) for line in node.logs(job)} == {
        ("stdout", "to stdout"),
        ("stderr", "to stderr"),
    }
    ended = node.jobs([node.signer.address], finished_since=started.created.timestamp())
    assert job.job_id in [each.job_id for each in ended]


def test_an_algorithm_that_fails_is_failed_with_its_code(node):
    job = until(node, node.start_free(request(node, "raise SystemExit(3)")), lambda job: job.is_over)
    assert job.outcome == "failed"
    assert "it ended with exit code 3" in job.ended_because


def test_a_running_job_is_listened_to_and_stopped(node):
    code = "import time\nprint('begun', flush=True)\ntime.sleep(120)"
    job = until(node, node.start_free(request(node, code)), lambda job: job.algo_started is not None)
    assert next(node.follow_logs(job)).text == "begun"
    assert node.stop(job.job_id).stop_requested
    job = until(node, job, lambda job: job.is_over)
    assert job.outcome == "stopped"


def test_a_log_is_followed_to_its_end(node):
    code = (
        "import sys, time\n"
        "for number in range(20):\n"
        "    print('line', number, flush=True)\n"
        "    print('warn', number, file=sys.stderr, flush=True)\n"
        "    time.sleep(0.05)\n"
        "print('no end', end='')\n"
    )
    lines = list(node.follow_logs(node.start_free(request(node, code)), 0.2))
    assert [line.text for line in lines if line.stream == "stdout"] == [
        *(f"line {number}" for number in range(20)),
        "no end",
    ]
    assert [line.text for line in lines if line.stream == "stderr"] == [
        f"warn {number}" for number in range(20)
    ]


@pytest.mark.parametrize("content", ["'größe' * 800_000", "bytes(range(256)) * 20_000"])
def test_outputs_come_whole_through_a_connection_that_breaks(node, node_url, signer, tmp_path, content):
    mode = "wb" if content.startswith("bytes") else "w"
    code = f"open('/data/outputs/o', '{mode}').write({content})"
    job = until(node, node.start_free(request(node, code)), lambda job: job.is_over)
    whole = io.BytesIO()
    expected = node.download(job, "output", whole)
    with (
        proxy.between(node_url) as broken,
        client.OceanNode(broken.url, signer, state_folder=tmp_path, requests_per_minute=6000) as other,
    ):
        broken.cut_replies = {
            "GET /api/services/computeResult": [2_500_000],
            "POST /directCommand": [1_500_000],
        }
        file = io.BytesIO()
        assert other.download(job, "output", file) == expected
        assert file.getvalue() == whole.getvalue()
        assert "POST /directCommand" in broken.passed


def test_outputs_go_where_they_shall_and_are_read_back(node, scripted_node, tmp_path):
    key = remote_output.new_key()
    storage = {"type": "url", "url": f"{scripted_node.url}/put/", "method": "GET"}
    storage["url"] = storage["url"].replace("127.0.0.1", "localhost")
    public_key = node.public_key()
    sealed = remote_output.sealed_output(public_key, storage, key)
    code = "open('/data/outputs/o', 'w').write('far away')"
    started = node.start_free(request(node, code, output=sealed))
    scripted_node.answer("PUT", f"/put/{remote_output.archive_name(started.job_id)}", (200, b""))
    job = until(node, started, lambda job: job.is_over)
    assert job.outcome == "succeeded", job.ended_because
    (put,) = scripted_node.asked
    clear = remote_output.opened(io.BytesIO(put["body"]), key, public_key)
    unpacked = outputs.unpack(clear, outputs.ContentStore(tmp_path / "store"))
    assert [(file.name, file.size) for file in unpacked.files] == [("o", 8)]


def test_a_viewer_gets_results(node, node_url, tmp_path):
    viewer = KeySigner("0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a")
    started = node.start_free(request(node, "print(1)", additional_viewers=(viewer.address,)))
    job = until(node, started, lambda job: job.is_over)
    with client.OceanNode(node_url, viewer, state_folder=tmp_path, requests_per_minute=6000) as other:
        assert [line.text for line in other.logs(job)] == ["1"]


def test_the_node_says_who_it_is_and_encrypts_for_itself(node):
    version = node.probe()
    assert (version.text, version.remark) == ("3.2.0", "")
    assert node.public_key() == version.public_key
    assert node.encrypt(b"a secret").startswith("0x04")


def test_a_file_is_described_by_what_can_be_trusted(node, scripted_node):
    url = scripted_node.url.replace("127.0.0.1", "localhost")
    scripted_node.answer("GET", "/data.csv", (200, b"a,b\n"))
    there = node.file_info({"type": "url", "url": f"{url}/data.csv", "method": "GET"})
    assert (there.is_there, there.size) == (True, 4)
    assert there.sha256 == hashlib.sha256(b"a,b\n").hexdigest()
    assert not node.file_info({"type": "url", "url": f"{url}/missing", "method": "GET"}).is_there
    bucket = node.create_bucket("deflow")
    node.upload(bucket.bucket_id, "n", io.BytesIO(b"42"))
    kept = node.file_info(node.file_object(bucket.bucket_id, "n"))
    assert (kept.is_there, kept.size, kept.sha256) == (True, 2, None)


def test_the_async_client_sees_and_stops_the_same_job(node, node_url, signer, tmp_path):
    job = node.start_free(request(node, "import time\ntime.sleep(120)"))

    async def stop() -> ComputeJob | None:
        async with client.AsyncOceanNode(
            node_url, signer, state_folder=tmp_path, requests_per_minute=6000
        ) as other:
            assert await other.version() == node.version()
            assert (await other.status(job.job_id)).job_id == job.job_id
            return await other.stop(job.job_id)

    assert asyncio.run(stop()).stop_requested
    assert until(node, job, lambda job: job.is_over).is_over


def test_bucket_files_travel_into_a_job(node):
    bucket = node.create_bucket("deflow")
    content = bytes(range(256)) * 40_000
    assert node.upload(bucket.bucket_id, "numbers", io.BytesIO(content)).size == len(content)
    assert bucket.bucket_id in [each.bucket_id for each in node.buckets(node.signer.address)]
    assert [(file.name, file.size) for file in node.bucket_files(bucket.bucket_id)] == [
        ("numbers", len(content))
    ]
    dataset = {"fileObject": node.file_object(bucket.bucket_id, "numbers")}
    code = (
        "import hashlib\n"
        f"data = open('/data/persistentStorage/{bucket.bucket_id}/numbers', 'rb').read()\n"
        "open('/data/outputs/sum', 'w').write(hashlib.sha256(data).hexdigest())\n"
    )
    job = until(node, node.start_free(request(node, code, datasets=[dataset])), lambda job: job.is_over)
    assert job.outcome == "succeeded", [line.text for line in node.logs(job)]
    node.delete_bucket_file(bucket.bucket_id, "numbers")
    assert node.bucket_files(bucket.bucket_id) == []


def test_a_token_stands_in_for_signatures(node, node_url, signer):
    token = node.create_token(valid_for_seconds=60)
    with client.OceanNode(node_url, signer, token=token, requests_per_minute=6000) as other:
        other.create_bucket("by token")
        node.invalidate_token(token)
        with pytest.raises(errors.RequestRejected, match="Invalid token"):
            other.create_bucket("too late")


def test_another_wallet_gets_nothing(node, node_url, tmp_path):
    stranger = KeySigner("0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a")
    job = until(node, node.start_free(request(node, "print(1)")), lambda job: job.is_over)
    with client.OceanNode(node_url, stranger, state_folder=tmp_path, requests_per_minute=6000) as other:
        with pytest.raises(errors.RequestRejected, match="Only the wallet that started the job"):
            other.download(job, "output", io.BytesIO())
        assert other.stop(job.job_id) is None


def test_clients_side_by_side_all_get_through(node, node_url, signer, tmp_path):
    """Nonces of clients that share a folder never collide, however they interleave."""
    failures: list[Exception] = []

    def many() -> None:
        try:
            with client.OceanNode(node_url, signer, state_folder=tmp_path, requests_per_minute=6000) as mine:
                for _ in range(15):
                    mine.buckets(signer.address)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
