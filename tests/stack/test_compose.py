# SPDX-License-Identifier: Apache-2.0
"""docker-compose.yaml as Compose itself reads it, and beside `make cluster`, which has the same topology.

No container engine runs here: what images do at their start is left to who has one.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from airflow_provider_deflow.stack import airflow_parts, cluster

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yaml"
COMPOSE = Path(sys.prefix) / "bin/docker-compose"
ONCE = {"airflow-init", "mongo-init"}
AIRFLOW = {*cluster.ONE_EACH, *cluster.TRIGGERERS, *cluster.QUEUES}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Compose comes locked for Linux only")


def compose(file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [str(COMPOSE), "--file", str(file), "--profile", "*", "config", *more]
    environment = os.environ | {"DOCKER_HOST": "unix:///nowhere.sock"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    answer = compose(FILE, "--format", "json")
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == "", "Compose warns"
    return dict(json.loads(answer.stdout))


@pytest.mark.parametrize(
    ("written", "wrong", "said"),
    [
        ("mongod-3: {condition", "mongod-4: {condition", "mongod-4"),
        ("  redis_password: {", "  another_password: {", "redis_password"),
        ("storage:/opt", "store:/opt", "store"),
        ("retries: 12", "tries: 12", "tries"),
        ("condition: service_healthy", "condition: service_well", "condition"),
    ],
)
def test_compose_finds_what_does_not_fit(tmp_path: Path, written: str, wrong: str, said: str) -> None:
    broken = tmp_path / "docker-compose.yaml"
    text = FILE.read_text(encoding="utf-8")
    assert written in text
    broken.write_text(text.replace(written, wrong), encoding="utf-8")

    answer = compose(broken, "--quiet")

    assert answer.returncode != 0
    assert said in answer.stderr


def test_it_has_every_part_of_the_cluster_with_its_command(project: dict[str, Any]) -> None:
    services = project["services"]

    for name in cluster.QUEUES:
        assert services[name]["command"] == list(cluster.worker_command(name))
        assert services[name]["hostname"] == name
    for name in cluster.TRIGGERERS:
        assert services[name]["command"] == ["triggerer"]
        assert services[name]["hostname"] == name
    for name in cluster.ONE_EACH:
        assert services[name]["command"] == [name]
    assert {"postgresql", "redis", "mongod-1", "mongod-2", "mongod-3", "ocean-node"} <= set(services)


def test_its_settings_are_those_of_the_cluster(project: dict[str, Any]) -> None:
    (bundle,) = airflow_parts._BUNDLES

    for name in AIRFLOW:
        environment = project["services"][name]["environment"]
        assert {key: environment.get(key) for key in cluster.SETTINGS} == dict(cluster.SETTINGS)
        (read,) = json.loads(environment["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
        assert (read["name"], read["classpath"]) == (bundle["name"], bundle["classpath"])


def test_the_settings_that_differ_by_address_are_set_in_both(project: dict[str, Any]) -> None:
    source = Path(cluster.__file__).read_text(encoding="utf-8")
    of_one_machine = {"AIRFLOW__CORE__HOSTNAME_CALLABLE"}
    named = set(re.findall(r"AIRFLOW__[A-Z_]+__[A-Z_]+", source)) - of_one_machine

    for name in AIRFLOW:
        environment = project["services"][name]["environment"]
        assert named <= {key.removesuffix("_CMD") for key in environment}


def test_airflow_knows_every_setting_and_takes_its_secrets_from_commands(project: dict[str, Any]) -> None:
    asked = {key for name in AIRFLOW for key in project["services"][name]["environment"]}
    known = """
import json, sys
from airflow.configuration import conf
from airflow.utils.providers_configuration_loader import providers_configuration_loaded
@providers_configuration_loaded
def tell():
    lines = []
    for variable in json.loads(sys.argv[1]):
        section, _, key = variable.removeprefix("AIRFLOW__").lower().partition("__")
        name = key.removesuffix("_cmd")
        description = conf.configuration_description.get(section, {}).get("options", {})
        secret = (section, name) in conf.sensitive_config_values
        lines.append([variable, name in description or section.endswith("_options"), secret])
    print(json.dumps(lines))
