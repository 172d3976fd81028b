# SPDX-License-Identifier: Apache-2.0
"""`deflow runs …`: what the ledger knows of runs, also when Airflow and the Ocean Node have forgotten."""

from __future__ import annotations

import json
from pathlib import Path

import click

from airflow_provider_deflow.cli.context import CliContext, home_option


@click.group()
@home_option
@click.pass_context
def runs(ctx: click.Context, home: Path) -> None:
    """Show what happened in the runs of graphs.

    The ledger is in the MongoDB of MONGO_URI, else of the stack that is up in --home, else of Airflow's
    connection `deflow_mongo`. It keeps a run for `[deflow] ledger_retention_days`.

    \b
    Example:
      deflow runs list --graph my-graph
      deflow runs show manual__2026-01-31T06:00:00+00:00
    """
    ctx.obj = CliContext(home)


@runs.command("list")
@click.option("--graph", metavar="SLUG", help="Only runs of this graph; of a Dag you wrote, its id.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Newest first.")
@click.pass_obj
def list_(context: CliContext, graph: str | None, limit: int) -> None:
    """List the runs that something happened in last.

    \b
    Example:
      deflow runs list --limit 50
    """
    from airflow_provider_deflow.cli import ledger_view
    from airflow_provider_deflow.ledger import history

    with context.ledger() as ledger:
        found = ledger.runs(graph, limit)
        entries = ledger.entries((run["_id"] for run in found), history.ENDS)
    of_runs = [history.of_run(run, [one for one in entries if one["run"] == run["_id"]]) for run in found]
    click.echo(ledger_view.listing(of_runs))


@runs.command()
@click.argument("run")
@click.option("--graph", metavar="SLUG", help="Which graph's, when several have a run that is called so.")
@click.option("--json", "as_json", is_flag=True, help="Print all that is known as one JSON document.")
@click.pass_obj
def show(context: CliContext, run: str, graph: str | None, as_json: bool) -> None:
    """Show one run: its tries, jobs, requests and outputs, and why it failed. RUN is Airflow's run id.

    \b
    Example:
      deflow runs show manual__2026-01-31T06:00:00+00:00 --json > run.json
    """
    from airflow_provider_deflow.cli import ledger_view
    from airflow_provider_deflow.ledger import history

    with context.ledger() as ledger:
        found = ledger.run(run, graph)
        document = history.of_run(found, ledger.entries([found["_id"]]))
    click.echo(
        json.dumps(document, indent=2, ensure_ascii=False) if as_json else ledger_view.account(document)
    )
