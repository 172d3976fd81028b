# SPDX-License-Identifier: Apache-2.0
"""What importing web3 does to a process, and what importing `chain` does not."""

from __future__ import annotations

import subprocess
import sys


def test_hostile_json_is_still_refused_once_a_chain_was_talked_to() -> None:
    script = (
        "import json, sys\n"
        "before = sys.getrecursionlimit()\n"
        "from airflow_provider_deflow.chain import rpc\n"
        "assert 'web3' in sys.modules and 'py_ecc' in sys.modules\n"
        "assert sys.getrecursionlimit() == before\n"
        "try:\n"
        "    json.loads('[' * 200_000)\n"
        "except RecursionError:\n"
        "    print('refused')\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert (ran.returncode, ran.stdout) == (0, "refused\n"), ran.stderr
