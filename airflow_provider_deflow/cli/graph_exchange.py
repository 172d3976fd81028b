# SPDX-License-Identifier: Apache-2.0
"""`deflow graphs import` and `export`: drawings of other programs, there and back."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from airflow_provider_deflow import errors
from airflow_provider_deflow.cli.context import CliContext, read_document
from airflow_provider_deflow.cli.graph_saving import save_graph

if TYPE_CHECKING:
    from airflow_provider_deflow.graphs import Problem

# As in `graphs.importers`, whose import takes longer than showing help may.
PROGRAMS = ("deflow", "react-flow")

_ocean_node = click.option(
    "--ocean-node",
    "ocean_nodes",
    multiple=True,
    metavar="URL=CONNECTION",
    help="The Airflow connection of an Ocean Node that the original DeFlow names by URL. May be repeated.",
)


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--from", "program", type=click.Choice(PROGRAMS), required=True, help="What drew it.")
@click.option("--dry-run", is_flag=True, help="Print the graph document and save nothing.")
@click.option("--slug", help="The graph's slug.  [default: made from its name, else from FILE's]")
@_ocean_node
@click.option("--draft", is_flag=True, help="Do not publish; problems are allowed then.")
@click.option(
    "--based-on",
    type=click.IntRange(1),
    help="The version of the graph that it takes the place of.  [default: it is a new graph]",
)
@click.option("--message", "-m", default="", help="What changed.")
@click.pass_context
def import_(
    ctx: click.Context,
    file: IO[bytes],
    program: str,
    dry_run: bool,
    slug: str | None,
    ocean_nodes: tuple[str, ...],
    draft: bool,
    based_on: int | None,
    message: str,
) -> None:
    """Make a graph of another program's drawing; save and publish it.

    \b
    deflow      an experiment or a run of the original DeFlow, as its API or
                mongoexport gives it. A node's Ocean Node becomes an Airflow
                connection, which is named after its URL unless --ocean-node
                says otherwise; outputs are handed over by URL; jobs are free.
    react-flow  {nodes, edges, viewport}, as React Flow's toObject() gives it.
                A node's `data` must have an `algorithm`, and may have all else
                that a node of a graph may have.

    All problems are listed with their places in FILE; nothing is saved then. What has no place in a
    graph is said on standard error and kept, and `deflow graphs export` gives it back.

    \b
    Example:
      deflow graphs import experiment.json --from deflow \\
        --ocean-node https://node.example:8001=ocean_node_default
      deflow graphs import flow.json --from react-flow --dry-run
    """
    from airflow_provider_deflow.graphs.importers import import_document

    original = read_document(file)
    if not slug:
        slug = _slug(original.get("name"), file) if isinstance(original, dict) else ""
    imported = import_document(original, program, slug, _connections(ocean_nodes))
    _show(imported.remarks)
    if dry_run:
        _print(imported.document)
        _show(imported.problems, "problem")
        ctx.exit(1 if imported.problems else 0)
    if draft:
        _show(imported.problems, "problem")
    elif imported.problems:
        raise errors.InvalidGraph(slug, imported.problems)
    with ctx.obj.store() as store:
        try:
            save_graph(store, imported.document, draft=draft, based_on=based_on, message=message)
        except errors.GraphChanged as error:
            raise errors.GraphChanged(
                f"{error} Or name the version it takes the place of with --based-on, or another --slug."
            ) from error


@click.command()
@click.argument("graph", metavar="FILE_OR_SLUG")
@click.option("--to", "program", type=click.Choice(PROGRAMS), required=True, help="What shall read it.")
@click.option("--revision", type=click.IntRange(1), help="A published revision.  [default: the draft]")
@_ocean_node
@click.pass_obj
def export(
    context: CliContext, graph: str, program: str, revision: int | None, ocean_nodes: tuple[str, ...]
) -> None:
    """Print a graph as another program's drawing.

    FILE_OR_SLUG is a graph document's file (- for standard input), else the slug of a graph in the
    store. A graph that was imported from that program is printed as it came, with what was edited
    since; a node that got another id counts as a new one. What the program has no place for is said on
    standard error and left out.

    \b
    Example:
      deflow graphs export my-graph --to react-flow > flow.json
      deflow graphs export my-graph --to deflow \\
        --ocean-node https://node.example:8001=ocean_node_default
    """
    from airflow_provider_deflow.graphs.importers import export_document
    from airflow_provider_deflow.graphs.problems import find_problems

    connections = _connections(ocean_nodes)
    document = _document(context, graph, revision)
    problems = find_problems(document)
    if not isinstance(document, dict):
        raise errors.InvalidGraph("", problems)
    exported = export_document(document, program, connections)
    _show(exported.remarks)
    if problems:
        click.echo(f"{graph} has problems: `deflow graphs validate` lists them", err=True)
    _print(exported.document)


def _document(context: CliContext, graph: str, revision: int | None) -> Any:
    if graph == "-" or Path(graph).is_file():
        if revision is not None:
            raise click.UsageError("--revision is for a graph in the store, and this is a file")
        with click.open_file(graph, "rb") as file:
            return read_document(file)
    with context.store() as store:
        return store.draft(graph).document if revision is None else store.revision(graph, revision).document


def _connections(ocean_nodes: Iterable[str]) -> Mapping[str, str]:
    connections = {}
    for text in ocean_nodes:
        # A URL may have a query, a connection's id has no equals sign.
        url, equals, connection = text.rpartition("=")
        if not (url and equals and connection):
            raise click.BadParameter("must be URL=CONNECTION", param_hint="--ocean-node")
        connections[url] = connection
    return connections


def _slug(name: object, file: IO[bytes]) -> str:
    file_name = str(getattr(file, "name", "<stdin>"))
    for text in (name, Path(file_name).stem):
        if isinstance(text, str) and text != "<stdin>":
            plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
            slug = re.sub(r"[^a-z0-9]+", "-", plain)[:100].strip("-")
            if slug:
                return slug
    raise click.UsageError("neither a name nor a file's name gives a slug: name one with --slug")


def _show(said: Iterable[Problem], word: str = "remark") -> None:
    for one in said:
        click.echo(f"{word}: {one}", err=True)


def _print(document: Any) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
