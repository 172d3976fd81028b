# SPDX-License-Identifier: Apache-2.0
"""`deflow environments`: what Ocean Nodes offer, and which environment each node of a graph would get.

The choice is made as a task makes it, but from a listing of this moment, by the policy of --policy, and for
the account of --address: what a task finds later, or is allowed with its own wallet, may differ.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airflow_provider_deflow.cli.context import CliContext, home_option
from airflow_provider_deflow.ocean import choosing

if TYPE_CHECKING:
    from airflow_provider_deflow.graphs.graph import Graph, GraphNode
    from airflow_provider_deflow.ocean.access import AccessList
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.environments import ComputeEnvironment


@click.command()
@click.option(
    "--for", "graph", metavar="GRAPH", help="A stored graph's slug, or a file (- for standard input)."
)
@click.option("--ocean-node-url", help="An Ocean Node's address, for all nodes of the graph.")
@click.option(
    "--ocean-node",
    "connection",
    default="ocean_node_default",
    show_default=True,
    help="An Airflow connection of type ocean_node; with --for, each node names its own.",
)
@click.option(
    "--policy",
    type=click.Choice(choosing.POLICIES),
    envvar="AIRFLOW__DEFLOW__ENVIRONMENT_POLICY",
    default="free",
    show_default=True,
    help="How an environment is chosen for a node that names none.",
)
@click.option(
    "--address", help="The account that would run the jobs, where environments are not for everybody."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
@home_option
@click.pass_context
def environments(
    ctx: click.Context,
    graph: str | None,
    ocean_node_url: str | None,
    connection: str,
    policy: choosing.Policy,
    address: str | None,
    as_json: bool,
    home: Path,
) -> None:
    """Show the compute environments of an Ocean Node, or which of them a graph's nodes would get and why.

    The Ocean Node is that of --ocean-node-url, else of the stack that is up in --home, else of an
    Airflow connection. With --for, exit code 1 says that a node of the graph would get none.

    \b
    Example:
      deflow environments --ocean-node-url https://node.example:8001
      deflow environments --for my-graph --policy fastest
    """
    from rich.console import Console

    from airflow_provider_deflow.cli import environment_view as view

    listings = _Listings(CliContext(home), ocean_node_url, _checked(address))
    if graph is None:
        listing = listings.of(connection)
        if as_json:
            click.echo(json.dumps(view.listing_document(listing.url, listing.environments), indent=2))
        else:
            view.show_listing(Console(), listing.url, listing.environments)
        return
    drawn = listings.context.graph(graph)
    choices = [_choice(listings, node, drawn, policy) for node in drawn.nodes]
    if as_json:
        click.echo(json.dumps([view.choice_document(*each) for each in choices], indent=2))
    else:
        for each in choices:
            view.show_choice(Console(), *each)
    ctx.exit(0 if all(choice.chosen for _, _, choice in choices) else 1)


@dataclass(frozen=True, slots=True)
class _Listing:
    url: str
    environments: list[ComputeEnvironment]
    held: list[AccessList] | None


@dataclass(slots=True)
class _Listings:
    """The environments of each Ocean Node, asked for once."""

    context: CliContext
    ocean_node_url: str | None
    address: str | None
    _known: dict[str, _Listing] = field(default_factory=dict)

    def of(self, connection: str) -> _Listing:
        key = self.ocean_node_url or connection
        if key not in self._known:
            with self.context.ocean_node(connection, self.ocean_node_url) as ocean_node:
                self._known[key] = self._ask(ocean_node)
        return self._known[key]

    def _ask(self, ocean_node: OceanNode) -> _Listing:
        from airflow_provider_deflow import job_request

        listed = ocean_node.environments()
        held = job_request.held_access_lists(ocean_node, listed, self.address)
        return _Listing(ocean_node.url, listed, held)


def _choice(
    listings: _Listings, node: GraphNode, graph: Graph, policy: choosing.Policy
) -> tuple[str, str, choosing.Choice]:
    from airflow_provider_deflow import job_request

    data, defaults = node.data, graph.defaults
    listing = listings.of(data.ocean_node or defaults.ocean_node)
    longest = data.max_duration_seconds or defaults.max_duration_seconds
    demand = job_request.demand(data, longest, listings.address, listing.held)
    return node.id, listing.url, choosing.weigh(listing.environments, demand, policy, data.environment)


def _checked(address: str | None) -> str | None:
    """In the one spelling that an Ocean Node compares with."""
    if address is None:
        return None
    from airflow_provider_deflow.signing import checksum_address

    return checksum_address(address)
