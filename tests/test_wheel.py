# SPDX-License-Identifier: Apache-2.0
"""What a user installs: the editor built, its source and its tools left behind."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hatchling.build import build_wheel

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel that is built as `uv build` builds it: the hook runs npm."""
    folder = tmp_path_factory.mktemp("wheel")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        name = build_wheel(str(folder))
    with zipfile.ZipFile(folder / name) as archive:
        return set(archive.namelist())


def test_the_wheel_brings_the_built_editor(wheel: set[str]) -> None:
    assert "airflow_provider_deflow/www/dist/deflow.js" in wheel


def test_the_wheel_brings_nothing_of_the_editor_that_a_browser_does_not_take(wheel: set[str]) -> None:
    of_editor = {name for name in wheel if name.startswith("airflow_provider_deflow/www/")}
    assert of_editor == {"airflow_provider_deflow/www/dist/deflow.js"}


def test_no_part_of_the_wheel_is_outside_the_package(wheel: set[str]) -> None:
    folders = {name.split("/")[0] for name in wheel}
    assert {folder for folder in folders if not folder.endswith(".dist-info")} == {"airflow_provider_deflow"}
