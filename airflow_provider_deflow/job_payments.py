# SPDX-License-Identifier: Apache-2.0
"""One paid start: quoted, checked, reserved, made possible, sent, and its lock read from the chain.

An Ocean Node locks the money, then makes its last checks, then answers; and it may be killed in between,
as may we. So nothing is sent before all that can be known is known, and each step is in the ledger before
it is taken: whoever comes later under the same key goes on from there. A start that was not confirmed is
looked for as a job on the Ocean Node and as a lock in the escrow, and while there is a lock without a job
nothing is sent again: the money comes back when the lock expires.

Starts of one wallet at one Ocean Node take turns. So a lock that one of them finds there is its own, and the
authorisation holds for exactly one lock more. Starts at several go side by side; the funds, which they share,
are added to by one at a time. No ledger, no payment.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow import errors, job_plans
from airflow_provider_deflow.job_budgets import Limits, base_units
from airflow_provider_deflow.job_funds import SharedFunds
from airflow_provider_deflow.job_locks import Locks
from airflow_provider_deflow.ledger import reservations as ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_deflow.job_images import Images
    from airflow_provider_deflow.job_locks import PayingWallet
    from airflow_provider_deflow.job_orders import Orders
    from airflow_provider_deflow.job_search import NodeOfRun, Search
    from airflow_provider_deflow.ledger.entry import Run
    from airflow_provider_deflow.ledger.leases import Lease, Leases
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeJob, JobRequest
    from airflow_provider_deflow.ocean.payments import Quote

MAX_METADATA = 1024
# How long beyond a job's own time a node may keep what it locks: it claims once an hour.
MAX_CLAIM_SECONDS = 24 * 3600
# A refusal may come after the lock was sent: so long the chain is asked for it.
REFUSED_LOOK_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Amount:
    """What a job would lock, quoted and found right."""

    quote: Quote
    token: ledger.Token


class PaidStarts:
    """Starts paid jobs of one node of a run.

    :param of_run: the run as the ledger knows it
    :param about: what is kept with a reservation: whose it is, and by which connections it is reached
    :param orders: how what a job uses by DID is ordered
    :param plan: what the run is going to pay
    :param images: looks for a job's image before it is paid; None leaves that to the Ocean Node
    """

    def __init__(
        self,
        wallet: PayingWallet,
        reservations: ledger.Reservations,
        leases: Leases,
        limits: Limits,
        run: Run,
        node: NodeOfRun,
        about: Mapping[str, Any],
        *,
        plan: job_plans.Plan,
        say: Callable[[str], None],
        orders: Orders | None = None,
        images: Images | None = None,
        refused_look_seconds: float = REFUSED_LOOK_SECONDS,
    ) -> None:
        self._wallet = wallet
        self._reservations = reservations
        self._leases = leases
        self._limits = limits
        self._run = run
        self._node = node
        self._about = about
        self._plan = plan
        self._say = say
        self._orders = orders
        self._images = images
        self._refused_look_seconds = refused_look_seconds
        self._locks = Locks(wallet, reservations, say)

    def start(
        self, search: Search, key: str, request: JobRequest, intend: Callable[[], None], *, forced: bool
    ) -> ComputeJob:
        """The job, whose lock is on the chain. `intend` is called when the start is sent next.

        `forced`: a person asked for it, though there may be a lock without a job.
        """
        self._wallet.require_trust(search.ocean_node.url)
        _require_startable(request)
        if (job := self._sent_before(search, key)) is not None:
            return job
        self._require_usable(search.ocean_node, request)
        amount = quoted(search.ocean_node, self._wallet, request)
        self._reserve(key, amount)
        if self._orders is not None:
            request = self._orders.placed(search.ocean_node, request)
        with self._leases.held(self._wallet.lease_at(amount.quote.payee)) as lease:
            self._locks.require_none_held(search, self._run, self._node, forced=forced)
            # An orphan that expired was released with its reservation.
            self._reserve(key, amount)
            job = self._send(search, key, request, amount, lease, intend)
            self.found(key, job)
        return job

    def found(self, key: str, job: ComputeJob) -> None:
        """A job of this node is there: know its lock, as soon as the chain shows it.

        It runs, and is paid, whoever notes it: a ledger that is away now hears of it from upkeep.
        """
        try:
            self._locks.found(key, job)
        except errors.StoreUnreachable as error:
            self._say(f"job {job.job_id}: {error} deflow_upkeep notes its lock when the ledger is back")

    def not_found(self, search: Search, key: str) -> None:
        """A start was sent, and it is certain that no job will appear. Raises `LockOrphaned`."""
        record = self._reservations.get(key)
        if record is None:
            return
        with self._leases.held(self._wallet.lease_at(record["payee"])):
            self._locks.require_none_held(search, self._run, self._node)

    def settle(self, key: str) -> None:
        """Bring what the job cost into the ledger, if that is known by now."""
        record = self._reservations.get(key)
        if record is not None:
            self._locks.settle(record)

    def _require_usable(self, ocean_node: OceanNode, request: JobRequest) -> None:
        """Others know it: the image's registry, and the Ocean Node of its buckets."""
        # With a login of its own the node may see what we do not.
        if self._images is not None and not request.encrypted_registry_auth:
            self._images.require(container_of(request), request.platform, request.environment)
        if request.output_bucket_id:
            # Refuses, in its own words, a bucket that it has not or that the wallet may not use.
            ocean_node.bucket_files(request.output_bucket_id)

    def _sent_before(self, search: Search, key: str) -> ComputeJob | None:
        """The ledger knows of a start though the task's own memory was lost."""
        record = self._reservations.get(key)
        if record is None or record["state"] != "sent":
            return None
        job = search.look_until_certain(key, record["sent_at"].timestamp())
        if job is not None:
            self.found(key, job)
        return job

    def _reserve(self, key: str, amount: Amount) -> None:
        budgets = self._limits.budgets(self._run, amount.token)
        self._plan.make()
        about = {
            **self._about,
            "payee": amount.quote.payee,
            "escrow": amount.quote.escrow,
            "min_lock_seconds": amount.quote.min_lock_seconds,
            "since_block": str(self._wallet.block_number()),
        }
        self._reservations.reserve(
            {key: amount.quote.amount},
            amount.token,
            budgets,
            {key: about},
            instead_of=[job_plans.job_key(self._run, self._node.node_id)],
        )

    def _send(
        self,
        search: Search,
        key: str,
        request: JobRequest,
        amount: Amount,
        lease: Lease,
        intend: Callable[[], None],
    ) -> ComputeJob:
        quote = amount.quote

        def sending() -> None:
            lease.renew()
            before = self._locks.held(quote.payee, quote.payment.token)
            self._reservations.note(
                key,
                state="sent",
                sent_at=datetime.now(UTC),
                locks_before=[str(lock.job_id) for lock in before],
                first_block=self._wallet.block_number(),
            )
            intend()

        try:
            self._make_ready(key, quote, lease)
            try:
                return search.ocean_node.start_paid(request, quote.payment, before_send=sending)
            except errors.PaymentRefused as error:
                # Refused before anything was locked: somebody withdrew or revoked meanwhile.
                self._say(f"the start was refused ({error}): looking at the escrow again")
                self._reservations.note(key, state="reserved")
                self._make_ready(key, quote, lease)
                return search.ocean_node.start_paid(request, quote.payment, before_send=sending)
        except errors.OceanNodeBusy as error:
            if error.retry_after_seconds is not None:
                # The rate limit stands before the node: nothing was begun.
                self._reservations.note(key, state="reserved")
            raise
        except errors.OceanNodeUnreachable as error:
            if not error.may_have_arrived:
                self._reservations.note(key, state="reserved")
            raise
        except errors.RequestRejected:
            self._after_refusal(search, key)
            raise

    def _make_ready(self, key: str, quote: Quote, lease: Lease) -> None:
        from airflow_provider_deflow.chain import funding

        token = quote.payment.token
        need = funding.Need(quote.payee, token, quote.amount, quote.min_lock_seconds)
        shared = SharedFunds(self._wallet, self._reservations, self._leases, key, token, lease)
        tell = self._locks.telling(key)
        funding.make_ready(self._wallet.escrow, self._wallet.sends, need, key, tell, shared)

    def _after_refusal(self, search: Search, key: str) -> None:
        """A node's last checks come after the lock: a refusal may leave money there."""
        record = self._reservations.get(key)
        if record is None or record["state"] != "sent":
            return
        give_up_at = time.monotonic() + self._refused_look_seconds
        while True:
            self._locks.require_none_held(search, self._run, self._node)
            if time.monotonic() >= give_up_at:
                break
            search.wait(1.0)
        self._reservations.release(key)


