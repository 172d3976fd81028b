# SPDX-License-Identifier: Apache-2.0
"""The container contract, as an algorithm sees it from inside."""

from __future__ import annotations

import json

import pytest

from tests.conformance import archives, programs
from tests.conformance.session import Record, Run


@pytest.fixture(scope="module")
def inside(finished: Run) -> Record:
    assert finished.exit_code == 0, finished.log()
    return dict(json.loads(archives.contents(finished.result("output"))["outputs/inside.json"]))


def test_the_user_is_1000_without_capabilities(inside: Record):
    assert inside["user"] == [1000, 1000, 1000]
    assert set(inside["capabilities"].values()) == {"0000000000000000"}
    assert inside["no new privileges"] == "1"


def test_it_is_process_1_without_neighbours(inside: Record):
    assert inside["neighbours"] == ["1"]


def test_it_starts_in_the_images_folder_with_a_relative_program(inside: Record):
    assert (inside["folder"], inside["arguments"]) == ("/", ["data/transformations/algorithm"])
    assert inside["algorithm"] == len(programs.LEAVES_EVERYTHING.encode())


def test_the_layout_of_data(inside: Record):
    assert {path: mode for mode, path in inside["tree"]} == {
        "/data": "drwxr-xr-x",
        "/data/ddos": "drwxrwxrwx",
        "/data/inputs": "drwxrwxrwx",
        "/data/inputs/algoCustomData.json": "-rw-r--r--",
        "/data/logs": "drwxrwxrwx",
        "/data/logs/configuration.log": "-rw-r--r--",
        "/data/logs/image.log": "-rw-r--r--",
        "/data/outputs": "drwxrwxrwx",
        "/data/transformations": "drwxrwxrwx",
        "/data/transformations/algorithm": "-rw-r--r--",
    }


def test_what_can_be_written(inside: Record):
    assert inside["writable"] == {
        "/": False,
        "/tmp": True,
        "/data": False,
        "/data/inputs": True,
        "/data/outputs": True,
        "/data/ddos": True,
        "/data/transformations": True,
        "/data/logs": True,
        "/home": False,
        "/dev/shm": True,
        "/usr": False,
    }
    assert inside["umask"] == 0o022


def test_the_environment_is_the_images_and_the_algorithms(inside: Record):
    environment = inside["environment"]

    assert {name: environment[name] for name in ("GREETING", "COUNT", "EMPTY", "OBJECT", "JSON", "HOME")} == {
        "GREETING": "hello",
        "COUNT": "3",
        "EMPTY": "",
        "OBJECT": "[object Object]",
        "JSON": '{"a": [1]}',
        "HOME": "/",
    }
    # What documents and old algorithms speak of is not there.
    assert not {"DIDS", "TRANSFORMATION_DID", "secret"} & set(environment)
    assert {"HOSTNAME", "PATH"} <= set(environment)


def test_there_is_no_network_but_lo(inside: Record, environment: Record):
    if environment["enableNetwork"]:
        pytest.skip("containers of this environment have a network")

    assert (inside["networks"], inside["routes"]) == (["lo"], 0)


def test_custom_data_is_a_file(inside: Record, silent: Run):
    assert inside["custom data"] == {"threshold": 0.5, "names": ["a", "b"]}


def test_there_is_no_input_and_no_terminal(inside: Record):
    assert (inside["stdin"], inside["terminal"]) == ("", False)


def test_it_is_pinned_to_the_cores_it_was_given(inside: Record, finished: Run):
    amounts = {entry["id"]: entry["amount"] for entry in finished.started["resources"]}

    assert inside["cores"] == amounts["cpu"]


def test_shared_memory_is_64_mb(inside: Record):
    assert inside["shared memory"] == 64 << 20


def test_configuration_log_says_what_was_provided(finished: Run):
    lines = finished.text("configurationLog").splitlines()

    assert lines[0] == "Writing algocustom data to '/data/inputs/algoCustomData.json'"
    assert lines[1].startswith("Writing raw algo code to ")
    assert lines[1].endswith(f"/{finished.bare_id}/data/transformations/algorithm")
    assert lines[-1] == "All good with data provisioning, will start uploading it..."


def test_image_log_says_what_was_pulled(finished: Run):
    assert f"Successfully pulled image: {finished.who.node.image}" in finished.text("imageLog")
