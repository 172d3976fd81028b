# SPDX-License-Identifier: Apache-2.0
"""A stored graph as the API shows it to one user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_deflow.api import access, values
from airflow_provider_deflow.graphs.problems import find_problems

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from airflow_provider_deflow.graphs.problem import Problem
    from airflow_provider_deflow.graphs.store import Listed, Stored


def view_of(stored: Stored, user: access.User) -> values.GraphView:
    """The draft with its problems, and what the user may do."""
    return values.GraphView(
        slug=stored.slug,
        dag_id=access.dag_id_of(stored.slug),
        document=stored.document,
        version=stored.version,
        revision=stored.published,
        has_unpublished_changes=stored.has_unpublished_changes,
        saved_by=stored.author,
        saved_at=stored.saved_at,
        problems=problems_of(find_problems(stored.document)),
        may_edit=access.may(user, "PUT", stored.slug),
        may_run=access.may(user, "POST", stored.slug, access.RUN),
    )


def line_of(
    listed: Listed, may_edit: bool, last_run: values.LastRun | None, next_run_at: datetime | None
) -> values.GraphListed:
    """The short form."""
    return values.GraphListed(
        slug=listed.slug,
        name=listed.name,
        description=listed.description,
        owner=listed.owner or listed.author,
        tags=list(listed.tags),
        dag_id=access.dag_id_of(listed.slug),
        version=listed.version,
        revision=listed.published,
        changed_at=listed.saved_at,
        is_published=listed.published is not None,
        has_unpublished_changes=listed.has_unpublished_changes,
        may_edit=may_edit,
        last_run=last_run,
        next_run_at=next_run_at,
    )


def problems_of(found: Iterable[Problem]) -> list[values.Problem]:
    return [values.Problem.of(each) for each in found]