def quoted(ocean_node: OceanNode, wallet: PayingWallet, request: JobRequest) -> Amount:
    """What the node asks for the job, to the base unit. Raises `QuoteRefused` for what it may not ask."""
    from airflow_provider_deflow.chain import tokens

    terms = request.terms
    if terms is None:
        raise errors.SettingsError("a paid start needs terms. This is a bug, please report it.")
    quote = ocean_node.quote(request, terms.payment)
    token = ledger.Token(
        terms.payment.chain_id, terms.payment.token, tokens.decimals(wallet.web3, terms.payment.token)
    )
    longest = (request.max_duration_seconds or 0) + request.queue_max_wait_seconds + MAX_CLAIM_SECONDS
    expected = _nearest_base_units(terms.price, token)
    for is_wrong, why in (
        (quote.payment != terms.payment, f"it is paid with {quote.payment}"),
        (quote.payee.lower() != terms.payee.lower(), f"{quote.payee} is paid, not the node's {terms.payee}"),
        (quote.escrow.lower() != wallet.escrow.address.lower(), f"its escrow is {quote.escrow}"),
        (quote.amount <= 0, "it comes to 0, which no escrow locks"),
        (quote.amount > expected, f"it asks {quote.amount} base units, its prices come to {expected}"),
        (quote.min_lock_seconds > longest, f"it locks for {quote.min_lock_seconds} s, at most {longest} s"),
    ):
        if is_wrong:
            raise errors.QuoteRefused(
                f"the quote of {ocean_node.url} for {request.environment} is not paid — {why}. "
                "Choose another environment or Ocean Node."
            )
    return Amount(quote, token)


