# SPDX-License-Identifier: Apache-2.0
"""Why Airflow runs a compute task this time, and whether a person wants a new job of it.

Airflow numbers a task's tries through all clears. A clear gives it its retries anew, counted from there
(`max_tries`), so that number names the round of tries that the clear began: a wish for a new job is met
once in a round, and the retries within it follow that job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_deflow import errors, generations

if TYPE_CHECKING:
    from airflow.sdk import Context

FORCE_NEW = "force_new"


def occasion_of(context: Context, retries: int | None) -> generations.Occasion:
    """First try, retry or clear."""
    ti = context["ti"]
    return generations.occasion_of(ti.try_number, ti.max_tries, retries or 0)


def wish_for_new(context: Context, task_id: str, *, always: bool) -> str:
    """The name of the wish for a new job in this round of tries; empty when nobody has one.

    `always` is the operator's own `force_new`. Raises `SettingsError` for a conf that says neither yes nor
    no nor for which tasks: the run that it was meant for should not quietly reuse what is there.
    """
    asked = (context["dag_run"].conf or {}).get(FORCE_NEW, False)
    if not isinstance(asked, bool) and not (
        isinstance(asked, list) and all(isinstance(one, str) for one in asked)
    ):
        raise errors.SettingsError(
            f"{FORCE_NEW} in the conf of this run is {asked!r}: write true, or a list of task ids."
        )
    wanted = always or asked is True or (isinstance(asked, list) and task_id in asked)
    return f"round {context['ti'].max_tries}" if wanted else ""
