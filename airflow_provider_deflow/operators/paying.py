# SPDX-License-Identifier: Apache-2.0
"""How a task pays for its job and what that uses: by which wallet, within which budget, in view of its run.

A free node that names nothing by DID comes by here without a look at a chain or a ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowNotFoundException

from airflow_provider_deflow import errors, job_request
from airflow_provider_deflow.graphs import graph as graphs
from airflow_provider_deflow.graphs import text
from airflow_provider_deflow.graphs.problem import Problem
from airflow_provider_deflow.hooks import settings
from airflow_provider_deflow.hooks.ledger import LedgerHook
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook, images
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.job_budgets import Limits
from airflow_provider_deflow.jobs import FreeStarts
from airflow_provider_deflow.ledger.entry import Run
from airflow_provider_deflow.operators.occasions import selection_of
from airflow_provider_deflow.operators.quoting import Quotes
from airflow_provider_deflow.operators.start import PaidWith
from airflow_provider_deflow.operators.work import values_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_deflow.job_images import Images
    from airflow_provider_deflow.job_locks import PayingWallet
    from airflow_provider_deflow.job_orders import Orders
    from airflow_provider_deflow.job_payments import PaidStarts
    from airflow_provider_deflow.job_plans import Plan, Planned
    from airflow_provider_deflow.jobs import Starts
    from airflow_provider_deflow.ledger.leases import Leases
    from airflow_provider_deflow.ledger.reservations import Reservations
    from airflow_provider_deflow.ocean import choosing
    from airflow_provider_deflow.ocean.compute import ComputeJob
    from airflow_provider_deflow.ocean.credentials import OnList
    from airflow_provider_deflow.operators.compute import OceanComputeOperator
    from airflow_provider_deflow.operators.quoting import QuotedNode
    from airflow_provider_deflow.operators.work import Work


def require_budget(task: OceanComputeOperator) -> None:
    """A paid node needs a budget, in a drawing and in a Dag file. Raises `InvalidGraph`."""
    if graphs.is_paid(task.node) and task.budget.per_run is None:
        what = 'a paid node needs a budget: say what a run may cost at most, such as "5"'
        raise errors.InvalidGraph(task.task_id, [Problem("no_budget", "budget.per_run", what)])


@contextmanager
def starts_of(
    task: OceanComputeOperator, work: Work, context: Context, policy: choosing.Policy
) -> Iterator[tuple[Starts | None, PaidWith | None]]:
    """How jobs of `task` are started, and with what; None and None where no chain is needed."""
    dids = graphs.dids_of(work.node)
    if not graphs.is_paid(task.node) and not dids:
        yield None, None
        return
    from airflow_provider_deflow.hooks.paying import paying_wallet

    if dids:
        _require_chain(task, dids[0])
    with _ledger() as (reservations, leases):
        wallet = paying_wallet(task.wallet_conn_id)
        wallet.require_trust(work.url)
        plan = _plan(task, work, wallet, reservations, lambda: _planned(task, work, context, policy))
        orders = _orders(task, work, wallet, reservations, leases, plan) if dids else None
        if plan and graphs.is_paid(task.node):
            yield (
                _starts(task, work, wallet, reservations, leases, orders, plan),
                PaidWith(wallet.chain_id, task.budget.fee_token),
            )
        else:
            yield FreeStarts(orders), None


def on_access_list(task: OceanComputeOperator) -> OnList:
    """Whether an account is on an access list, by the chain of the task's wallet."""

    def is_on(access_list: str, account: str) -> bool:
        from airflow_provider_deflow.chain.access_lists import is_on_list
        from airflow_provider_deflow.hooks.paying import paying_wallet

        return is_on_list(paying_wallet(task.wallet_conn_id).web3, access_list, account)

    return is_on


def settle(task: OceanComputeOperator, work: Work, job: ComputeJob) -> None:
    """Bring what a job cost into the ledger if the chain knows by now; else `deflow_upkeep` does it."""
    key = str(job.metadata.get("deflow") or "")
    if not graphs.is_paid(task.node) or not key:
        return
    from airflow_provider_deflow.hooks.paying import paying_wallet
    from airflow_provider_deflow.job_locks import Locks

    try:
        with _ledger() as (reservations, _):
            record = reservations.get(key)
            if record is not None:
                Locks(paying_wallet(task.wallet_conn_id), reservations, task.log.info).settle(record)
    except errors.DeflowError as error:
        task.log.warning("What the job cost is not known yet (%s): deflow_upkeep looks again", error)


def _starts(
    task: OceanComputeOperator,
    work: Work,
    wallet: PayingWallet,
    reservations: Reservations,
    leases: Leases,
    orders: Orders | None,
    plan: Plan,
) -> PaidStarts:
    from airflow_provider_deflow.job_payments import PaidStarts

    return PaidStarts(
        wallet,
        reservations,
        leases,
        plan.limits,
        _run(work),
        work.of_run,
        _about(task, work, wallet),
        plan=plan,
        say=task.log.info,
        orders=orders,
        images=images(OceanNodeHook(task.ocean_node_conn_id).settings(), task.log.info),
    )


