# SPDX-License-Identifier: Apache-2.0
"""A job's folder on the node, and the results in it.

    <cluster hash>/<job id>/data/{inputs,transformations,ddos,outputs,logs}

Only results whose files exist now are listed, and numbered in this order: so an index means something
else while the job goes on.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from airflow_provider_deflow.local_ocean_node.isolation import DATA_FOLDERS

_LOGS = (
    ("image.log", "imageLog"),
    ("configuration.log", "configurationLog"),
    ("algorithm.log", "algorithmLog"),
)


class JobFolder:
    """Where the node keeps what it knows about one job's work."""

    def __init__(self, storage: Path, cluster_hash: str, job_id: str) -> None:
        self.root = storage / cluster_hash / job_id
        self.data = self.root / "data"

    @property
    def archive(self) -> Path:
        return self.data / "outputs" / "outputs.tar"

    def make(self) -> None:
        for name in DATA_FOLDERS:
            (self.data / name).mkdir(parents=True)

    def delete(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def drop_inputs(self) -> None:
        for name in ("inputs", "transformations"):
            shutil.rmtree(self.data / name, ignore_errors=True)

    def append_log(self, name: str, text: str) -> None:
        with (self.data / "logs" / name).open("a") as file:
            file.write(text)

    def write_log(self, name: str, content: bytes) -> None:
        (self.data / "logs" / name).write_bytes(content)

    def results(self, *, with_output: bool) -> list[dict[str, Any]]:
        """As in a status reply; a job whose outputs go elsewhere has none to download."""
        paths = [(self.data / "logs" / name, kind) for name, kind in _LOGS]
        if with_output:
            paths.append((self.archive, "output"))
        found = [(path, kind) for path, kind in paths if path.is_file()]
        return [
            {"filename": path.name, "filesize": path.stat().st_size, "type": kind, "index": index}
            for index, (path, kind) in enumerate(found)
        ]

    def result_path(self, result: dict[str, Any]) -> Path:
        return self.archive if result["type"] == "output" else self.data / "logs" / str(result["filename"])
