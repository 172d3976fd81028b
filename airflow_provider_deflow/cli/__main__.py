# SPDX-License-Identifier: Apache-2.0
"""`python -m airflow_provider_deflow.cli` is `deflow`."""

from __future__ import annotations

from airflow_provider_deflow.cli import main

main(prog_name="deflow")
