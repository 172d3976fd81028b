# SPDX-License-Identifier: Apache-2.0
"""Whose fault an error is decides whether Airflow tries the task again.

An error that can pass by itself keeps the task's own retries. A wrong drawing, setting or algorithm
would fail the same way each time, so Airflow is told not to retry.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_deflow import errors

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def told_to_airflow() -> Iterator[None]:
    """Let retryable errors through; turn the others into `AirflowFailException`."""
    try:
        yield
    except errors.DeflowError as error:
        if error.retryable:
            raise
        # Airflow logs a cause in full beside the error: the same text twice.
        raise AirflowFailException(f"{type(error).__name__}: {error}") from None
