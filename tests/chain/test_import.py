# SPDX-License-Identifier: Apache-2.0
"""web3 takes a second to import, and what talks to no chain does not."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    ["cli", "dag_factory", "jobs", "local_ocean_node.server", "chain.networks"],
)
def test_web3_is_imported_by_what_talks_to_a_chain_only(module: str):
    code = f"import sys, airflow_provider_deflow.{module}; sys.exit('web3' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120)

    assert (done.returncode, done.stderr[-500:]) == (0, b"")
