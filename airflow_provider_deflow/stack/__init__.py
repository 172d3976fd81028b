# SPDX-License-Identifier: Apache-2.0
"""`deflow up`: MongoDB, a chain, an Ocean Node and Airflow on one machine, as one set of processes.

`running` starts and ends it; `doctor` tells what a machine lacks for it.
"""

from __future__ import annotations

from airflow_provider_deflow.stack.local_stack import Running, running

__all__ = ["Running", "running"]
