# SPDX-License-Identifier: Apache-2.0
"""Outputs of 5 GB: from an Ocean Node into DeFlow's storage, every file hashed, in how much memory.

Peer: what one does by hand, `curl` to a file, `tar -x`, `sha256sum` of what came out. Limit: writing the same
bytes to the same disk once. All on the same local Ocean Node, one after the other.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from airflow_provider_deflow import jobs
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.outputs import ContentStore
from airflow_provider_deflow.signing import KeySigner
from tests.local_ocean_node.running import KEYS, Consumer, consumer, fast, running_ocean_node

GIGABYTES = 5
_WRITE = """
block = bytes(range(256)) * 4096
for number in range({gigabytes}):
    with open(f"/data/outputs/part-{{number}}", "wb") as file:
        for _ in range(1024):
            file.write(number.to_bytes(4, "big") + block[4:])
"""


def measure(gigabytes: int = GIGABYTES) -> dict[str, float]:
    """Seconds of each way, and the most memory that our whole process had, in MB."""
    with tempfile.TemporaryDirectory(prefix="deflow-bench-") as name:
        folder = Path(name)
        with running_ocean_node(fast(folder / "node", tick_seconds=0.5)) as url:
            who = consumer(url)
            job_id = who.start(_WRITE.format(gigabytes=gigabytes))
            while not (job := who.status(job_id))["dateFinished"]:
                time.sleep(1)
            assert job["terminationDetails"]["exitCode"] == 0, job
            ours, memory = _in_a_process_of_its_own(url, job_id, folder / "store")
            by_hand = _timed(lambda: _by_hand(who, job_id, folder / "hand"))
        (archive,) = (folder / "node").rglob("outputs.tar")
        limit = _timed(lambda: _copy_to_disk(archive, folder / "copy"))
    return {
        "DeFlow": ours,
        "curl, tar, sha256sum": by_hand,
        "one write": limit,
        "memory of DeFlow, MB": memory,
    }


def _in_a_process_of_its_own(url: str, job_id: str, store: Path) -> tuple[float, float]:
    ran = subprocess.run(
        [sys.executable, "-m", __name__, url, job_id, store], check=True, capture_output=True, text=True
    )
    seconds, megabytes = map(float, ran.stdout.split())
    return seconds, megabytes


def fetch(url: str, job_id: str, store: str) -> None:
    """What a worker does when a job has succeeded."""
    ocean_node = OceanNode(url, KeySigner(KEYS[0]))
    job = ocean_node.status(job_id)
    assert job is not None
    seconds = _timed(lambda: jobs.fetch_outputs(ocean_node, job, ContentStore(Path(store))))
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _by_hand(who: Consumer, job_id: str, folder: Path) -> None:
    folder.mkdir()
    (found,) = (result for result in who.status(job_id)["results"] if result["type"] == "output")
    query = {**who.signed("getComputeResult"), "jobId": job_id, "index": found["index"]}
    words = [word for key, value in query.items() for word in ("--data-urlencode", f"{key}={value}")]
    archive = folder / "outputs.tar"
    curl = ["curl", "--silent", "--fail", "--get", *words, "--output", archive]
    subprocess.run([*curl, f"{who.url}/api/services/computeResult"], check=True)
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    files = sorted((folder / "outputs").iterdir())
    subprocess.run(["sha256sum", *files], check=True, stdout=subprocess.DEVNULL)


def _copy_to_disk(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as write:
        shutil.copyfileobj(read, write, 1 << 20)
        write.flush()
        os.fsync(write.fileno())


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    fetch(*sys.argv[1:])
