# SPDX-License-Identifier: Apache-2.0
"""From 30 to 40: write the algorithm, fetch the datasets, move them into the container.

What is done, and what failed, is in `configuration.log` in the real node's words; an algorithm that
cannot be had ends the job at 32, a dataset at 31, a container that is gone at 33.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from airflow_provider_deflow.local_ocean_node.asset_files import with_user_data
from airflow_provider_deflow.local_ocean_node.container import Container
from airflow_provider_deflow.local_ocean_node.faults import Faults
from airflow_provider_deflow.local_ocean_node.file_objects import FileObjects, is_bucket_file
from airflow_provider_deflow.local_ocean_node.javascript import as_text, dumps
from airflow_provider_deflow.local_ocean_node.job import Job, Status
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.local_ocean_node.results import JobFolder


class Provisioning:
    """One job's inputs on their way in."""

    def __init__(self, job: Job, folder: JobFolder, file_objects: FileObjects, faults: Faults) -> None:
        self._job = job
        self._folder = folder
        self._file_objects = file_objects
        self._faults = faults

    async def into(self, container: Container) -> Status:
        """The job's next status."""
        if self._faults.fails_at("algorithm") or not await self._write_algorithm():
            return Status.ALGORITHM_FAILED
        if self._faults.fails_at("provision"):
            return Status.DATA_FAILED
        for index, dataset in enumerate(self._job.datasets):
            if not await self._write_dataset(index, dataset):
                return Status.DATA_FAILED
        self._note("All good with data provisioning, will start uploading it...")
        if self._faults.fails_at("upload"):
            self._note(
                "Data upload to container failed: (HTTP code 404) no such container - "
                f"No such container: {self._job.job_id}-algoritm "
            )
            return Status.DATA_UPLOAD_FAILED
        _move_into(container.data, self._folder)
        return Status.RUNNING

    async def _write_algorithm(self) -> bool:
        algorithm = self._job.algorithm
        target = self._folder.data / "transformations" / "algorithm"
        self._note("Writing algocustom data to '/data/inputs/algoCustomData.json'")
        try:
            custom_data = algorithm.get("algocustomdata")
            (self._folder.data / "inputs" / "algoCustomData.json").write_text(
                dumps({} if custom_data is None else custom_data)
            )
            code = (algorithm.get("meta") or {}).get("rawcode")
            if code:
                self._note(f"Writing raw algo code to {self._shown(target)}")
                target.write_text(as_text(code))
            elif file_object := self._file_objects.assets.of_element(algorithm):
                await self._file_objects.fetch(file_object, target, self._job.owner)
            else:
                self._note("Could not extract any files object from the compute algorithm, skipping...")
        except (Refusal, OSError) as error:
            self._note(f"Unable to write algorithm to path: {self._shown(target)}: {_words(error)}")
            return False
        return True

    async def _write_dataset(self, index: int, dataset: dict[str, Any]) -> bool:
        self._note(f"Downloading asset {index} to /data/inputs/")
        assets = self._file_objects.assets
        if is_bucket_file(assets.of_element(dataset)):
            return True  # mounted when the container was created
        try:
            file_object = self._dataset_file(dataset)
            if file_object is None:
                self._note("Could not extract any files object from the compute asset, skipping...")
                return True
            name = (await self._file_objects.info(file_object, self._job.owner))["name"]
        except (Refusal, OSError, ValueError) as error:
            self._note(f"Unable to get storage class for asset: {_words(error)}")
            return False
        target = self._folder.data / "inputs" / name
        self._note(f"Downloading asset to {self._shown(target)}")
        try:
            await self._file_objects.fetch(file_object, target, self._job.owner)
        except (Refusal, OSError) as error:
            self._note(f"Unable to write input data to path: {self._shown(target)}: {_words(error)}")
            return False
        return True

    def _dataset_file(self, dataset: dict[str, Any]) -> dict[str, Any] | None:
        """None when the dataset names none at all."""
        file_object = dataset.get("fileObject")
        if file_object:
            # One that was encrypted is found out too late by a real node, too.
            if not isinstance(file_object, dict) or not file_object.get("type"):
                raise Refusal(500, "Empty file object")
            return file_object
        did, service = dataset.get("documentId"), dataset.get("serviceId")
        self._note(f"Using {did or 'undefined'} and serviceId {service or 'undefined'} for this asset.")
        if not did or not service:
            return None
        found = self._file_objects.assets.of_element(dataset)
        if found is None:
            raise Refusal(500, "Empty file object")
        return with_user_data(found, dataset.get("userdata"))

    def _note(self, line: str) -> None:
        self._folder.append_log("configuration.log", f"{line}\n")

    def _shown(self, path: Path) -> str:
        """Paths as a real node logs them, from its working directory; ours says nothing about the host."""
        return f"./c2d_storage/{path.relative_to(self._folder.root.parent.parent)}"


def _move_into(data: Path, folder: JobFolder) -> None:
    """Inputs and algorithm are moved, so that they exist once; the logs so far are copied."""
    for name in ("inputs", "transformations"):
        for path in (folder.data / name).iterdir():
            path.chmod(0o644)
            os.replace(path, data / name / path.name)
        shutil.rmtree(folder.data / name)
    for path in (folder.data / "logs").iterdir():
        shutil.copyfile(path, data / "logs" / path.name)


def _words(error: Refusal | OSError | ValueError) -> str:
    if isinstance(error, Refusal):
        return error.words
    return f"{error.strerror}" if isinstance(error, OSError) else str(error)