def _orders(
    task: OceanComputeOperator,
    work: Work,
    wallet: PayingWallet,
    reservations: Reservations,
    leases: Leases,
    plan: Plan | None,
) -> Orders:
    from airflow_provider_deflow.chain.obtaining import Buying
    from airflow_provider_deflow.job_orders import Orders

    limits = _limits(task)
    return Orders(
        wallet=wallet,
        network=OceanWalletHook(task.wallet_conn_id).network(),
        reservations=reservations,
        leases=leases,
        limits=limits,
        # The budget as a whole says which price is too high at all; what is left of it, the ledger.
        buying=Buying(limits.per_run if limits else None, task.budget.fee_token),
        plan=plan,
        run=_run(work),
        about=_about(task, work, wallet),
        say=task.log.info,
    )


def _limits(task: OceanComputeOperator) -> Limits | None:
    per_run, per_day = task.budget.per_run, task.budget.per_day
    if per_run is None:
        return None
    return Limits(Decimal(per_run), None if per_day is None else Decimal(per_day))


def _run(work: Work) -> Run:
    return Run(work.of_run.dag_id, work.of_run.run_id)


def _about(task: OceanComputeOperator, work: Work, wallet: PayingWallet) -> dict[str, Any]:
    """What is kept with each of the task's reservations."""
    run = _run(work)
    return {
        "run": run.id,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "task_id": work.of_run.node_id,
        "map_index": work.of_run.map_index,
        "payer": wallet.address,
        "ocean_node": work.url,
        "ocean_node_conn_id": task.ocean_node_conn_id,
        "wallet_conn_id": task.wallet_conn_id,
    }


def _require_chain(task: OceanComputeOperator, did: str) -> None:
    if OceanWalletHook(task.wallet_conn_id).chain_settings() is None:
        raise errors.SettingsError(
            f"{did} has to be ordered on a chain before it is used, and the wallet {task.wallet_conn_id!r} "
            "names none. Put rpc_url and chain_id into the connection's extra, or use files and inline code."
        )


@contextmanager
def _ledger() -> Iterator[tuple[Reservations, Leases]]:
    try:
        hook = LedgerHook()
    except AirflowNotFoundException:
        raise errors.SettingsError(
            f"There is no connection {settings.mongo_conn_id()!r}, so no ledger, and without a ledger "
            "nothing is paid. Add the connection, or let the jobs be free."
        ) from None
    with hook:
        yield hook.payments()


def _plan(
    task: OceanComputeOperator,
    work: Work,
    wallet: PayingWallet,
    reservations: Reservations,
    ask: Callable[[], Sequence[Planned]],
) -> Plan | None:
    """None for a task without a budget, which pays nothing."""
    from airflow_provider_deflow.job_plans import Plan

    limits = _limits(task)
    return Plan(reservations, limits, _run(work), _about(task, work, wallet), ask) if limits else None


def _planned(
    task: OceanComputeOperator, work: Work, context: Context, policy: choosing.Policy
) -> list[Planned]:
    """What all nodes of the run would lock and order. Inputs from others, not there yet, cost nothing."""
    from airflow_provider_deflow.job_plans import Planned, job_key, order_key
    from airflow_provider_deflow.operators.compute import OceanComputeOperator

    selected, run = selection_of(task, context), Run(task.dag_id, context["run_id"])
    quotes, values = Quotes(task.budget.fee_token, task.log.info), values_of(context)
    looking: dict[str, Images | None] = {}
    found = []
    for one in task.dag.tasks if task.dag else [task]:
        if not isinstance(one, OceanComputeOperator) or not (
            selected is None or selected.part_of(one.task_id) == "runs"
        ):
            continue
        node = work.node if one is task else job_request.rendered(one.node, values)
        if graphs.is_paid(node):
            job = quotes.of(node, one.node_defaults, one.environment_policy or policy)
            at = one.ocean_node_conn_id
            if at not in looking:
                looking[at] = images(OceanNodeHook(at).settings(), task.log.info)
            _require_image(looking[at], node, job)
            found.append(Planned(job_key(run, one.task_id), one.task_id, job.locked, job.amount.token))
        if any(map(text.names_in, graphs.dids_of(node))):
            task.log.info("%s: what it orders is named by a task before it, and not planned", one.task_id)
            continue
        try:
            orders = quotes.orders_of(node, one.node_defaults)
        except errors.AssetNotUsable as error:
            if one is task or not error.is_unknown:
                raise
            # A task that comes before it may publish it.
            task.log.info("%s: what it orders is not known before: %s", one.task_id, error)
            continue
        found += [Planned(order_key(run, each.what), one.task_id, each.amount, each.token) for each in orders]
    # An order is for all nodes that use it.
    return list({one.key: one for one in reversed(found)}.values())


def _require_image(looking: Images | None, node: graphs.ComputeData, quoted: QuotedNode) -> None:
    """Looked for before the first payment; what an algorithm by DID runs in, its own task finds out."""
    if looking is None or isinstance(node.algorithm, graphs.DidAlgorithm):
        return
    environment = quoted.offer.environment
    looking.require(job_request.image_of(node.algorithm.image), environment.platform, environment.id)
