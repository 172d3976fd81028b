# SPDX-License-Identifier: Apache-2.0
"""Which jobs the ledger knows, and on which Ocean Nodes and in whose name to look for them.

The Ocean Nodes' own lists come first: the ledger, which has every job of the last days, is asked only for
those of them that a step is about.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowNotFoundException

from airflow_provider_deflow import alarms, errors, http
from airflow_provider_deflow.hooks import storage
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.job_search import METADATA_KEY
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Place, Run
from airflow_provider_deflow.ledger.recorder import Recorder
from airflow_provider_deflow.ocean import job_records

if TYPE_CHECKING:
    from airflow_provider_deflow.ledger.entry import Fact
    from airflow_provider_deflow.ledger.store import LedgerStore
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeJob
    from airflow_provider_deflow.ocean.job_records import JobRecord
    from airflow_provider_deflow.signing import Signer

# No Ocean Node runs a job or keeps its results for longer than it usually does: a week, by default.
LOOK_BACK = timedelta(days=14)
_ACCOUNT = ("ocean_node", "owner", "ocean_node_conn_id", "wallet_conn_id")
JOBS_AT_ONCE = 1000
# Of a Dag, to say how long its jobs take.
RUNS_COMPARED = 50

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """A wallet on an Ocean Node, and the pairs of connections by which tasks reached it, the latest first."""

    url: str
    owner: str
    connections: tuple[tuple[str, str], ...]

    def reached(self) -> tuple[OceanNodeHook, Signer]:
        """By the first pair that leads there. Raises `SettingsError` when none does any more."""
        for ocean_node_conn_id, wallet_conn_id in self.connections:
            try:
                signer = OceanWalletHook(wallet_conn_id).signer()
                hook = OceanNodeHook(ocean_node_conn_id)
                # As the ledger has it: `redact` also writes the host in small letters.
                url = http.redact(hook.settings().url).rstrip("/")
            except (errors.SettingsError, AirflowNotFoundException):
                continue
            if (url, signer.address.lower()) == _key(self.url, self.owner):
                return hook, signer
        tried = ", ".join(f"{node!r} and {wallet!r}" for node, wallet in self.connections)
        raise errors.SettingsError(
            f"connections {tried} do not lead to {self.url} as {self.owner} any more, "
            "where there may be jobs: look there yourself."
        )

    @contextmanager
    def client(self) -> Iterator[OceanNode]:
        """Raises `SettingsError` as `reached` does."""
        hook, signer = self.reached()
        with hook.client(signer) as client:
            yield client


@dataclass(frozen=True, slots=True)
class Task:
    """The try that a job belongs to."""

    run: Run
    place: Place

    def __str__(self) -> str:
        index = f"[{self.place.map_index}]" if self.place.map_index >= 0 else ""
        return f"{self.place.task_id}{index} of run {self.run.run_id} of {self.run.dag_id}"


@dataclass(slots=True)
class Known:
    """What the ledger says of jobs: of those that were looked up, for there may be many more."""

    ledger: LedgerStore
    since: datetime
    accounts: frozenset[Account] = frozenset()
    by_job: dict[str, Task] = field(default_factory=dict)
    by_key: dict[str, Task] = field(default_factory=dict)
    # When each job was first seen in each status; when it was over.
    states: dict[str, dict[int, datetime]] = field(default_factory=dict)
    over: dict[str, datetime] = field(default_factory=dict)
    # What was done or told already, as (job id, what), and when.
    told: dict[tuple[str, str], list[datetime]] = field(default_factory=dict)
    _alike: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, ledger: LedgerStore, now: datetime, look_back: timedelta = LOOK_BACK) -> Known:
        """The accounts with jobs in the last days; what is known of the jobs is still to be looked up."""
        since = now - look_back
        found = ledger.distinct([facts.JOB, facts.INTENT], _ACCOUNT, since)
        return cls(ledger, since, frozenset(_accounts(found)))

    def look_up(self, jobs: Sequence[ComputeJob]) -> None:
        """Find whose these jobs are, and what was seen of them and done about them."""
        for start in range(0, len(jobs), JOBS_AT_ONCE):
            some = jobs[start : start + JOBS_AT_ONCE]
            kinds = (facts.JOB, facts.STATE, facts.ALARM, facts.UPKEEP)
            for entry in self.ledger.entries_about("job_id", [job.job_id for job in some], kinds):
                self._take(entry)
            keys = [str(job.metadata.get(METADATA_KEY)) for job in some if job.job_id not in self.by_job]
            for entry in self.ledger.entries_about("key", keys, [facts.INTENT]):
                self.by_key[entry["what"]["key"]] = _task(entry)

    def not_kept(self, jobs: Sequence[ComputeJob]) -> list[ComputeJob]:
        """Those of these jobs whose outputs no task has kept."""
        left: list[ComputeJob] = []
        for start in range(0, len(jobs), JOBS_AT_ONCE):
            some = jobs[start : start + JOBS_AT_ONCE]
            kept = self.ledger.jobs_with([facts.OUTPUTS, facts.KEPT], [job.job_id for job in some])
            left += [job for job in some if job.job_id not in kept]
        return left

    def alike(self, task: Task) -> list[str]:
        """The jobs of the same task in the Dag's newest runs, with what was seen of them."""
        named = (task.run.dag_id, task.place.task_id)
        if named not in self._alike:
            runs = [run["_id"] for run in self.ledger.runs_of(task.run.dag_id, self.since, RUNS_COMPARED)]
            seen = self.ledger.entries(runs, [facts.STATE, facts.OVER], task.place.task_id)
            for entry in seen:
                self._take(entry)
            self._alike[named] = list(dict.fromkeys(str(entry["what"]["job_id"]) for entry in seen))
        return self._alike[named]

    def _take(self, entry: Mapping[str, Any]) -> None:
        what, kind = entry["what"], entry["kind"]
        job_id = str(what.get("job_id", ""))
        if kind == facts.JOB:
            self.by_job[job_id] = _task(entry)
        elif kind == facts.STATE:
            self.states.setdefault(job_id, {}).setdefault(what["status"], entry["at"])
        elif kind == facts.OVER:
            self.over.setdefault(job_id, entry["at"])
        else:
            did = what["alarm"] if kind == facts.ALARM else what["action"]
            self.told.setdefault((job_id, did), []).append(entry["at"])

    def task_of(self, job: ComputeJob) -> Task | None:
        return self.by_job.get(job.job_id) or self.by_key.get(str(job.metadata.get(METADATA_KEY)))

    def each_account(
        self,
        look: Callable[[Account, OceanNode, list[JobRecord]], None],
        say: Callable[[str], None] = log.warning,
    ) -> None:
        """`look` at the jobs of every account; what is wrong with one does not hold up the others."""
        # A step has only so much time: nobody is always the last.
        for account in random.sample(list(self.accounts), len(self.accounts)):
            try:
                with account.client() as client:
                    records = client.ask(job_records.of_wallet(account.owner))
                    look(account, client, [one for one in records if METADATA_KEY in one.job.metadata])
            except errors.DeflowError as error:
                say(f"{account.url} as {account.owner}: {error}")
            except Exception as error:  # a connection that is gone, among others
                say(f"{account.url} as {account.owner}: {type(error).__name__}: {error}")


