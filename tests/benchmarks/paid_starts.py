# SPDX-License-Identifier: Apache-2.0
"""Paid starts of one wallet at one local Ocean Node: eight processes at once, beside one after the other.

Each start is a run of its own: quoted, reserved, paid into the escrow, sent, its lock read from the chain.
What a task does around it (finding a job, following it) is not in it. The limit is what nothing of ours
changes: the node's own time for a start, with its lock, and the development chain's for a transaction, which
it mines at once.

    python -m tests.benchmarks.paid_starts FIRST COUNT    # one of the processes, which waits for a line
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from airflow_provider_deflow.chain.transactions import Sender
from tests import services
from tests.benchmarks.paying import paying
from tests.local_ocean_node.paying import Payer
from tests.operators import paid

PROCESSES = 8
STARTS = 200
ALONE = 25
LIMITS = 20
# Jobs are taken and never run: what is measured is their start.
NO_TICKS = 3600.0


@dataclass(frozen=True, slots=True)
class Row:
    """What so many starts took; without transactions and requests where they are not counted."""

    starts: int
    seconds: float
    transactions: int | None = None
    requests: int | None = None


def rows() -> Mapping[str, Row]:
    with paying(tick_seconds=NO_TICKS) as wallet:
        return {
            "one after the other": _measured(wallet, [(0, ALONE)]),
            f"{PROCESSES} processes": _measured(
                wallet, [(1000 * (1 + each), STARTS // PROCESSES) for each in range(PROCESSES)]
            ),
            "limit: the node's own": _of_the_node(wallet),
            "limit: one transaction": _of_the_chain(wallet.chain),
        }


def _measured(wallet: paid.Paid, shares: list[tuple[int, int]]) -> Row:
    processes = [_process(first, count) for first, count in shares]
    for process in processes:
        _heard(process, "ready")
    locks, sent, asked = len(wallet.events("Lock")), wallet.sent(), len(wallet.between.passed)
    began = time.monotonic()
    for process in processes:
        _told_to_begin(process)
    for process in processes:
        process.wait()
    seconds = time.monotonic() - began
    starts = sum(count for _, count in shares)
    if len(wallet.events("Lock")) - locks != starts:
        raise RuntimeError(f"{len(wallet.events('Lock')) - locks} locks of {starts} starts")
    return Row(starts, seconds, wallet.sent() - sent, len(wallet.between.passed) - asked)


def _process(first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.benchmarks.paid_starts", str(first), str(count)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _heard(process: subprocess.Popen[str], word: str) -> None:
    while (line := process.stdout.readline() if process.stdout else "") != f"{word}\n":
        if not line:
            raise RuntimeError("a process of the benchmark ended before it began")


def _told_to_begin(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        process.stdin.write("go\n")
        process.stdin.close()


def _of_the_node(wallet: paid.Paid) -> Row:
    """With everything deposited and authorised long before."""
    payer = Payer.at(wallet.between.url, wallet.chain, 4)
    payer.deposit()
    payer.authorize()
    began = time.monotonic()
    for _ in range(LIMITS):
        payer.start_paid(queueMaxWaitTime=3600)
    return Row(LIMITS, time.monotonic() - began)


def _of_the_chain(chain: services.Chain) -> Row:
    sender = Sender(chain.web3, services.KEYS[5])
    approve = chain.at("OceanToken", chain.fee_token).functions.approve(chain.addresses["Escrow"], 1)
    began = time.monotonic()
    for _ in range(LIMITS):
        sender.confirm(sender.send(approve))
    return Row(LIMITS, time.monotonic() - began, LIMITS)


def _start_all(first: int, count: int) -> None:
    """As tasks do, each for its run, from the environment's listing to the lock."""
    from airflow_provider_deflow import job_request, job_search
    from airflow_provider_deflow.graphs.graph import ComputeData
    from airflow_provider_deflow.hooks.ledger import LedgerHook
    from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
    from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
    from airflow_provider_deflow.hooks.paying import paying_wallet
    from airflow_provider_deflow.job_budgets import Limits
    from airflow_provider_deflow.job_payments import PaidStarts
    from airflow_provider_deflow.job_plans import Plan
    from airflow_provider_deflow.ledger.entry import Run
    from airflow_provider_deflow.operators.start import PaidWith, chosen

    def say(_: str) -> None:
        pass

    def start(number: int) -> None:
        of_run = job_search.NodeOfRun("bench", f"run {number}", "train")
        search = job_search.Search(ocean_node, signer, of_run, "inputs", lambda _: "", say, time.sleep)
        key = search.key(0)
        paid_with = PaidWith(wallet.chain_id, None)
        offer, terms = chosen(ocean_node, node, wallet.address, 60, "cheapest", say, paid_with)
        request = job_request.build(node, (), offer.environment, 60, terms)
        run, limits = Run(of_run.dag_id, of_run.run_id), Limits(Decimal(1000))
        about = {
            "run": run.id,
            "dag_id": run.dag_id,
            "run_id": run.run_id,
            "task_id": of_run.node_id,
            "payer": wallet.address,
            "ocean_node": ocean_node.url,
        }
        plan = Plan(reservations, limits, run, about, list)
        starts = PaidStarts(wallet, reservations, leases, limits, run, of_run, about, plan=plan, say=say)
        starts.start(
            search, key, replace(request, metadata={job_search.METADATA_KEY: key}), dict, forced=False
        )

    image = {"code": "pass", "image": "python:3.11", "entrypoint": "python3 $ALGO"}
    node = ComputeData.model_validate({"algorithm": image, "payment": {"mode": "paid"}})
    wallet, signer = paying_wallet("ocean_wallet_default"), OceanWalletHook().signer()
    with LedgerHook() as hook, OceanNodeHook().client(signer) as ocean_node:
        reservations, leases = hook.payments()
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(first, first + count):
            start(number)


if __name__ == "__main__":
    _start_all(int(sys.argv[1]), int(sys.argv[2]))
