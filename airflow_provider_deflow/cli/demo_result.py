# SPDX-License-Identifier: Apache-2.0
"""Whether a run of the example is right, from what it left behind; told as a list of what is wrong.

Green tasks are not taken for proof: the archive is hashed again, each file in it is held against the
manifest, the manifest against what was published, and the figures against what this data can give.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from airflow_provider_deflow.ocean.outputs import ContentStore
    from airflow_provider_deflow.stack.airflow_api import RunState

TASKS = 8
SINK = "predict"
METRICS = f"{SINK}/metrics.json"
PICTURE = f"{SINK}/report.png"
WORDS = f"{SINK}/report.txt"
LEAST_AUC = 0.95
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Archive:
    """The result as it was copied: its hash, its manifest, and the hash of each file in it."""

    path: Path
    sha256: str
    manifest: bytes
    files: dict[str, str]

    def read(self, name: str) -> bytes | None:
        """A file's content; None when there is no such file."""
        if name not in self.files:
            return None
        with tarfile.open(self.path) as tar:
            member = tar.extractfile(name)
            return member.read() if member else None

    @property
    def figures(self) -> dict[str, Any]:
        """What the prediction says about itself; empty when it said nothing."""
        return json.loads(self.read(METRICS) or b"{}")  # type: ignore[no-any-return]


def copy_archive(store: ContentStore, sha256: str, target: Path) -> Archive:
    """Copy the result out of DeFlow's storage, hashing what is really there."""
    whole = hashlib.sha256()
    with store.open(sha256) as source, target.open("wb") as copy:
        while chunk := source.read(CHUNK_BYTES):
            whole.update(chunk)
            copy.write(chunk)
    files: dict[str, str] = {}
    manifest = b""
    with tarfile.open(target) as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is None:
                continue
            data = content.read()
            if member.name == "manifest.json":
                manifest = data
            else:
                files[member.name] = hashlib.sha256(data).hexdigest()
    return Archive(target, whole.hexdigest(), manifest, files)


def run_faults(state: RunState) -> list[str]:
    """What is wrong with the run itself."""
    faults = [] if state.run.state == "success" else [f"the run's state is {state.run.state!r}"]
    if len(state.tasks) != TASKS:
        faults.append(f"{len(state.tasks)} tasks instead of {TASKS}")
    return faults + [
        f"the state of task {task.task_id} is {task.state!r}"
        for task in state.tasks
        if task.state not in ("success", "upstream_failed")
    ]


def archive_faults(archive: Archive, collected: Mapping[str, Any], graph: Mapping[str, Any]) -> list[str]:
    """What does not agree: archive, manifest, the `results` task's words, and the published graph."""
    faults = []
    if archive.sha256 != collected["archive"]:
        faults.append(f"the archive's sha256 is {archive.sha256}, `results` said {collected['archive']}")
    if hashlib.sha256(archive.manifest).hexdigest() != collected["manifest"]:
        faults.append(f"manifest.json is not the one that `results` named ({collected['manifest']})")
        return faults
    manifest = json.loads(archive.manifest)
    if manifest["graph"] != graph:
        faults.append(f"the manifest is of {manifest['graph']}, published was {graph}")
    promised = {
        f"{node['node']}/{file['name']}": file["sha256"]
        for node in manifest["nodes"]
        if node["node"] in manifest["results"]
        for file in node["outputs"]
    }
    for name in sorted(promised.keys() | archive.files.keys()):
        if promised.get(name) != archive.files.get(name):
            faults.append(f"{name} in the archive is not what the manifest says")
    return faults


def figure_faults(figures: Mapping[str, Any]) -> list[str]:
    """What the figures cannot be, given this data."""
    if not figures:
        return [f"there is no {METRICS} in the result"]
    faults = [
        f"{name} has no value within its confidence interval"
        for name in ("auc", "sensitivity", "specificity")
        if not _is_figure(figures.get(name))
    ]
    if not faults and figures["auc"]["value"] <= LEAST_AUC:
        faults.append(f"AUC {figures['auc']['value']} is not above {LEAST_AUC}: this data gives about 0.99")
    if not figures.get("features"):
        faults.append("no features were chosen")
    return faults


def _is_figure(figure: Any) -> bool:
    try:
        low, high = figure["ci95"]
        return bool(0 <= low <= figure["value"] <= high <= 1)
    except (TypeError, KeyError, ValueError):
        return False
