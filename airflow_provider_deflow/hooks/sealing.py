# SPDX-License-Identifier: Apache-2.0
"""Secrets on their way from a request to the task that needs them: encrypted with Airflow's Fernet key.

What a run is started with is kept in Airflow's database and shown to whoever may see the run.
"""

from __future__ import annotations

import json
from typing import Any

from airflow.sdk.crypto import get_fernet
from airflow.sdk.exceptions import AirflowException
from cryptography.fernet import InvalidToken

from airflow_provider_deflow.errors import SettingsError

_MAKE_ONE = (
    "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())' makes one: "
    "set it as AIRFLOW__CORE__FERNET_KEY for all parts of Airflow, and start them again"
)


def seal(value: Any) -> str:
    """A JSON value, readable only with the Fernet key. Raises `SettingsError` when there is none."""
    sealed: bytes = _fernet().encrypt(json.dumps(value).encode())
    return sealed.decode()


def unseal(sealed: str) -> Any:
    """What was sealed. Raises `SettingsError` when the key is another."""
    try:
        return json.loads(_fernet().decrypt(sealed.encode()))
    except InvalidToken:
        raise SettingsError(
            "what was encrypted for this run cannot be read — [core] fernet_key is another one here than "
            "where the run was asked for. Give all parts of Airflow the same, and ask again"
        ) from None


def _fernet() -> Any:
    try:
        fernet = get_fernet()
    except AirflowException as error:
        raise SettingsError(f"[core] fernet_key cannot be used — {error}; {_MAKE_ONE}") from None
    if not fernet.is_encrypted:
        raise SettingsError(
            "[core] fernet_key is empty, so URLs of files, which may hold secrets, would stand in clear in "
            f"Airflow's database — {_MAKE_ONE}"
        )
    return fernet