def _require_startable(request: JobRequest) -> None:
    """What a node finds out when the money is locked already."""
    size = len(json.dumps(dict(request.metadata), separators=(",", ":")))
    if size > MAX_METADATA:
        raise errors.SettingsError(f"the start's metadata are {size} characters; a node takes {MAX_METADATA}")
    if request.output and request.output_bucket_id:
        raise errors.SettingsError("outputs go to remote storage or into a bucket: choose one")
    container = container_of(request)
    if not container.get("image") and not container.get("dockerfile"):
        raise errors.SettingsError("the algorithm names no image, and a paid job runs in one: name it")
    if container.get("additionalDockerFiles") and request.queue_max_wait_seconds:
        raise errors.SettingsError(
            "the algorithm brings files to build its image with, which an Ocean Node takes for no job that "
            "may have to queue. Push the image to a registry, and name it."
        )
    if not request.max_duration_seconds or request.max_duration_seconds <= 0:
        raise errors.SettingsError("a paid job needs max_duration_seconds")


def container_of(request: JobRequest) -> Mapping[str, Any]:
    """What the algorithm runs in; nothing when it does not say."""
    meta = request.algorithm.get("meta")
    container = meta.get("container") if isinstance(meta, dict) else None
    return container if isinstance(container, dict) else {}


def _nearest_base_units(price: Decimal, token: ledger.Token) -> int:
    """As many decimals as the token has are kept, as a node rounds what it computed in floating point."""
    return base_units(Decimal(f"{price:.{token.decimals}f}"), token)
