# SPDX-License-Identifier: Apache-2.0
"""One round: its graphs start together, what is to be killed is killed at its moment, all is judged."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean.compute import ComputeJob
from airflow_provider_deflow.stack.airflow_api import OVER
from tests.chaos import checks, shapes
from tests.chaos.cases import SLOW, Row
from tests.chaos.deployment import Deployment, patiently
from tests.chaos.in_ocean_node.sitecustomize import MONEY_LOCKED
from tests.chaos.money import SETTLED_WITHIN_SECONDS, UPKEEP, Books, Money

# An unconfirmed start alone is looked for during 90 s.
LONGEST_SECONDS = 600.0
# Others of the round may come to their points too and share the kill.
SHARED_WITHIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one row came out; without problems it is good."""

    row: Row
    seconds: float
    tries: int
    jobs: int
    problems: tuple[str, ...]
    # On the chain; None where nothing is to be paid.
    locks: int | None = None

    def line(self) -> str:
        how = "ok  " if not self.problems else "LOST"
        what = f"{self.row.shape}: {self.row.victim} killed {self.row.moment}"
        locks = "" if self.locks is None else f"{self.locks} locks, "
        figures = f"{self.jobs} jobs, {locks}{self.tries} tries more, {self.seconds:.0f} s"
        text = f"{how} {self.row.case}  {what:<62} {figures:<34} {self.row.again}"
        return "\n     ".join((text, *self.problems))

    def to_document(self) -> dict[str, object]:
        return asdict(self)


class Chaos:
    """A deployment, and what its graphs give when nobody disturbs them."""

    def __init__(self, deployment: Deployment, evidence: Path) -> None:
        self.deployment = deployment
        self.evidence = evidence
        self.undisturbed: dict[str, dict[str, str]] = {}
        self._rounds = 0
        self._money = Money(deployment) if deployment.up.chain else None

    def run_undisturbed(self) -> list[str]:
        """Each graph once, for its hashes, half of its nodes by way of the triggerer; the problems."""
        before, block = checks.all_jobs(self.deployment), self._block()
        runs = {f"undisturbed-{shape}": shape for shape in self.deployment.shapes}
        for run_id, shape in runs.items():
            pace = {shapes.ALL[shape][0][0]: SLOW}
            self.deployment.airflow.start(shapes.dag_id(shape), run_id, shapes.conf(pace, run_id))
        self._until_over(runs, lambda: None)
        self._settle(runs, {})
        jobs = _since(before, checks.all_jobs(self.deployment))
        problems, claimed = [], {}
        for run_id, shape in runs.items():
            ran = checks.of_run(self.deployment, shape, run_id, jobs, {})
            self.undisturbed[shape], claimed[run_id] = ran.hashes, ran.jobs
            problems += [f"{shape}: {problem}" for problem in ran.problems]
        problems += self._audit(block, runs, claimed).problems
        return problems + checks.left_over(self.deployment, jobs)

    def round(self, rows: list[Row]) -> list[Verdict]:
        """Run and disturb the graphs of these rows, and judge each."""
        deployment, began = self.deployment, time.monotonic()
        self._rounds += 1
        deployment.empty_buckets()
        before, block = checks.all_jobs(deployment), self._block()
        runs = {row: f"{row.case}-{self._rounds}" for row in rows}
        settling = {row: f"settling-{run_id}" for row, run_id in runs.items() if row.is_in_upkeep}
        self._arm({row: settling.get(row, run_id) for row, run_id in runs.items()})
        for row, run_id in runs.items():
            deployment.airflow.start(shapes.dag_id(row.shape), run_id, shapes.conf(row.pace, run_id))
        killing = _Killing(deployment, runs | settling)
        shape_of = {run_id: row.shape for row, run_id in runs.items()}
        ended = self._until_over(shape_of, killing.look)
        ended |= self._resume_when_expired(block, shape_of, killing.look)
        self._settle(shape_of, settling, killing.look)
        killing.release_all()
        deployment.wait_until_healthy()
        jobs = _since(before, checks.all_jobs(deployment))
        found = {
            row: checks.of_run(deployment, row.shape, run_id, jobs, self.undisturbed[row.shape])
            for row, run_id in runs.items()
        }
        books = self._audit(block, shape_of, {runs[row]: ran.jobs for row, ran in found.items()})
        common = [*checks.left_over(deployment, jobs), *books.problems]
        verdicts = []
        for row, ran in found.items():
            problems = [*ran.problems, *common, *killing.problems(row)]
            seconds = ended.get(runs[row], time.monotonic()) - began
            locks = books.locks[runs[row]] if shapes.is_paid(row.shape) else None
            took = round(seconds, 1)
            verdicts.append(Verdict(row, took, ran.tries, len(ran.jobs), tuple(problems), locks))
        if any(verdict.problems for verdict in verdicts):
            self._keep_evidence(rows, verdicts, jobs)
        for row, run_id in runs.items():
            if run_id not in ended:
                # It is judged, and is not to go on beside the next round's.
                patiently(partial(deployment.airflow.end, shapes.dag_id(row.shape), run_id))
        return verdicts

    def _arm(self, runs: Mapping[Row, str]) -> None:
        for row, run_id in runs.items():
            if row.point == MONEY_LOCKED:
                (self.deployment.folder / "armed" / "ocean-node").write_text(run_id)
            elif row.point:
                (self.deployment.folder / "armed" / run_id).write_text(json.dumps(row.order()))

    def _block(self) -> int:
        return self._money.block() if self._money else 0

    def _settle(
        self,
        runs: Mapping[str, str],
        disturbed: Mapping[Row, str],
        look: Callable[[], None] = lambda: None,
    ) -> None:
        """Runs of upkeep, those that are to be disturbed first, until nothing is open any more."""
        if self._money is None or not any(map(shapes.is_paid, runs.values())):
            return
        until = time.monotonic() + SETTLED_WITHIN_SECONDS
        waiting, number = list(disturbed.values()), 0
        while time.monotonic() < until and (waiting or not self._money.is_settled()):
            number += 1
            run_id = waiting.pop(0) if waiting else f"settling-{self._rounds}-{number}"
            patiently(partial(self.deployment.airflow.start, UPKEEP, run_id, {}))
            self._until_over({run_id: UPKEEP}, look)

    def _resume_when_expired(
        self, block: int, runs: Mapping[str, str], look: Callable[[], None]
    ) -> dict[str, float]:
        """Money that an Ocean Node locked for no job before it died fails a run until it comes back."""
        if self._money is None or not any(map(shapes.is_paid, runs.values())):
            return {}
        self.deployment.wait_until_healthy()
        if not self._money.let_expire(block, lambda: checks.all_jobs(self.deployment).values()):
            return {}
        again = {run_id: shape for run_id, shape in runs.items() if self._has_failed(shape, run_id)}
        for run_id, shape in again.items():
            self.deployment.airflow.resume(shapes.dag_id(shape), run_id)
        return self._until_over(again, look)

    def _has_failed(self, shape: str, run_id: str) -> bool:
        run = patiently(lambda: self.deployment.airflow.dag_run(shapes.dag_id(shape), run_id))
        return run.state == "failed"

    def _audit(
        self, block: int, runs: Mapping[str, str], jobs: Mapping[str, Mapping[str, ComputeJob]]
    ) -> Books:
        paid = {run_id: shape for run_id, shape in runs.items() if shapes.is_paid(shape)}
        if self._money is None or not paid:
            return Books()
        return self._money.audit(block, paid, {run_id: jobs[run_id] for run_id in paid})

    def _until_over(self, runs: Mapping[str, str], look: Callable[[], None]) -> dict[str, float]:
        """When each run (by id, with its shape) was over; those that are not in time are missing."""
        ended: dict[str, float] = {}
        until = time.monotonic() + LONGEST_SECONDS
        while len(ended) < len(runs) and time.monotonic() < until:
            look()
            for run_id, shape in runs.items():
                dag_id = UPKEEP if shape == UPKEEP else shapes.dag_id(shape)
                if run_id not in ended and self._is_over(dag_id, run_id):
                    ended[run_id] = time.monotonic()
            time.sleep(0.2)
        return ended

    def _is_over(self, dag_id: str, run_id: str) -> bool:
        try:
            return self.deployment.airflow.dag_run(dag_id, run_id).state in OVER
        except errors.StackError:
            return False  # the API server is being killed too

    def _keep_evidence(self, rows: list[Row], verdicts: list[Verdict], jobs: object) -> None:
        folder = self.evidence / f"{rows[0].case}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        text = "\n".join(verdict.line() for verdict in verdicts)
        (folder / "verdicts.txt").write_text(f"{text}\n{jobs}\n")
        shutil.copytree(self.deployment.up.home / "logs", folder / "logs", dirs_exist_ok=True)


