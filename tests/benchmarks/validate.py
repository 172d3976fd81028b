# SPDX-License-Identifier: Apache-2.0
"""How long a person waits for `deflow graphs validate`: seconds of a whole process, the best of several.

* limit: the interpreter alone, and with the two libraries that the check cannot do without
* ours: the command, on a graph of a few nodes and on one of 500
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks import build

REPEATS = 5


def seconds() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small.json", Path(folder) / "large.json"
        small.write_text(json.dumps(build.document(4)))
        large.write_text(json.dumps(build.document(500)))
        validate = [sys.executable, "-m", "airflow_provider_deflow.cli", "graphs", "validate"]
        return {
            "python": _best([sys.executable, "-c", ""]),
            "import pydantic, click": _best([sys.executable, "-c", "import pydantic, click"]),
            "validate, 4 nodes": _best([*validate, str(small)]),
            "validate, 500 nodes": _best([*validate, str(large)]),
        }


def _best(command: list[str]) -> float:
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return min(times)