def _accounts(found: Iterable[Mapping[str, Any]]) -> list[Account]:
    """One for each wallet on each Ocean Node, however many connections lead to them."""
    pairs: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for what in found:
        # Entries of an earlier release do not name the connections.
        node = what.get("ocean_node_conn_id", OceanNodeHook.default_conn_name)
        wallet = what.get("wallet_conn_id", OceanWalletHook.default_conn_name)
        pairs.setdefault(_key(what["ocean_node"], what["owner"]), []).append((node, wallet))
    return [Account(*key, tuple(connections)) for key, connections in pairs.items()]


def _key(url: str, owner: str) -> tuple[str, str]:
    return url.rstrip("/"), owner.lower()


def _task(entry: Mapping[str, Any]) -> Task:
    place = Place(entry["task_id"], entry["map_index"], entry["try_number"])
    return Task(Run(entry["dag_id"], entry["run_id"]), place)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a step reads and writes; in a dry run it writes nothing. `step` is the step's own try."""

    ledger: LedgerStore
    dry_run: bool = False
    step: Task | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    done: list[str] = field(default_factory=list)

    def say(self, what: str) -> None:
        """One thing that is done, or would be."""
        self.done.append(what)
        log.info("%s%s", "would do: " if self.dry_run else "", what)

    def tell(self, *happened: Fact) -> None:
        """Keep in the ledger, at once, what the step did to something that is no task's."""
        if self.step is not None and not self.dry_run:
            self.record(self.step, *happened)

    def record(self, task: Task, *happened: Fact) -> None:
        with self._recorder(task) as recorder:
            recorder.record(*happened)

    def alarm(self, kind: alarms.Kind, what: str, task: Task, job_id: str, url: str) -> None:
        alarm = alarms.Alarm(
            kind,
            what,
            dag_id=task.run.dag_id,
            run_id=task.run.run_id,
            task_id=task.place.task_id,
            map_index=task.place.map_index,
            try_number=task.place.try_number,
            job_id=job_id,
            ocean_node_url=url,
        )
        with self._recorder(task) as recorder:
            alarms.raise_alarm(alarm, ledger=recorder)

    @contextmanager
    def _recorder(self, task: Task) -> Iterator[Recorder]:
        opened = nullcontext(self.ledger)
        yield Recorder(task.run, task.place, lambda: opened, storage.ledger_spool, log.warning)
