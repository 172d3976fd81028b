# SPDX-License-Identifier: Apache-2.0
"""A paid node's image is looked for before anything is paid; what is paid is counted on the chain."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException
from pymongo.database import Database

from airflow_provider_deflow import job_request
from airflow_provider_deflow.ocean import image_registry as asked
from tests import image_registry, services
from tests.image_registry import Registry
from tests.operators import paid
from tests.operators.one_task import WRITE, context, run, written
from tests.operators.paid import Paid, paid_operator, paid_task

# Airflow says so at each direct call of execute.
pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")
NODE = "AIRFLOW_CONN_OCEAN_NODE_DEFAULT"


@pytest.fixture
def registry() -> Iterator[Registry]:
    with image_registry.running() as one:
        yield one


@pytest.fixture
def paying(
    chain: services.Chain,
    tmp_path: Path,
    mongo_uri: str,
    mongo_database: Database[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Paid]:
    """With a connection that does not say that images are not to be looked for."""
    with paid.paying(chain, tmp_path, mongo_database, monkeypatch, mongo_uri) as one:
        node = json.loads(os.environ[NODE])
        del node["extra"]["check_images"]
        monkeypatch.setenv(NODE, json.dumps({**node, "extra": {**node["extra"], "registries": "127.0.0.1"}}))
        yield one


def by_image(image: str, task_id: str = "train", **node: Any) -> Any:
    algorithm = {"code": "pass", "image": image, "entrypoint": "python3 $ALGO"}
    return paid_task(task_id, "", algorithm=algorithm, **node)


def by_image_alone(image: str) -> Any:
    with DAG("by_hand", schedule=None):
        return by_image(image)


def nothing_was_paid(paying: Paid) -> bool:
    sent_starts = "POST /api/services/compute" in paying.between.passed
    return (paying.sent(), paying.events("Lock"), sent_starts) == (0, [], False)


def test_an_image_that_is_not_there_costs_nothing(paying: Paid, registry: Registry) -> None:
    registry.gives_tokens = True
    missing = f"{registry.host}/my/image:typo"

    said = rf"SettingsError: image {missing} is not there, so nothing is paid — .*MANIFEST_UNKNOWN: manifest"
    with pytest.raises(AirflowFailException, match=said):
        run(by_image_alone(missing), context())

    assert nothing_was_paid(paying)


@pytest.mark.parametrize("is_list", [True, False])
def test_an_image_for_another_machine_costs_nothing(paying: Paid, registry: Registry, is_list: bool) -> None:
    add = registry.add if is_list else registry.add_single
    image = add("my/image", "1", "linux/s390x")

    said = rf"is for linux/s390x, and .* runs linux/{platform.machine()}, so nothing is paid"
    with pytest.raises(AirflowFailException, match=said):
        run(by_image_alone(image), context())

    assert nothing_was_paid(paying)


def test_an_image_that_a_later_node_of_the_run_names_is_looked_for_before_the_first_is_paid(
    paying: Paid, registry: Registry
) -> None:
    there = registry.add("my/image", "1", f"linux/{platform.machine()}")
    with DAG("by_hand", schedule=None):
        first = by_image(there, "first")
        by_image(f"{registry.host}/my/image:typo", "second")

    with pytest.raises(AirflowFailException, match=r"my/image:typo is not there, so nothing is paid"):
        run(first, context())

    assert nothing_was_paid(paying)


@pytest.mark.parametrize(
    ("status", "why"), [(401, "wants a login"), (429, "was asked too often"), (503, "answered 503")]
)
def test_a_registry_that_says_nothing_of_it_is_told_of_and_holds_up_nothing(
    paying: Paid, registry: Registry, capsys: pytest.CaptureFixture[str], status: int, why: str
) -> None:
    registry.refusal = (status, {})

    # The local Ocean Node runs no such image: that it locked shows that the start went on.
    with pytest.raises(AirflowFailException, match="LockOrphaned"):
        run(by_image_alone(f"{registry.host}/my/image:1"), context())

    assert f"does not say whether it is there: it {why}" in capsys.readouterr().out
    assert len(paying.events("Lock")) == 1


def test_nodes_with_one_image_ask_its_registry_once(paying: Paid, registry: Registry) -> None:
    """Also in other processes of the host: what was said is in a file."""
    image = registry.add("my/image", "1", "linux/s390x")

    for run_id in ("run 1", "run 2"):
        task = by_image_alone(image)
        with pytest.raises(AirflowFailException, match="is for linux/s390x"):
            run(task, context(run_id=run_id))

    assert registry.asked == ["/v2/my/image/manifests/1"]


def test_a_connection_may_leave_images_to_its_ocean_node(
    paying: Paid, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = json.loads(os.environ[NODE])
    monkeypatch.setenv(NODE, json.dumps({**node, "extra": {**node["extra"], "check_images": "false"}}))

    with pytest.raises(AirflowFailException, match="LockOrphaned"):
        run(by_image_alone(f"{registry.host}/my/image:typo"), context())

    assert registry.asked == []


def test_a_bucket_that_the_wallet_does_not_have_costs_nothing(
    paying: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = job_request.build
    monkeypatch.setattr(job_request, "build", lambda *args: replace(build(*args), output_bucket_id="0" * 64))
    node = json.loads(os.environ[NODE])
    monkeypatch.setenv(NODE, json.dumps({**node, "extra": {**node["extra"], "check_images": False}}))

    with pytest.raises(AirflowFailException, match="RequestRejected"):
        run(paid_operator(WRITE.format("x")), context())

    assert nothing_was_paid(paying)


def test_what_is_looked_for_and_found_is_paid_and_runs(
    paying: Paid, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The local Ocean Node runs images called python only, which here are another registry's."""
    monkeypatch.setattr(asked, "DOCKER_HUB", registry.host)
    registry.add("library/python", "3.11", f"linux/{platform.machine()}")

    returned = run(paid_operator(WRITE.format("x")), context())

    assert written(returned) == {"out.txt": "x"}
    assert (registry.asked, len(paying.events("Lock"))) == (["/v2/library/python/manifests/3.11"], 1)
