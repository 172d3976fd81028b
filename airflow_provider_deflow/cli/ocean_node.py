# SPDX-License-Identifier: Apache-2.0
"""`deflow ocean-node`: a local Ocean Node in the foreground."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airflow_provider_deflow.errors import DeflowError

if TYPE_CHECKING:
    from airflow_provider_deflow.local_ocean_node.settings import (
        ChainSettings,
        EnvironmentSettings,
        NodeSettings,
    )


@click.command("ocean-node")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8001,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".deflow/ocean-node"),
    show_default=True,
    help="Keeps the node's key, jobs and buckets over restarts.",
)
@click.option(
    "--requests-per-minute",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    help="Allowed per caller, as on a real node.",
)
@click.option(
    "--tick-seconds",
    type=click.FloatRange(0, min_open=True),
    default=2.0,
    show_default=True,
    help="The engine's pace; a real node's is 2 seconds.",
)
@click.option(
    "--rpc-url",
    envvar="DEFLOW_RPC_URL",
    show_envvar=True,
    help="JSON-RPC of a chain that it indexes and is paid on.",
)
@click.option("--chain-id", type=int, help="That chain's id.")
@click.option(
    "--address-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where Ocean's contracts are on that chain, as Ocean's deployments write it.",
)
@click.option(
    "--price",
    "prices",
    multiple=True,
    metavar="RESOURCE=TOKENS",
    help="Of a second environment, for paid jobs: per unit and started minute, as cpu=0.1; repeatable.",
)
@click.option("--fee-token", help="What is paid with.  [default: the address file's Ocean]")
@click.option(
    "--claim-seconds",
    type=click.FloatRange(0, min_open=True),
    default=3600.0,
    show_default=True,
    help="How often finished jobs are claimed; a real node's default.",
)
@click.option(
    "--index-seconds",
    type=click.FloatRange(0, min_open=True),
    help="Between two looks at the chain.  [default: the tick]",
)
@click.option(
    "--allow-target",
    "allowed_targets",
    multiple=True,
    metavar="HOST|NETWORK",
    envvar="DEFLOW_ALLOW_TARGET",
    show_envvar=True,
    help="Where files that jobs name may come from, besides public addresses and this machine; repeatable.",
)
@click.option(
    "--faults",
    "faults_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="For tests: a JSON list of what goes wrong, and `/_deflow/faults` to change it.",
)
@click.option(
    "--log-requests", is_flag=True, help="Write a line for each request: when, taken or refused, which."
)
@click.option(
    "--unisolated", is_flag=True, help="Run algorithms without bubblewrap, with your own rights. Dangerous."
)
def ocean_node(
    host: str,
    port: int,
    folder: Path,
    requests_per_minute: int,
    tick_seconds: float,
    rpc_url: str | None,
    chain_id: int | None,
    address_file: Path | None,
    prices: tuple[str, ...],
    fee_token: str | None,
    claim_seconds: float,
    index_seconds: float | None,
    allowed_targets: tuple[str, ...],
    faults_file: Path | None,
    log_requests: bool,
    unisolated: bool,
) -> None:
    """Run an Ocean Node on this machine: it really executes algorithms, in a sandbox.

    Free jobs need nothing more; paid ones and published assets a chain, by the first three of its options.
    """
    from airflow_provider_deflow.local_ocean_node.faults import load_rules
    from airflow_provider_deflow.local_ocean_node.isolation import Unisolated
    from airflow_provider_deflow.local_ocean_node.settings import THIS_MACHINE, NodeSettings

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    if log_requests:
        logging.getLogger("airflow_provider_deflow.local_ocean_node.app").setLevel(logging.INFO)
    try:
        chain = _chain(rpc_url, chain_id, address_file)
        settings = NodeSettings(
            folder=folder.resolve(),
            host=host,
            port=port,
            requests_per_minute=requests_per_minute,
            tick_seconds=tick_seconds,
            chains=(chain,) if chain else (),
            environments=_environments(chain, prices, fee_token),
            claim_interval_seconds=claim_seconds,
            index_interval_seconds=index_seconds,
            allowed_targets=(*THIS_MACHINE, *allowed_targets),
            faults=tuple(load_rules(faults_file)) if faults_file else (),
            test_routes=faults_file is not None,
            unisolated=unisolated,
        )
        if unisolated:
            click.echo(Unisolated.description, err=True)
        asyncio.run(_serve_until_signalled(settings))
    except DeflowError as error:
        raise click.ClickException(str(error)) from error


def _chain(rpc_url: str | None, chain_id: int | None, address_file: Path | None) -> ChainSettings | None:
    from airflow_provider_deflow.local_ocean_node.settings import ChainSettings

    if not rpc_url and not chain_id and not address_file:
        return None
    if not rpc_url or not chain_id or not address_file:
        raise click.UsageError("a chain needs all three: --rpc-url, --chain-id and --address-file")
    return ChainSettings(chain_id, rpc_url, address_file.resolve())


def _environments(
    chain: ChainSettings | None, prices: tuple[str, ...], fee_token: str | None
) -> tuple[EnvironmentSettings, ...]:
    """The free one stays as it is without a chain, its id included; what costs is another one beside it."""
    from airflow_provider_deflow.local_ocean_node.settings import EnvironmentSettings, Fees

    free, asked = EnvironmentSettings(), tuple(_price(price) for price in prices)
    if chain is None or not asked:
        if asked or fee_token:
            raise click.UsageError("prices need a chain, and a fee token needs prices: --rpc-url, --price")
        return (free,)
    if fee_token is None:
        from airflow_provider_deflow.chain.networks import Network

        fee_token = Network.find(chain.chain_id, chain.address_file).address("Ocean")
    fees = Fees(chain.chain_id, fee_token, asked)
    return (free, EnvironmentSettings(fees=(fees,), free=False, description="this machine, for paid jobs"))


def _price(text: str) -> tuple[str, float]:
    resource, _, tokens = text.partition("=")
    try:
        price = float(tokens)
    except ValueError:
        price = math.nan
    if not 0 <= price < math.inf:
        raise click.UsageError(f"--price {text} is no price: write it as cpu=0.1")
    return resource, price


async def _serve_until_signalled(settings: NodeSettings) -> None:
    from airflow_provider_deflow.local_ocean_node.server import serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop, lambda url: click.echo(f"Ocean Node ready on {url}"))
