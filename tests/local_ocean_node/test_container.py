# SPDX-License-Identifier: Apache-2.0
"""The container from inside, against what an algorithm found on a real node; and what it cannot reach."""

from __future__ import annotations

import io
import json
import socket
import tarfile
from pathlib import Path

import pytest

from tests.local_ocean_node.running import Consumer, consumer, python_image, recordings

LOOKS_AROUND = """
import json, os, stat, sys
def entry(path):
    status = os.lstat(path)
    return [stat.filemode(status.st_mode), path]
def writable(folder):
    try:
        open(os.path.join(folder, 'try'), 'w').close()
        os.remove(os.path.join(folder, 'try'))
        return True
    except OSError:
        return False
tree = []
for folder, folders, files in sorted(os.walk('/data')):
    tree.append(entry(folder))
    tree += [entry(os.path.join(folder, name)) for name in sorted(files)]
status = dict(line.split(':', 1) for line in open('/proc/self/status').read().splitlines())
print(json.dumps({
    'environment': dict(os.environ), 'user': [os.getuid(), os.geteuid(), os.getgid()], 'pid': os.getpid(),
    'folder': os.getcwd(), 'arguments': sys.argv, 'tree': tree, 'cores': len(os.sched_getaffinity(0)),
    'capabilities': [status[name].strip() for name in ('CapPrm', 'CapEff', 'CapBnd', 'CapAmb')],
    'no new privileges': status['NoNewPrivs'].strip(),
    'networks': [line.split(':')[0].strip() for line in open('/proc/net/dev') if ':' in line],
    'routes': len(open('/proc/net/route').readlines()) - 1,
    'custom data': json.load(open('/data/inputs/algoCustomData.json')),
    'writable': {folder: writable(folder) for folder in
        ('/', '/tmp', '/data', '/data/inputs', '/data/outputs', '/data/ddos', '/data/transformations',
         '/data/logs', '/home', '/dev/shm', '/usr')},
    'stdin': sys.stdin.read(), 'processes': sorted(name for name in os.listdir('/proc') if name.isdigit()),
}))
"""


@pytest.fixture(scope="module")
def inside(node_url: str) -> dict:
    who = consumer(node_url)
    algorithm = {
        "meta": {"rawcode": LOOKS_AROUND, "container": python_image()},
        "envs": {"GREETING": "hello", "COUNT": 3, "EMPTY": "", "OBJECT": {"a": 1}, "JSON": '{"a": [1]}'},
        "algocustomdata": {"threshold": 0.5, "names": ["a", "b"]},
    }
    job_id, job = who.run("", algorithm=algorithm)
    assert job["terminationDetails"]["exitCode"] == 0, who.log(job_id)
    return dict(json.loads(who.stdout(job_id)))


@pytest.fixture(scope="module")
def recorded() -> list[str]:
    """The lines that an algorithm with the same questions wrote in a container of a real node."""
    body = recordings("container")["contract-algorithmLog"]["response"]["body"]
    return [text.rstrip("\n") for stream, text in body["frames"] if stream == 1]


def test_the_user_is_1000_without_capabilities(inside: dict, recorded: list[str]):
    assert recorded[recorded.index("--- id") + 1].startswith("uid 1000 gid 1000")
    assert inside["user"] == [1000, 1000, 1000]
    assert inside["capabilities"] == ["0000000000000000"] * 4
    assert inside["no new privileges"] == "1"


def test_it_is_process_1_and_sees_no_other(inside: dict):
    assert (inside["pid"], inside["processes"]) == (1, ["1"])


def test_the_layout_of_data_is_that_of_a_real_node(inside: dict, recorded: list[str]):
    start = recorded.index("--- tree /data") + 1
    theirs = [
        line.split()
        for line in recorded[
            start : recorded.index("--- mounts: kind of source, mount point, file system, ro or rw")
        ]
    ]
    expected = [
        [mode, path.rstrip("/")]
        for mode, _user, _group, _size, path in theirs
        # Its two datasets.
        if path not in ("/data/inputs/n.txt", "/data/inputs/data.csv")
    ]

    assert sorted(inside["tree"], key=str) == sorted(expected, key=str)


def test_what_can_be_written_is_that_of_a_real_node(inside: dict, recorded: list[str]):
    start = recorded.index("--- writable") + 1
    theirs = dict(line.split() for line in recorded[start : recorded.index("--- stdin")])

    assert {folder: str(can) for folder, can in inside["writable"].items() if folder != "/usr"} == theirs
    assert inside["writable"]["/usr"] is False


def test_the_environment_is_the_images_and_the_algorithms(inside: dict):
    environment = inside["environment"]

    assert {name: environment[name] for name in ("GREETING", "COUNT", "EMPTY", "OBJECT", "JSON", "HOME")} == {
        "GREETING": "hello",
        "COUNT": "3",
        "EMPTY": "",
        "OBJECT": "[object Object]",
        "JSON": '{"a": [1]}',
        "HOME": "/",
    }
    assert set(environment) - {"GREETING", "COUNT", "EMPTY", "OBJECT", "JSON"} == {
        "HOME",
        "HOSTNAME",
        "LANG",
        "PATH",
        "PWD",
        "PYTHON_VERSION",
    }


