# SPDX-License-Identifier: Apache-2.0
"""`python -m airflow_provider_deflow.api` prints the OpenAPI document, as `openapi.json` has it."""

from __future__ import annotations

import json

from airflow_provider_deflow.api.app import create_app

if __name__ == "__main__":
    print(json.dumps(create_app().openapi(), indent=2, ensure_ascii=False))