class _Killing:
    """Kills what the rows of a round name, each at its moment."""

    def __init__(self, deployment: Deployment, runs: dict[Row, str]) -> None:
        self._deployment = deployment
        self._runs = runs
        self._waiting = set(runs)
        self._began = time.monotonic()
        self._first_reached = 0.0

    def look(self) -> None:
        """Called again and again while the runs are under way."""
        self._at_points()
        for row in [row for row in self._waiting if not row.point]:
            if time.monotonic() < self._began + row.after_seconds:
                continue
            chance = random.Random(f"{row.seed} {row.case} which")
            both = ("ocean-node", "ocean-node-2")
            has_both = row.victim == "ocean-node" and not shapes.is_paid(row.shape)
            victim = chance.choice(both) if has_both else row.victim
            # Between two tasks there is no worker to lose, and what is on its way back cannot be killed.
            if self._deployment.kill(victim, chance):
                self._waiting.discard(row)

    def _at_points(self) -> None:
        here = {
            row
            for row in self._waiting
            if row.point and (self._deployment.folder / "reached" / self._runs[row]).exists()
        }
        if not here:
            return
        now = time.monotonic()
        self._first_reached = self._first_reached or now
        waited_for = {row for row in self._waiting if row.point and not row.kills_itself}
        if here < waited_for and now < self._first_reached + SHARED_WITHIN_SECONDS:
            return
        killed = {victim for victim in sorted({_part(row) for row in here}) if self._kill_part(victim)}
        for row in (row for row in here if _part(row) in killed):
            (self._deployment.folder / "released" / self._runs[row]).touch()
            self._waiting.discard(row)
        self._first_reached = 0.0

    def _kill_part(self, victim: str) -> bool:
        return not victim or self._deployment.kill(victim, random.Random(0))

    def release_all(self) -> None:
        for run_id in self._runs.values():
            (self._deployment.folder / "released" / run_id).touch()

    def problems(self, row: Row) -> list[str]:
        if row not in self._waiting:
            return []
        return [f"nothing was killed for it: {row.moment} did not come, or there was nobody to kill"]


def _part(row: Row) -> str:
    """Who is to be killed; empty when that has happened by itself."""
    if row.kills_itself:
        return ""
    return shapes.ocean_node_of(row.shape, row.task) if row.victim == "ocean-node" else row.victim


def _since(before: dict[str, ComputeJob], now: dict[str, ComputeJob]) -> dict[str, ComputeJob]:
    return {name: job for name, job in now.items() if name not in before}
