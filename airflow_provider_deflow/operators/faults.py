# SPDX-License-Identifier: Apache-2.0
"""Whose fault an error is decides whether Airflow tries the task again.

An error that can pass by itself keeps the task's own retries: their number, `retry_delay`,
`retry_exponential_backoff` (Airflow's has jitter) and `max_retry_delay`. A wrong drawing, setting or
algorithm, and money that is missing, would fail the same way each time, so Airflow is told not to retry.

What these settings cannot say is how long one error asks to be waited for. That is Airflow's
`RetryPolicy`, which the worker asks with the error at hand.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.sdk import RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_deflow import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import Context

# All who were turned away in one minute are told the same time: they come back one after the other.
SPREAD_SECONDS = 15.0


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


class RetryAsTold(RetryPolicy):
    """An Ocean Node, or GitHub, that says when to try again is taken at its word.

    All else is the task's own settings.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Only the wait is decided here: whether there is a retry at all stays with `retries`."""
        after = None
        if isinstance(exception, errors.OceanNodeBusy | errors.FilesBusy):
            after = exception.retry_after_seconds
        if after is None:
            return RetryDecision.default()
        who = "the Ocean Node" if isinstance(exception, errors.OceanNodeBusy) else "the place of the files"
        delay = timedelta(seconds=after + random.uniform(0, SPREAD_SECONDS))
        return RetryDecision.retry(delay, f"{who} asked to be left alone for {after:g} s")
