# SPDX-License-Identifier: Apache-2.0
"""The `deflow` command. A subcommand's module is imported when it is called, so none waits for another's.

Whatever DeFlow itself raises is shown as one message, with exit code 1 and no traceback.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from airflow_provider_deflow import __version__, errors

# name -> (where it is, what it does)
COMMANDS = {
    "demo": ("demo:demo", "Run the example graph, from its sources to a checked result."),
    "doctor": ("stack:doctor", "Check what this machine has for DeFlow, and say what mends the rest."),
    "environments": ("environments:environments", "Show what an Ocean Node offers, and what a graph gets."),
    "explain": ("explain:explain", "Say why a node ran in a run, was reused or was skipped."),
    "graphs": ("graphs:graphs", "Check, save, publish and run graphs."),
    "ledger": ("ledger:ledger", "Show what paid jobs cost, and hold it against the chain."),
    "ocean-node": ("ocean_node:ocean_node", "Run an Ocean Node on this machine, for free jobs."),
    "runs": ("runs:runs", "Show what happened in the runs of graphs."),
    "up": ("stack:up", "Start MongoDB, an Ocean Node and Airflow, and stay until stopped."),
}


class LazyGroup(click.Group):
    """Knows its subcommands by name and by one line of help, without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except errors.DeflowError as error:
            raise click.ClickException(str(error)) from error


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="deflow")
def main() -> None:
    """DeFlow: draw a graph of computations; Airflow runs it, Ocean Nodes compute it next to the data.

    \b
    Example:
      deflow up                                everything on this machine
      deflow graphs validate my-graph.json     all problems of a drawing
    """
