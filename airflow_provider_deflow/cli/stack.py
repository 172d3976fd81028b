# SPDX-License-Identifier: Apache-2.0
"""`deflow up` and `deflow doctor`."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import time
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from airflow_provider_deflow.cli.context import WALLET_KEY_VARIABLE
from airflow_provider_deflow.errors import DeflowError

if TYPE_CHECKING:
    from airflow_provider_deflow.stack import Running

_home = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=".deflow",
    envvar="DEFLOW_HOME",
    show_default=True,
    help="Folder that keeps everything of the stack.",
)


@click.command()
@_home
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port of Airflow.  [default: the last one, or 8080]"
)
@click.option(
    "--dags",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A folder of Dag files of your own, read beside the drawn graphs.",
)
@click.option("--no-chain", is_flag=True, help="Without a development chain: free jobs only.")
@click.option("--cluster", "as_cluster", is_flag=True, hidden=True, help="As `make cluster` does.")
@click.option("--open", "opens", is_flag=True, help="Open the browser when everything is ready.")
def up(
    home: Path, port: int | None, dags: Path | None, no_chain: bool, as_cluster: bool, opens: bool
) -> None:
    """Start MongoDB, a chain, an Ocean Node and Airflow, and stay until stopped (Ctrl-C).

    A key in DEFLOW_WALLET_KEY is the default wallet's, and gets money on the development chain.
    """
    from airflow_provider_deflow import stack
    from airflow_provider_deflow.stack import cluster

    # Ended by another program as by Ctrl-C: in order.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    began = time.monotonic()
    try:
        click.echo(f"Starting in {home.absolute()}")
        start = cluster.running if as_cluster else stack.running
        key = os.environ.get(WALLET_KEY_VARIABLE)
        with start(
            home, wallet_key=key, port=port, dags=dags, with_chain=not no_chain, report=click.echo
        ) as running:
            click.echo(f"Everything is up after {time.monotonic() - began:.0f} s.\n\n{_addresses(running)}")
            if opens:
                webbrowser.open(running.airflow_url)
            try:
                running.watch(click.echo)
            except KeyboardInterrupt:
                click.echo("\nStopping …")
    except KeyboardInterrupt:
        click.echo("\nStopped while starting.")
    except DeflowError as error:
        raise click.ClickException(str(error)) from error


def _addresses(running: Running) -> str:
    chain = running.chain
    at = f"{chain.rpc_url} (id {chain.chain_id})" if chain else "none"
    return (
        f"  Airflow     {running.airflow_url}\n"
        f"  login       {running.username}, password {running.password}\n"
        f"  Ocean Node  {running.ocean_node_url}\n"
        f"  chain       {at}\n"
        f"  logs        {running.home / 'logs'}\n\n"
        "Ctrl-C stops it all; graphs and runs stay for the next start."
    )


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


@click.command()
@_home
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead.")
def doctor(home: Path, as_json: bool) -> None:
    """Check what this machine has for DeFlow and say what mends the rest."""
    from airflow_provider_deflow.stack import doctor as examination

    findings = []
    for finding in examination.examine(home):
        findings.append(finding)
        if not as_json:
            sign = "ok     " if finding.ok else "MISSING" if finding.needed else "advice "
            click.echo(f"{sign}  {finding.subject}: {finding.found}")
            if not finding.ok:
                click.echo(f"           → {finding.mend}")
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    if any(finding.needed and not finding.ok for finding in findings):
        sys.exit(1)
