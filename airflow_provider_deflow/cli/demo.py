# SPDX-License-Identifier: Apache-2.0
"""`deflow demo`: the example graph, from its source files to a checked result, by one command.

Starts the stack, stores and publishes the graph, triggers its Dag through Airflow's REST API, shows
the run, and takes the result apart to see that it is right, as it does with what it cost. The run stays in
the home folder, so `make up` shows it in Airflow's UI; processes do not stay.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from airflow_provider_deflow import stack
from airflow_provider_deflow.cli import demo_money, demo_result, run_view
from airflow_provider_deflow.cli.context import WALLET_KEY_VARIABLE
from airflow_provider_deflow.errors import GraphNotFound
from airflow_provider_deflow.example import data, graph
from airflow_provider_deflow.graphs import Graph, GraphStore
from airflow_provider_deflow.ocean.outputs import ContentStore
from airflow_provider_deflow.stack.airflow_api import AirflowApi, RunState
from airflow_provider_deflow.stack.development_chain import CONSUMER_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

DAG_TIMEOUT_SECONDS = 60.0
RUN_TIMEOUT_SECONDS = 1800.0
LOG_LINES = 25
AUTHOR = "deflow demo"


@dataclass(frozen=True, slots=True)
class Published:
    """The graph as Airflow will run it."""

    graph: Graph
    revision: int

    @property
    def in_manifest(self) -> dict[str, Any]:
        return {"slug": self.graph.slug, "revision": self.revision, "sha256": self.graph.sha256}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a demo came to; `faults` is empty when all of it is right."""

    state: RunState
    faults: list[str]
    job_ids: Mapping[str, str]
    # What edges published, by edge.
    assets: Mapping[str, str] = field(default_factory=dict)
    archive: demo_result.Archive | None = None
    cost: demo_money.Cost | None = None
    log_tails: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@click.command()
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=".deflow",
    show_default=True,
    envvar="DEFLOW_HOME",
    help="Folder that keeps everything of the stack.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=".demo",
    show_default=True,
    help="Folder for run.json, result.tar and report.png.",
)
@click.option(
    "--ocean-node-url",
    help=f"A real Ocean Node; its free jobs are signed with the key in {WALLET_KEY_VARIABLE}.",
)
@click.option("--image", default=graph.IMAGE, help="An image with scikit-learn, for a real Ocean Node.")
@click.option("--keep", is_flag=True, help="Leave everything running afterwards, until Ctrl-C.")
def demo(home: Path, out: Path, ocean_node_url: str | None, image: str, keep: bool) -> None:
    """Run the example graph: predicting a disease from the records of two hospitals."""
    if ocean_node_url and image == graph.IMAGE:
        raise click.UsageError(f"--ocean-node-url needs --image: {graph.IMAGE} has no scikit-learn")
    # What Ctrl-C ends is also ended when a terminal closes or a CI job is cancelled.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    console = Console()
    try:
        with stack.running(
            home,
            ocean_node_url=ocean_node_url,
            wallet_key=os.environ.get(WALLET_KEY_VARIABLE),
            with_chain=not ocean_node_url,
            report=lambda line: console.print(line, highlight=False, markup=False),
        ) as up:
            outcome = _run(up, image, out, console)
            _show(outcome, out, home, console)
            if keep:
                _stay(up, console)
    except KeyboardInterrupt:
        console.print("\nStopped; nothing is left running.")
        raise SystemExit(130) from None
    if outcome.faults:
        raise SystemExit(1)


def _stay(up: stack.Running, console: Console) -> None:
    console.print(f"\n{up.airflow_url}  login {up.username}, password {up.password}", highlight=False)
    console.print("Ctrl-C stops it all; graphs and runs stay for the next start.")
    with contextlib.suppress(KeyboardInterrupt):
        up.watch(console.print)


def _run(up: stack.Running, image: str, out: Path, console: Console) -> Outcome:
    """Publish, trigger, follow, and judge; leaves `run.json` and the result's files in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    for name in ("run.json", "result.tar", "report.png"):
        (out / name).unlink(missing_ok=True)
    store = ContentStore(Path(up.storage.removeprefix("file://")))
    published = _publish(up, image, store, with_money=pays(up))
    console.print(
        f"[bold]Published[/] {published.graph.name}, revision {published.revision}: "
        f"{len(published.graph.nodes)} nodes, {len(published.graph.edges)} edges",
        highlight=False,
    )
    with AirflowApi(up.airflow_url, up.username, up.password) as airflow:
        state = _follow(airflow, published.graph, console)
        outcome = _judge(airflow, state, published, store, out)
    if pays(up) and outcome.archive:
        outcome = _with_cost(up, outcome, console)
    (out / "run.json").write_text(json.dumps(_record(outcome, published), indent=2) + "\n", encoding="utf-8")
    return outcome


def pays(up: stack.Running) -> bool:
    """Whether there is money to pay with: the development chain gives some to every wallet."""
    return up.chain is not None


def _with_cost(up: stack.Running, outcome: Outcome, console: Console) -> Outcome:
    with console.status("Waiting until the Ocean Node has claimed what the paid job cost"):
        key = os.environ.get(WALLET_KEY_VARIABLE) or CONSUMER_KEY
        cost = demo_money.read(up, outcome.state.run.run_id, key, outcome.assets)
    return replace(outcome, cost=cost, faults=[*outcome.faults, *cost.faults])


def _publish(up: stack.Running, image: str, store: ContentStore, *, with_money: bool) -> Published:
    """Bring the hospitals' files and the graph to where DeFlow keeps them."""
    with tempfile.TemporaryDirectory(prefix="deflow-demo-") as folder:
        uploads = {}
        for name, path in data.write_csv(Path(folder)).items():
            with path.open("rb") as file:
                uploads[name], _ = store.put(file)
    document = graph.document(uploads, image=image)
    drawn = Graph.from_document(demo_money.with_money(document) if with_money else document)
    with GraphStore.connected(up.mongo_uri) as graphs:
        try:
            based_on = graphs.draft(drawn.slug).version
        except GraphNotFound:
            based_on = None
        saved = graphs.save(drawn.to_document(), based_on=based_on, author=AUTHOR)
        revision = graphs.publish(drawn.slug, based_on=saved.version, author=AUTHOR)
    return Published(drawn, revision.number)


