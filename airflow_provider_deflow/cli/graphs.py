# SPDX-License-Identifier: Apache-2.0
"""`deflow graphs …`: what the editor does with graphs, for the command line and for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from airflow_provider_deflow.cli.context import CliContext, home_option, read_document
from airflow_provider_deflow.cli.graph_exchange import export, import_
from airflow_provider_deflow.cli.graph_saving import author, save_graph, version_there

DAG_TIMEOUT_SECONDS = 60.0
MINUTE = "%Y-%m-%d %H:%M UTC"

Command = TypeVar("Command", bound=Callable[..., Any])

_file = click.argument("file", type=click.File("rb"))


@click.group()
@home_option
@click.pass_context
def graphs(ctx: click.Context, home: Path) -> None:
    """Check, save, publish and run graphs.

    Graphs are kept in the MongoDB of MONGO_URI, else of the stack that is up in --home, else of
    Airflow's connection `deflow_mongo`. FILE may be - for standard input.

    \b
    Example:
      deflow graphs save my-graph.json
      deflow graphs run my-graph --param threshold=0.7 --wait
    """
    ctx.obj = CliContext(home)


graphs.add_command(import_)
graphs.add_command(export)


@graphs.command()
@_file
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of problems instead.")
@click.pass_context
def validate(ctx: click.Context, file: IO[bytes], as_json: bool) -> None:
    """Say all that is wrong with a graph; exit code 1 when something is.

    \b
    Example:
      deflow graphs validate my-graph.json
    """
    from airflow_provider_deflow.graphs.problems import find_problems

    document = read_document(file)
    problems = find_problems(document)
    if as_json:
        found = [{"code": one.code, "where": one.where, "message": one.message} for one in problems]
        click.echo(json.dumps(found, indent=2))
    elif problems:
        click.echo("\n".join(map(str, problems)))
    else:
        counts = f"{_count(document, 'nodes', 'node')}, {_count(document, 'edges', 'edge')}"
        click.echo(f"{document['slug']}: no problems ({counts})")
    ctx.exit(1 if problems else 0)


@graphs.command()
@_file
@click.option("--draft", is_flag=True, help="Do not publish; problems are allowed then.")
@click.option(
    "--based-on",
    type=click.IntRange(1),
    help="The version it was made from: refuse when somebody saved since.  [default: whatever is there]",
)
@click.option("--message", "-m", default="", help="What changed.")
@click.pass_obj
def save(context: CliContext, file: IO[bytes], draft: bool, based_on: int | None, message: str) -> None:
    """Save a graph and publish it, so that its Dag appears or changes.

    \b
    Example:
      deflow graphs save my-graph.json -m "a second hospital"
    """
    from airflow_provider_deflow.graphs.graph import Graph

    document = read_document(file)
    if not draft:
        Graph.from_document(document)
    with context.store() as store:
        if based_on is None:
            based_on = version_there(store, document.get("slug") if isinstance(document, dict) else "")
        save_graph(store, document, draft=draft, based_on=based_on, message=message)


@graphs.command("list")
@click.pass_obj
def list_(context: CliContext) -> None:
    """List all graphs.

    \b
    Example:
      deflow graphs list
    """
    with context.store() as store:
        found = store.list()
    rows = [("SLUG", "REVISION", "VERSION", "SAVED", "BY", "NAME")]
    for one in found:
        revision = f"{one.published or '-'}{' + draft' if one.has_unpublished_changes else ''}"
        rows.append((one.slug, revision, str(one.version), f"{one.saved_at:{MINUTE}}", one.author, one.name))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@graphs.command()
@click.argument("graph")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead, amounts in base units too.")
@click.pass_context
def quote(ctx: click.Context, graph: str, as_json: bool) -> None:
    """Ask what a run would lock, node by node, before anything is paid; exit code 1 beyond the budget.

    GRAPH is a stored graph's slug, or a file (- for standard input). Ocean Nodes and wallets are found
    by the Airflow connections that the graph names.

    \b
    Example:
      deflow graphs quote my-graph
    """
    from airflow_provider_deflow.cli import quote as quoting

    quoting.show(ctx, graph, as_json=as_json)


@graphs.command()
@click.argument("slug")
@click.option("--revision", type=click.IntRange(1), help="A published revision.  [default: the draft]")
@click.pass_obj
def show(context: CliContext, slug: str, revision: int | None) -> None:
    """Print a graph's document; who made it when goes to standard error.

    \b
    Example:
      deflow graphs show my-graph --revision 2 > old.json
    """
    with context.store() as store:
        if revision is None:
            draft = store.draft(slug)
            document = draft.document
            said = f"version {draft.version}, saved by {draft.author} at {draft.saved_at:{MINUTE}}"
        else:
            found = store.revision(slug, revision)
            document = found.document
            said = f"revision {revision}, published by {found.author} at {found.published_at:{MINUTE}}"
    click.echo(f"{slug}, {said}", err=True)
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


@graphs.command()
@click.argument("slug")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(context: CliContext, slug: str, yes: bool) -> None:
    """Delete a graph; its Dag goes, its revisions stay readable.

    \b
    Example:
      deflow graphs delete my-graph
    """
    with context.store() as store:
        draft = store.draft(slug)
        if not yes:
            click.confirm(f"Delete {slug!r}, version {draft.version} by {draft.author}?", abort=True)
        store.delete(slug, author())
    click.echo(f"deleted {slug}")


@graphs.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.pass_obj
def upload(context: CliContext, files: tuple[Path, ...]) -> None:
    """Put files into DeFlow's storage; prints what to write under `datasets` of a node.

    \b
    Example:
      deflow graphs upload patients.csv
    """
    storage = context.storage()
    for path in files:
        with path.open("rb") as stream:
            sha256, size = storage.put(stream)
        click.echo(f"{path.name}: {size} bytes, sha256 {sha256}", err=True)
        click.echo(json.dumps({"upload": sha256, "name": path.name}, ensure_ascii=False))


def _nodes(option: str, help: str) -> Callable[[Command], Command]:
    return click.option(f"--{option}", f"{option}_nodes", multiple=True, metavar="NODE", help=help)


@graphs.command()
@click.argument("slug")
@click.option(
    "--param", "params", multiple=True, metavar="NAME=VALUE", help="JSON, else text. May be repeated."
)
@_nodes("from", "Run from here: it and all that follows run, the others keep their last outputs.")
@_nodes("only", "Run only this, on the last outputs of what comes before it; skip the rest.")
@_nodes("to", "Run up to here: it and all that leads to it run; skip the rest.")
@click.option(
    "--resume",
    metavar="RUN",
    help="Run this run again on the newest revision: nodes that did not change keep their outputs.",
)
@click.option("--quote", is_flag=True, help="Say what the whole graph would lock, and run nothing.")
@click.option("--wait", is_flag=True, help="Stay until the run ends; exit code 0 only when it succeeded.")
@click.option("--airflow-url", envvar="DEFLOW_AIRFLOW_URL", help="Airflow's address.  [default: the stack's]")
@click.pass_context
def run(
    ctx: click.Context,
    slug: str,
    params: tuple[str, ...],
    from_nodes: tuple[str, ...],
    only_nodes: tuple[str, ...],
    to_nodes: tuple[str, ...],
    resume: str | None,
    quote: bool,
    wait: bool,
    airflow_url: str | None,
) -> None:
    """Run a published graph, through Airflow's REST API: the whole of it, or a part.

    --from, --only and --to may be repeated; --from and --to go together. A node that is not to run
    takes the outputs that an earlier run kept for the same code and inputs. --resume goes on with the
    parameters that the run had. `deflow explain RUN NODE` says what became of a node, and why.

    The login is the stack's, else DEFLOW_AIRFLOW_USERNAME and DEFLOW_AIRFLOW_PASSWORD.

    \b
    Example:
      deflow graphs run my-graph --param threshold=0.7 --wait
      deflow graphs run my-graph --from predict --wait
      deflow graphs run my-graph --resume manual__2026-01-31T06:00:00+00:00 --wait
    """
    if quote:
        from airflow_provider_deflow.cli import quote as quoting

        quoting.show(ctx, slug, as_json=False)
    named = {"from": from_nodes, "only": only_nodes, "to": to_nodes}
    part = {option: list(names) for option, names in named.items() if names}
    if "only" in part and len(part) > 1:
        raise click.UsageError(
            "--only says by itself what runs: leave out --from and --to, or leave out --only."
        )
    if resume and (part or params):
        raise click.UsageError("--resume goes on with what the run was asked for: leave out all but --wait.")
    conf = dict(map(_param, params))
    dag_id = f"deflow_{slug}"
    context: CliContext = ctx.obj
    with context.airflow(airflow_url) as airflow:
        # Who has just saved the graph means what was saved, which Airflow takes a moment to read.
        newest = None if airflow_url else context.published_sha256(slug)
        airflow.wait_for_dag(dag_id, DAG_TIMEOUT_SECONDS, graph_sha256=newest)
        _check_names(part, slug, airflow.node_ids(dag_id) if part else ())
        airflow.unpause(dag_id)
        if resume:
            airflow.resume(dag_id, resume)
        run_id = resume or airflow.trigger(dag_id, {**conf, **part})
        click.echo(f"{run_id} is on its way: {airflow.base_url}/dags/{dag_id}/runs/{run_id}")
        if part or resume:
            click.echo(f"why a node runs, is reused or skipped: deflow explain {run_id} NODE")
        if not wait:
            return
        from rich.console import Console

        from airflow_provider_deflow.cli import run_view

        with run_view.live(Console(), ()) as show_state:
            for state in airflow.follow(dag_id, run_id):
                show_state(state)
    click.echo(f"{run_id}: {state.run.state}")
    ctx.exit(0 if state.run.state == "success" else 1)


def _check_names(part: dict[str, list[str]], slug: str, nodes: tuple[str, ...]) -> None:
    for option, names in part.items():
        for name in names:
            if name not in nodes:
                known = f"Its nodes are {', '.join(sorted(nodes))}." if nodes else "Publish it again."
                raise click.BadParameter(f"{slug!r} has no node {name!r}. {known}", param_hint=f"--{option}")


def _param(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--param")
    try:
        return name, json.loads(value, parse_constant=_no_json)
    except ValueError:
        return name, value


def _no_json(constant: str) -> None:
    raise ValueError(f"Python's {constant} is no JSON")


def _count(document: dict[str, Any], key: str, noun: str) -> str:
    count = len(document.get(key, ()))
    return f"{count} {noun}{'s' * (count != 1)}"
