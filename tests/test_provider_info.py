# SPDX-License-Identifier: Apache-2.0
"""What Airflow is told about us is what there is."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import airflow
import jsonschema

from airflow_provider_deflow import __version__
from airflow_provider_deflow.provider_info import get_provider_info

INFO = get_provider_info()
PACKAGE = Path(__file__).parents[1] / "airflow_provider_deflow"


def modules(kind: str) -> list[str]:
    return [module for entry in INFO[kind] for module in entry["python-modules"]]


def test_it_fits_airflows_schema() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())

    jsonschema.validate(INFO, schema)


def test_every_module_and_class_it_names_is_there() -> None:
    for kind in ("operators", "sensors", "hooks", "triggers", "bundles"):
        for module in modules(kind):
            importlib.import_module(module)
    classes = [
        *(connection["hook-class-name"] for connection in INFO["connection-types"]),
        *INFO["extra-links"],
        *INFO["notifications"],
        *(plugin["plugin-class"] for plugin in INFO["plugins"]),
    ]
    for path in classes:
        module, name = path.rsplit(".", 1)
        assert hasattr(importlib.import_module(module), name), path


def test_a_connection_types_hook_says_the_same_type_and_name() -> None:
    for connection in INFO["connection-types"]:
        module, name = connection["hook-class-name"].rsplit(".", 1)
        hook: Any = getattr(importlib.import_module(module), name)
        assert (hook.conn_type, hook.hook_name) == (connection["connection-type"], connection["hook-name"])


def test_airflow_finds_it_by_its_entry_points() -> None:
    distribution = metadata.distribution("airflow-provider-deflow")
    points = {
        point.group: point.load() for point in distribution.entry_points if point.group != "console_scripts"
    }

    assert points["apache_airflow_provider"] is get_provider_info
    assert points["airflow.plugins"].__name__ == "DeflowPlugin"
    assert INFO["package-name"] == distribution.name
    assert INFO["versions"] == [__version__]


def test_importing_the_package_imports_no_airflow() -> None:
    script = (
        "import sys, airflow_provider_deflow.graphs, airflow_provider_deflow.ocean.client\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('airflow', 'pymongo', 'fastapi')])"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