tell()
"""
    settings = sorted(key for key in asked if key.startswith("AIRFLOW__"))
    answer = subprocess.run(
        [sys.executable, "-c", known, json.dumps(settings)], capture_output=True, text=True, check=True
    )

    said = json.loads(answer.stdout.splitlines()[-1])
    assert [variable for variable, known, _ in said if not known] == []
    assert [variable for variable, _, secret in said if variable.endswith("_CMD") and not secret] == []
    assert len(said) > 15


def test_what_stays_up_is_watched_limited_and_started_again(project: dict[str, Any]) -> None:
    for name, service in project["services"].items():
        if name in ONCE:
            assert service["restart"].startswith("on-failure")
            continue
        assert service["healthcheck"]["test"], name
        assert service["restart"] == "unless-stopped", name
        assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"]), name


def test_everything_is_ready_before_airflow_starts(project: dict[str, Any]) -> None:
    for name in AIRFLOW:
        waits = {other: on["condition"] for other, on in project["services"][name]["depends_on"].items()}
        assert waits == {
            "postgresql": "service_healthy",
            "redis": "service_healthy",
            "mongo-init": "service_completed_successfully",
            "airflow-init": "service_completed_successfully",
        }


def test_outputs_are_one_folder_for_all_of_airflow(project: dict[str, Any]) -> None:
    for name in AIRFLOW:
        service = project["services"][name]
        folder = service["environment"]["AIRFLOW__DEFLOW__STORAGE"].removeprefix("file://")
        mounted = {volume["target"]: volume["source"] for volume in service["volumes"]}
        assert mounted[folder] == "storage"
        # Where the processes of one address share an Ocean Node's allowance, and a wallet's nonces.
        assert mounted["/opt/airflow/deflow"] == "deflow"


def test_its_images_are_of_the_versions_that_are_tested(project: dict[str, Any]) -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    (version,) = re.findall(r"^apache-airflow==(\S+)", lock, re.MULTILINE)

    builds = [
        service["build"]["dockerfile_inline"]
        for service in project["services"].values()
        if "build" in service
    ]

    assert any(f"FROM apache/airflow:{version}-" in build for build in builds)
    assert not any("COPY ." in build for build in builds), "the secrets are beside the sources"


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the commands in docs/deployment.md make."""
    page = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
    block = page.partition("## Secrets")[2].partition("```sh\n")[2].partition("```")[0]
    folder = tmp_path_factory.mktemp("deployment")
    environment = os.environ | {"OCEAN_WALLET_KEY": "0x" + "5a" * 32}
    subprocess.run(["sh", "-e", "-c", block], cwd=folder, env=environment, check=True, capture_output=True)
    return folder / "secrets"


def test_the_documented_commands_make_every_secret_for_its_owner_only(
    project: dict[str, Any], secrets: Path
) -> None:
    named = {Path(secret["file"]).name for secret in project["secrets"].values()}
    used = {
        secret["source"] for service in project["services"].values() for secret in service.get("secrets", ())
    }

    made = {path.name: path.stat().st_mode & 0o777 for path in secrets.iterdir()}

    assert made == dict.fromkeys(named, 0o600)
    assert used == set(project["secrets"])


def test_the_secrets_fit_what_reads_them(secrets: Path) -> None:
    assert len(base64.urlsafe_b64decode((secrets / "fernet_key").read_text())) == 32
    assert load_pem_private_key((secrets / "jwt_private_key").read_bytes(), password=None)
    assert 6 <= len("".join((secrets / "mongo_keyfile").read_text().split())) <= 1024
    read = """
import sys
from airflow.secrets.local_filesystem import LocalFilesystemBackend
from airflow_provider_deflow.hooks.store import GraphStoreHook
backend = LocalFilesystemBackend(connections_file_path=sys.argv[1])
for conn_id in ("deflow_mongo", "ocean_node_default", "ocean_wallet_default"):
    connection = backend.get_connection(conn_id)
    print(connection.conn_type, connection.host, connection.extra_dejson.get("replicaSet"))
"""
    answer = subprocess.run(
        [sys.executable, "-c", read, str(secrets / "connections.json")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.splitlines()[-3:] == [
        "mongo mongod-1:27017,mongod-2:27017,mongod-3:27017 deflow",
        "ocean_node http://ocean-node:8001 None",
        "ocean_wallet None None",
    ]


def test_no_secret_stands_in_the_file(project: dict[str, Any]) -> None:
    for service in project["services"].values():
        for key in service.get("environment", {}):
            if re.search("PASSWORD|SECRET_KEY|FERNET|_CONN|BROKER_URL|RESULT_BACKEND", key):
                assert key.endswith(("_CMD", "_FILE")), key
