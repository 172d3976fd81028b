# SPDX-License-Identifier: Apache-2.0
"""`deflow explain`: why a node ran in a run, was reused or was skipped."""

from __future__ import annotations

import json
from pathlib import Path

import click

from airflow_provider_deflow.cli.context import CliContext, home_option

# Newest first; what a node was before that explains little.
EARLIER_RUNS = 50


@click.command()
@home_option
@click.argument("run")
@click.argument("node")
@click.option("--graph", metavar="SLUG", help="Which graph's, when several have a run that is called so.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
def explain(home: Path, run: str, node: str, graph: str | None, as_json: bool) -> None:
    """Say why NODE ran in RUN, was reused or was skipped, and what changed since it last had outputs.

    RUN is Airflow's run id. It is told from the ledger, as `deflow runs show` is: what is not there
    any more, or was never recorded for want of a MongoDB, cannot be explained.

    \b
    Example:
      deflow explain manual__2026-01-31T06:00:00+00:00 predict
    """
    from airflow_provider_deflow.cli import ledger_view
    from airflow_provider_deflow.ledger import explanation

    with CliContext(home).ledger() as ledger:
        found = ledger.run(run, graph)
        of_run = ledger.entries([found["_id"]])
        others = [
            one
            for one in ledger.runs(found.get("graph") or found["dag_id"], EARLIER_RUNS)
            if one["dag_id"] == found["dag_id"] and one["_id"] != found["_id"]
        ]
        earlier = ledger.entries((one["_id"] for one in others), explanation.OF_EARLIER, node)
    document = explanation.explained(found, of_run, node, earlier, others)
    click.echo(
        json.dumps(document, indent=2, ensure_ascii=False) if as_json else ledger_view.reasons(document)
    )
