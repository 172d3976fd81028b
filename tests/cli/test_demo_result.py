# SPDX-License-Identifier: Apache-2.0
"""A demo is right only when archive, manifest, published graph and figures agree."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_deflow.cli import demo_result
from airflow_provider_deflow.ocean.outputs import ContentStore
from airflow_provider_deflow.stack.airflow_api import DagRun, RunState, TaskInstance

GRAPH = {"slug": "disease-prediction", "revision": 3, "sha256": "c" * 64}
FIGURE = {"value": 0.98, "ci95": [0.95, 0.99]}
FIGURES = {
    "auc": FIGURE,
    "sensitivity": FIGURE,
    "specificity": FIGURE,
    "features": [{"name": "worst radius"}],
}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _collect(store: ContentStore, files: dict[str, bytes], promised: dict[str, bytes]) -> dict[str, Any]:
    """An archive of `files` whose manifest promises `promised`, as the `results` task keeps it."""
    outputs = [{"name": name, "sha256": _sha256(content)} for name, content in promised.items()]
    nodes = [{"node": "predict", "outputs": outputs}, {"node": "prepare-a", "outputs": [{"name": "x"}]}]
    manifest = json.dumps({"graph": GRAPH, "nodes": nodes, "results": ["predict"]}).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in {
            "manifest.json": manifest,
            **{f"predict/{k}": v for k, v in files.items()},
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    archive.seek(0)
    sha256, size = store.put(archive)
    return {"archive": sha256, "bytes": size, "files": len(files), "manifest": _sha256(manifest)}


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "storage")


def test_an_archive_that_agrees_has_no_faults(store: ContentStore, tmp_path: Path) -> None:
    files = {"metrics.json": json.dumps(FIGURES).encode(), "report.png": b"picture"}
    collected = _collect(store, files, files)

    archive = demo_result.copy_archive(store, collected["archive"], tmp_path / "result.tar")

    assert demo_result.archive_faults(archive, collected, GRAPH) == []
    assert _sha256((tmp_path / "result.tar").read_bytes()) == collected["archive"] == archive.sha256
    assert archive.figures == FIGURES
    assert archive.read("predict/report.png") == b"picture"
    assert archive.read("predict/absent") is None


def test_a_changed_missing_or_added_file_is_named(store: ContentStore, tmp_path: Path) -> None:
    promised = {"metrics.json": b"{}", "features.csv": b"f"}
    collected = _collect(store, {"metrics.json": b"{ }", "extra": b"e"}, promised)
    archive = demo_result.copy_archive(store, collected["archive"], tmp_path / "result.tar")

    assert demo_result.archive_faults(archive, collected, GRAPH) == [
        "predict/extra in the archive is not what the manifest says",
        "predict/features.csv in the archive is not what the manifest says",
        "predict/metrics.json in the archive is not what the manifest says",
    ]


def test_another_archive_or_manifest_than_the_task_named_is_a_fault(
    store: ContentStore, tmp_path: Path
) -> None:
    collected = _collect(store, {}, {})
    archive = demo_result.copy_archive(store, collected["archive"], tmp_path / "result.tar")
    named = {"archive": "a" * 64, "manifest": "b" * 64}

    assert demo_result.archive_faults(archive, named, GRAPH) == [
        f"the archive's sha256 is {archive.sha256}, `results` said {'a' * 64}",
        f"manifest.json is not the one that `results` named ({'b' * 64})",
    ]


def test_another_revision_than_the_published_one_is_a_fault(store: ContentStore, tmp_path: Path) -> None:
    collected = _collect(store, {}, {})
    archive = demo_result.copy_archive(store, collected["archive"], tmp_path / "result.tar")
    published = GRAPH | {"revision": 4}

    faults = demo_result.archive_faults(archive, collected, published)

    assert faults == [f"the manifest is of {GRAPH}, published was {published}"]


@pytest.mark.parametrize(
    ("figures", "faults"),
    [
        (FIGURES, []),
        ({}, ["there is no predict/metrics.json in the result"]),
        (
            FIGURES | {"auc": {"value": 0.95, "ci95": [0.9, 0.99]}},
            ["AUC 0.95 is not above 0.95: this data gives about 0.99"],
        ),
        (
            FIGURES | {"sensitivity": {"value": 0.5, "ci95": [0.6, 0.9]}},
            ["sensitivity has no value within its confidence interval"],
        ),
        (
            FIGURES | {"specificity": {"value": 0.5}},
            ["specificity has no value within its confidence interval"],
        ),
        (FIGURES | {"features": []}, ["no features were chosen"]),
    ],
)
def test_figures_are_held_against_what_this_data_can_give(figures: dict[str, Any], faults: list[str]) -> None:
    assert demo_result.figure_faults(figures) == faults


def test_a_run_is_right_with_eight_green_tasks_only() -> None:
    run = DagRun("d", "r", "failed", datetime(2026, 1, 1, tzinfo=UTC), None, None)
    tasks = [TaskInstance(f"t{number}", -1, "success", 1, "", None, None) for number in range(6)]
    broken = TaskInstance("predict", -1, "failed", 1, "", None, None)

    assert demo_result.run_faults(RunState(run, (*tasks, broken))) == [
        "the run's state is 'failed'",
        "7 tasks instead of 8",
        "the state of task predict is 'failed'",
    ]