def _follow(airflow: AirflowApi, drawn: Graph, console: Console) -> RunState:
    """Trigger the graph's Dag and show its run to the end."""
    airflow.wait_for_dag(drawn.dag_id, DAG_TIMEOUT_SECONDS, graph_sha256=drawn.sha256)
    airflow.unpause(drawn.dag_id)
    run_id = airflow.trigger(drawn.dag_id)
    console.print(f"[bold]Triggered[/] {drawn.dag_id} {run_id}", highlight=False)
    deadline = time.monotonic() + RUN_TIMEOUT_SECONDS
    with run_view.live(console, run_view.task_order(drawn)) as show:
        for state in airflow.follow(drawn.dag_id, run_id, interval_seconds=0.5):
            show(state)
            if time.monotonic() > deadline:
                break
    return state


def _judge(
    airflow: AirflowApi, state: RunState, published: Published, store: ContentStore, out: Path
) -> Outcome:
    dag_id, run_id = state.run.dag_id, state.run.run_id
    returned = {node.id: airflow.xcom(dag_id, run_id, node.id) for node in published.graph.nodes}
    job_ids = {node_id: value["job_id"] for node_id, value in returned.items() if value}
    if faults := demo_result.run_faults(state):
        tails = {
            task.task_id: airflow.task_log_tail(dag_id, run_id, task, LOG_LINES)
            for task in state.tasks
            if task.state == "failed"
        }
        return Outcome(state, faults, job_ids, log_tails=tails)
    collected = airflow.xcom(dag_id, run_id, run_view.RESULTS)
    archive = demo_result.copy_archive(store, collected["archive"], out / "result.tar")
    faults = demo_result.archive_faults(archive, collected, published.in_manifest)
    faults += demo_result.figure_faults(archive.figures)
    if picture := archive.read(demo_result.PICTURE):
        (out / "report.png").write_bytes(picture)
    assets = demo_money.published(airflow, state, store)
    return Outcome(state, faults, job_ids, assets, archive)


def _record(outcome: Outcome, published: Published) -> dict[str, Any]:
    """`run.json`: what ran, when, as which job, and what came of it."""
    run, archive = outcome.state.run, outcome.archive
    tasks = [
        {
            "task_id": task.task_id,
            "state": task.state,
            "try_number": task.try_number,
            "started": task.started and task.started.isoformat(),
            "ended": task.ended and task.ended.isoformat(),
            "job_id": outcome.job_ids.get(task.task_id),
        }
        for task in run_view.in_order(outcome.state.tasks, run_view.task_order(published.graph))
    ]
    return {
        "graph": published.in_manifest,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "state": run.state,
        "started": run.started and run.started.isoformat(),
        "ended": run.ended and run.ended.isoformat(),
        "tasks": tasks,
        "figures": archive.figures if archive else None,
        "result": archive and {"sha256": archive.sha256, "files": archive.files},
        "cost": outcome.cost and outcome.cost.in_record,
        "faults": outcome.faults,
    }


def _show(outcome: Outcome, out: Path, home: Path, console: Console) -> None:
    def say(text: str, *, markup: bool = True) -> None:
        console.print(text, highlight=False, markup=markup, soft_wrap=True)

    console.print(run_view.time_line(outcome.state))
    for task_id, lines in outcome.log_tails.items():
        say(f"\n[bold red]{task_id}[/] failed; the end of its log:")
        for line in lines:
            say(f"  {line}", markup=False)
    if outcome.archive:
        say("\n" + (outcome.archive.read(demo_result.WORDS) or b"").decode(), markup=False)
        say(f"[bold]Result[/]   {out / 'result.tar'}  sha256 {outcome.archive.sha256}")
        if (out / "report.png").exists():
            say(f"[bold]Picture[/]  {out / 'report.png'}")
    for line in outcome.cost.lines() if outcome.cost else ():
        say(f"[bold]Money[/]    {line}")
    for fault in outcome.faults:
        say(f"[bold red]Wrong[/]    {escape(fault)}")
    again = "make up" if home == Path(".deflow") else f"deflow up --home {home}"
    say(f"[bold]Run[/]      {out / 'run.json'}; `{again}` shows the same run in Airflow's UI")
