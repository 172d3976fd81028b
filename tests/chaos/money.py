# SPDX-License-Identifier: Apache-2.0
"""What must hold of the money after every round, counted on the chain and held against the Ocean Node.

* every paid job has exactly one lock, and each lock has ended: claimed where its job succeeded, and never
  where there is no job
* each content that an edge handed over as an asset is one data NFT, described once
* MongoDB holds nothing back for anybody, and a run's budget has lost what its jobs cost
* `deflow ledger reconcile` finds no difference
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.ledger.entry import Run
from airflow_provider_deflow.ledger.reservations import Reservations, taken
from airflow_provider_deflow.ocean.compute import ComputeJob
from airflow_provider_deflow.stack import anvil
from airflow_provider_deflow.stack.development_chain import CONSUMER, DevelopmentChain
from tests.chaos import shapes

if TYPE_CHECKING:
    from airflow_provider_deflow.chain.escrow import Escrow
    from airflow_provider_deflow.chain.events import Event
    from airflow_provider_deflow.chain.networks import Network
    from tests.chaos.deployment import Deployment

UPKEEP = "deflow_upkeep"
# A local Ocean Node claims every few seconds, and who was killed keeps the wallet from upkeep for a while.
SETTLED_WITHIN_SECONDS = 180.0
_ENDS = ("Claimed", "Canceled")
# A job's time, its queue's hour and the Ocean Node's hour to claim.
AN_EXPIRY_SECONDS = 3 * 3600


@dataclass(slots=True)
class Books:
    """A round's: locks by run, and what is wrong."""

    locks: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class Money:
    """The chain and the ledger of one deployment, read only."""

    def __init__(self, deployment: Deployment) -> None:
        assert deployment.up.chain is not None
        self._deployment = deployment
        self._chain: DevelopmentChain = deployment.up.chain

    def block(self) -> int:
        """The newest one."""
        return int(self._web3.eth.block_number)

    def is_settled(self) -> bool:
        """Whether nothing is reserved or held, and nobody may lock anything more."""
        with self._reservations() as reservations:
            return not reservations.open() and not reservations.not_revoked()

    def let_expire(self, since: int, jobs: Callable[[], Iterable[ComputeJob]]) -> bool:
        """Whether there were locks that nobody claims; they have expired now, as the chain's clock is set on.

        They are of a start that came to no job, or of a job that died with its Ocean Node. The others are
        claimed first, as they would be in the hours that are left out.
        """
        from airflow_provider_deflow.chain.escrow_history import number_of

        due = {number_of(job.job_id) for job in jobs() if job.outcome == "succeeded"}
        until = time.monotonic() + SETTLED_WITHIN_SECONDS
        while (held := self._held(since)) & due and time.monotonic() < until:
            time.sleep(0.5)
        if not held:
            return False
        anvil.ask(self._chain.rpc_url, "evm_increaseTime", AN_EXPIRY_SECONDS)
        anvil.ask(self._chain.rpc_url, "evm_mine")
        return True

    def _held(self, since: int) -> set[int]:
        made, *ends = (
            {event.args["jobId"] for event in self._locks(since, name)} for name in ("Lock", *_ENDS)
        )
        return made.difference(*ends)

    def _locks(self, since: int, *names: str) -> list[Event]:
        return [one for one in self._events("Escrow", since, *names) if one.args["payer"] == CONSUMER]

    def audit(
        self, since: int, runs: Mapping[str, str], jobs: Mapping[str, Mapping[str, ComputeJob]]
    ) -> Books:
        """What came into blocks after `since`: `runs` by id with their shapes, `jobs` by run and name."""
        books = Books()
        self._locked(self._locks(since, "Lock", *_ENDS), jobs, books)
        self._published(since, runs, books)
        self._reserved(runs, books)
        books.problems += self._reconciled()
        return books

    def _locked(
        self, events: list[Event], jobs: Mapping[str, Mapping[str, ComputeJob]], books: Books
    ) -> None:
        from airflow_provider_deflow.chain.escrow_history import number_of

        made = Counter(event.args["jobId"] for event in events if event.name == "Lock")
        ended = Counter(event.args["jobId"] for event in events if event.name in _ENDS)
        kept = {event.args["jobId"] for event in events if event.name == "Claimed"}
        told = dict.fromkeys(made, "")
        for run_id, mine in jobs.items():
            for job in mine.values():
                number = number_of(job.job_id)
                books.locks[run_id] += made[number]
                told[number] = job.job_id
                if made[number] != (1 if job.payment else 0):
                    books.problems.append(f"{run_id}: job {job.job_id} has {made[number]} locks")
                if job.payment and job.outcome == "succeeded" and number not in kept:
                    books.problems.append(f"{run_id}: job {job.job_id} succeeded and was not paid")
        for number, job_id in told.items():
            if not job_id and number in kept:
                books.problems.append(f"lock {number} is of no job, and was claimed")
            if made[number] != ended[number]:
                books.problems.append(f"lock {number} of job {job_id} has {ended[number]} ends")
        if held := self._escrow.funds(CONSUMER, self._chain.fee_token).locked:
            books.problems.append(f"the escrow still holds {held} base units")
        for payee in {event.args["payee"] for event in events}:
            for one in self._escrow.authorizations(CONSUMER, payee, self._chain.fee_token):
                if one.max_locked_amount:
                    books.problems.append(f"{payee} may still lock {one.max_locked_amount} base units")

    def _published(self, since: int, runs: Mapping[str, str], books: Books) -> None:
        made = [
            e for e in self._events("ERC721Factory", since, "NFTCreated") if e.args["creator"] == CONSUMER
        ]
        by_key: defaultdict[str, list[str]] = defaultdict(list)
        for event in made:
            by_key[event.args["tokenURI"]].append(event.args["newTokenAddress"])
        books.problems += [
            f"{len(same)} data NFTs of one content" for same in by_key.values() if len(same) > 1
        ]
        due = sum(self._assets_of(shape) for shape in runs.values())
        if len(by_key) != due:
            books.problems.append(f"{len(by_key)} contents were published, {due} were handed over as assets")
        for address in (address for same in by_key.values() for address in same):
            said = self._events_of(address, since, "MetadataCreated", "MetadataUpdated")
            if len(said) != 1:
                books.problems.append(f"data NFT {address} was described {len(said)} times")

    def _reserved(self, runs: Mapping[str, str], books: Books) -> None:
        with self._reservations() as reservations:
            for record in reservations.open():
                what = f"{record['amount']} base units for {record['task_id']} of {record['run_id']}"
                books.problems.append(f"still {record['state']}: {what}")
            for run_id, shape in runs.items():
                records = reservations.of_run_called(run_id)
                spent = sum(map(taken, records))
                lost = reservations.taken_of(f"run {Run(shapes.dag_id(shape), run_id).id}")
                if spent != lost:
                    books.problems.append(f"{run_id}: its budget lost {lost}, its jobs cost {spent}")

    def _reconciled(self) -> list[str]:
        """What the command says, as a person would ask."""
        command = [sys.executable, "-m", "airflow_provider_deflow.cli", "ledger"]
        command += ["--home", str(self._deployment.up.home), "reconcile"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
        return [] if done.returncode == 0 else [*done.stdout.splitlines(), *done.stderr.splitlines()[-3:]]

    def _assets_of(self, shape: str) -> int:
        return len({edge[0] for edge in shapes.ASSET_EDGES.get(shape, ())})

    @cached_property
    def _escrow(self) -> Escrow:
        from airflow_provider_deflow.chain.escrow import Escrow

        return Escrow(self._web3, self._network.address("Escrow"))

    def _events(self, contract: str, since: int, *names: str) -> list[Event]:
        return self._events_of(self._network.address(contract), since, *names)

    def _events_of(self, address: str, since: int, *names: str) -> list[Event]:
        from airflow_provider_deflow.chain.events import events_of

        newest = self.block()
        return events_of(self._web3, address, since + 1, newest, *names) if newest > since else []

    def _reservations(self) -> AbstractContextManager[Reservations]:
        return Reservations.connected(self._deployment.up.mongo_uri)

    @cached_property
    def _web3(self) -> Any:
        from airflow_provider_deflow.chain.rpc import connect

        return connect(self._chain.rpc_url, chain_id=self._chain.chain_id)

    @cached_property
    def _network(self) -> Network:
        from airflow_provider_deflow.chain.networks import Network

        return Network.find(self._chain.chain_id, self._chain.address_file)