def test_it_starts_at_the_root_with_a_relative_program(inside: dict):
    assert (inside["folder"], inside["arguments"]) == ("/", ["data/transformations/algorithm"])


def test_there_is_no_network_but_lo(inside: dict):
    assert (inside["networks"], inside["routes"]) == (["lo"], 0)


def test_custom_data_and_an_empty_stdin(inside: dict):
    assert inside["custom data"] == {"threshold": 0.5, "names": ["a", "b"]}
    assert inside["stdin"] == ""


def test_it_is_pinned_to_the_cores_it_asked_for(inside: dict):
    assert inside["cores"] == 1


def test_a_service_of_the_host_is_out_of_reach(alice: Consumer):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        job_id, _ = alice.run(f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=2)")

    assert alice.log(job_id)[-1] == (2, "ConnectionRefusedError: [Errno 111] Connection refused\n")


def test_files_and_secrets_of_the_host_are_out_of_sight(
    alice: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOST_SECRET", "s3cret")
    (tmp_path / "secret").write_text("s3cret")
    code = f"""
import os
hidden = ({str(tmp_path)!r}, {str(Path(__file__).parent)!r}, '/etc/passwd', '/sys', '/var')
print([path for path in hidden if os.path.exists(path)])
print('s3cret' in str(os.environ), os.listdir('/home'))
print(sorted(set(os.listdir('/etc')) - {{'ld.so.cache', 'alternatives'}}))
"""

    job_id, _ = alice.run(code)

    assert alice.stdout(job_id) == "[]\nFalse []\n[]\n"


def test_no_new_namespaces_can_be_made(alice: Consumer):
    code = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nprint(libc.unshare(0x10000000))"

    job_id, _ = alice.run(code)

    assert alice.stdout(job_id) == "-1\n"


def test_what_it_leaves_running_ends_with_it(alice: Consumer):
    code = """
import subprocess, sys
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)
"""

    _, job = alice.run(code)

    assert float(job["algoStopTimestamp"]) - float(job["algoStartTimestamp"]) < 10
    assert job["terminationDetails"]["exitCode"] == 0


def test_outputs_of_all_kinds_are_archived_as_on_a_real_node(alice: Consumer):
    code = """
import os
os.chdir('/data/outputs')
open('answer.json', 'w').write('{"a": 42}')
os.mkdir('empty')
os.link('answer.json', 'hard.json')
os.symlink('answer.json', 'link.json')
os.symlink('/etc/passwd', 'outside')
os.mkfifo('pipe')
open('private.txt', 'w').write('no'); os.chmod('private.txt', 0)
open('run.sh', 'w').write('#!/bin/sh\\n'); os.chmod('run.sh', 0o755)
os.makedirs('sub/deep'); open('sub/deep/größe-数据.txt', 'w').write('ok\\n')
open('with space.txt', 'w').write('x'); open('zero', 'w')
os.mkdir('closed'); open('closed/file', 'w').write('in'); os.chmod('closed', 0)
"""

    job_id, job = alice.run(code)
    archive = alice.result(job_id, "output")

    assert job["terminationDetails"]["exitCode"] == 0, alice.log(job_id)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = {member.name: member for member in tar}
        assert list(members) == [
            "outputs",
            "outputs/answer.json",
            "outputs/closed",
            "outputs/closed/file",
            "outputs/empty",
            "outputs/hard.json",
            "outputs/link.json",
            "outputs/outside",
            "outputs/pipe",
            "outputs/private.txt",
            "outputs/run.sh",
            "outputs/sub",
            "outputs/sub/deep",
            "outputs/sub/deep/größe-数据.txt",
            "outputs/with space.txt",
            "outputs/zero",
        ]
        assert (members["outputs/hard.json"].islnk(), members["outputs/hard.json"].linkname) == (
            True,
            "outputs/answer.json",
        )
        assert (members["outputs/outside"].issym(), members["outputs/outside"].linkname) == (
            True,
            "/etc/passwd",
        )
        assert members["outputs/pipe"].isfifo()
        assert members["outputs/private.txt"].mode == 0o100000
        assert tar.extractfile("outputs/private.txt").read() == b"no"
        assert members["outputs"].mode == 0o40777
        assert {member.uid for name, member in members.items() if name != "outputs"} == {1000}
    assert len(archive) % 512 == 0


def test_empty_outputs_are_1536_bytes(alice: Consumer):
    job_id, _ = alice.run("pass")

    assert len(alice.result(job_id, "output")) == 1536


def test_the_containers_folder_is_gone_afterwards(alice: Consumer, node_folder: Path):
    code = "import os; os.makedirs('/data/outputs/a/b'); os.chmod('/data/outputs/a', 0); open('/tmp/x', 'w')"

    _, job = alice.run(code)

    assert (node_folder / "c2d_storage" / job["environment"].split("-")[0] / job["jobId"]).is_dir()
    assert not (node_folder / "containers" / job["jobId"]).exists()
