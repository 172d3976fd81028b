# SPDX-License-Identifier: Apache-2.0
"""The user's own Airflow, as far as its settings delay what is drawn in DeFlow.

Its settings are read by its own code in a process of its own, and only when somebody set it up.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_READ = """
import json, sys
from airflow.configuration import conf
print(json.dumps([conf.get(section, key, fallback=None) for section, key in json.loads(sys.argv[1])]))
"""
_BUNDLE = "airflow_provider_deflow.bundle.DeflowDagBundle"
_BUNDLES = [{"name": "deflow", "classpath": _BUNDLE, "kwargs": {"refresh_interval": 5}}]


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that makes published graphs appear late or not at all."""

    name: str
    variable: str
    value: str
    advised: str
    consequence: str


def slow_settings() -> tuple[Setting, ...]:
    """Those of the user's own Airflow; none when there is no such Airflow."""
    if not _is_set_up():
        return ()
    values = _read(
        ("core", "min_serialized_dag_update_interval"),
        ("dag_processor", "bundle_refresh_check_interval"),
        ("dag_processor", "dag_bundle_config_list"),
    )
    found = []
    for option, most in (
        ("core/min_serialized_dag_update_interval", 5),
        ("dag_processor/bundle_refresh_check_interval", 5),
    ):
        value = values[option]
        if value and float(value) > most:
            late = f"a published graph shows up to {value} s late"
            found.append(_setting(option, value, str(most), late))
    bundles = values["dag_processor/dag_bundle_config_list"]
    if _BUNDLE not in (bundles or ""):
        with_ours = json.loads(bundles or "[]") + _BUNDLES
        found.append(
            _setting(
                "dag_processor/dag_bundle_config_list",
                "without DeFlow's bundle",
                json.dumps(with_ours),
                "graphs are not read",
            )
        )
    return tuple(found)


def _is_set_up() -> bool:
    folder = Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser()
    return (folder / "airflow.cfg").exists() or any(name.startswith("AIRFLOW__") for name in os.environ)


def _read(*options: tuple[str, str]) -> dict[str, str | None]:
    names = [f"{section}/{key}" for section, key in options]
    answer = subprocess.run(
        [sys.executable, "-c", _READ, json.dumps(options)], capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        return dict.fromkeys(names)
    return dict(zip(names, json.loads(answer.stdout.splitlines()[-1]), strict=True))


def _setting(option: str, value: str, advised: str, consequence: str) -> Setting:
    section, key = option.split("/")
    variable = f"AIRFLOW__{section.upper()}__{key.upper()}"
    return Setting(f"[{section}] {key}", variable, value, advised, consequence)
