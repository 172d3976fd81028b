# SPDX-License-Identifier: Apache-2.0
"""Becomes one part of the stack: `python -m airflow_provider_deflow.stack.part FILE`.

The file holds command and environment, so that keys stand in no command line and in no configuration
of the supervisor. What an earlier process of this part left running is ended first: it would hold
its ports, or do its work twice.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from airflow_provider_deflow.stack import marks


def main(file: Path) -> None:
    """End leftovers, then become the command."""
    start = json.loads(file.read_text())
    environment: dict[str, str] = start["environment"]
    marks.end(Path(environment[marks.STACK]), environment[marks.PART])
    os.execvpe(start["command"][0], start["command"], environment)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
