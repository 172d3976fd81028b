# SPDX-License-Identifier: Apache-2.0
"""All through the DeFlow API, as the editor does: draw, publish, run, watch, read why, mend, run on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import tenacity

from tests.api.people import Asking
from tests.e2e.conftest import Deployment
from tests.e2e.drawn import algorithm, graph

pytestmark = pytest.mark.e2e

SLUG = "by-the-api"
RUN_SECONDS = 120


@pytest.fixture
def ask(deployment: Deployment) -> Iterator[Asking]:
    up = deployment.up
    with httpx.Client(base_url=up.airflow_url, timeout=60) as client:
        login = client.post("/auth/token", json={"username": up.username, "password": up.password})
        yield Asking(client, login.raise_for_status().json()["access_token"])


def started(ask: Asking, **asked: Any) -> str:
    """As soon as Airflow has read the newest revision."""
    again = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda answer: answer.json().get("error") == "not_ready"),
        wait=tenacity.wait_fixed(0.5),
        stop=tenacity.stop_after_delay(60),
    )
    return str(ask.fine(again(ask, "POST", f"/graphs/{SLUG}/runs", asked))["run_id"])


def ended(ask: Asking, run_id: str) -> Any:
    give_up_at = time.monotonic() + RUN_SECONDS
    while (seen := ask.get(f"/graphs/{SLUG}/runs/{run_id}"))["state"] not in ("success", "failed"):
        assert time.monotonic() < give_up_at, seen
        time.sleep(0.5)
    return seen


def test_a_graph_is_drawn_run_read_mended_and_run_from_there_by_the_api_alone(ask: Asking) -> None:
    document = graph(SLUG, "ab", ["ab"], defaults={"retries": 0})
    good = document["nodes"][1]["data"]["algorithm"]
    document["nodes"][1]["data"]["algorithm"] = algorithm("raise SystemExit('out of ideas')")
    ask.create(document)
    ask.publish(SLUG, 1, "first try")

    failed = ended(ask, started(ask))

    assert failed["state"] == "failed"
    a, b = failed["nodes"]["a"], failed["nodes"]["b"]
    assert (a["state"], a["outcome"], a["attempt"]) == ("success", "succeeded", 1)
    assert a["job_id"].startswith("0x")
    assert a["elapsed_seconds"] > 0
    assert [file["name"] for file in a["outputs"]] == ["a.txt"]
    assert failed["edges"]["a__b"]["state"] == "success"
    assert failed["edges"]["a__b"]["files"] == 1
    assert (b["state"], b["outcome"], b["outputs"]) == ("failed", "failed", [])
    assert "b" in b["message"]
    assert "algorithm" in b["hint"]
    log = ask.get(f"/graphs/{SLUG}/runs/{failed['run_id']}/tasks/b/log")
    assert log["is_over"]
    assert "out of ideas" in "\n".join(log["lines"])

    document["nodes"][1]["data"]["algorithm"] = good
    ask.fine(ask("PUT", f"/graphs/{SLUG}/draft", {"document": document}, version=1))
    ask.publish(SLUG, 2, "mended")
    mended = ended(ask, started(ask, **{"from": ["b"]}))

    assert (mended["state"], mended["revision"]) == ("success", 2)
    assert mended["nodes"]["a"]["outcome"] == "reused"
    assert mended["nodes"]["a"]["outputs"] == a["outputs"]
    assert mended["nodes"]["b"]["outcome"] == "succeeded"
    (file,) = mended["nodes"]["b"]["outputs"]
    path = f"/graphs/{SLUG}/runs/{mended['run_id']}/outputs/{file['sha256']}/{file['name']}"
    assert ask("GET", path).content == b"b(a())"
    assert ask("GET", path, headers={"range": "bytes=2-4"}).content == b"a()"
    assert [each["name"] for each in mended["results"]["files"]] == ["results.tar", "manifest.json"]
    runs = ask.get(f"/graphs/{SLUG}/runs")["runs"]
    assert [(run["state"], run["revision"]) for run in runs] == [("success", 2), ("failed", 1)]


def test_a_running_graph_is_stopped_with_its_job(ask: Asking, deployment: Deployment) -> None:
    ask.create(graph("api-stop", "a", seconds={"a": 300}) | {"slug": "api-stop"})
    ask.publish("api-stop", 1)
    deployment.airflow.wait_for_dag("deflow_api-stop", 60)
    run_id = ask.fine(ask("POST", "/graphs/api-stop/runs", {}))["run_id"]
    path = f"/graphs/api-stop/runs/{run_id}"
    give_up_at = time.monotonic() + RUN_SECONDS
    while not (job_id := ask.get(path)["nodes"]["a"]["job_id"]) or not is_followed(deployment, run_id):
        assert time.monotonic() < give_up_at
        time.sleep(0.5)

    assert ask("POST", f"{path}/stop").status_code == 202

    while not (job := deployment.ocean_node.status(job_id)).is_over:  # type: ignore[union-attr]
        assert time.monotonic() < give_up_at
        time.sleep(0.5)
    assert job is not None
    assert job.outcome == "stopped"


def is_followed(deployment: Deployment, run_id: str) -> bool:
    """Whether a triggerer has the job. Between the worker and it nobody hears of a stop but upkeep."""
    logs = deployment.up.home / "logs" / "tasks" / "dag_id=deflow_api-stop"
    return any(
        "Running algorithm" in file.read_text()
        for file in logs.glob(f"run_id={run_id}/task_id=a/*.trigger.*.log")
    )


def test_an_upload_becomes_an_asset_by_the_api_alone(ask: Asking) -> None:
    kept = ask.fine(ask("POST", "/uploads", params={"name": "numbers.txt"}, content=b"1 4 9"))
    asset = {
        "ocean_node": "ocean_node_default",
        "wallet": "ocean_wallet_publisher",
        "kind": "dataset",
        "name": "Squares by the API",
        "description": "The first square numbers",
        "author": "Somebody",
        "license": "CC0-1.0",
        "files": [{"upload": {"sha256": kept["sha256"], "name": kept["name"]}}],
        "service": "access",
    }

    made = published(ask, asset)

    assert made["state"] == "success", made
    assert [one["what"] for one in made["transactions"]] == ["mint", "describe"]
    node = {"ocean_node": "ocean_node_default"}
    (found,) = ask.get("/assets", params={**node, "search": "squares by the api"})["assets"]
    assert (found["did"], found["services"][0]["price"]["kind"]) == (made["did"], "free")
    assert ask.get(f"/assets/{made['did']}", params=node)["license"] == "CC0-1.0"
    again = published(ask, asset)
    assert (again["state"], again["did"]) == ("success", made["did"])

    failed = published(ask, {**asset, "files": [{"url": "http://127.0.0.1:9/nothing.txt"}]})
    assert (failed["state"], failed["did"]) == ("failed", None)
    assert failed["message"]
    assert failed["hint"]


def published(ask: Asking, asset: dict[str, Any]) -> Any:
    """What became of it, once Airflow has read the Dag."""
    again = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda answer: answer.json().get("error") == "not_ready"),
        wait=tenacity.wait_fixed(0.5),
        stop=tenacity.stop_after_delay(60),
    )
    run_id = ask.fine(again(ask, "POST", "/assets", asset))["run_id"]
    give_up_at = time.monotonic() + RUN_SECONDS
    while (seen := ask.get(f"/assets/publications/{run_id}"))["state"] not in ("success", "failed"):
        assert time.monotonic() < give_up_at, seen
        time.sleep(0.5)
    return seen
