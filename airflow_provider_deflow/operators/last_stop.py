# SPDX-License-Identifier: Apache-2.0
"""What a task in a worker does about its job when it is told to end.

Airflow tells it in one way (`on_kill`), whoever is behind it. When a person ended the task, or its time is
over, the job is stopped; when the worker shuts down, the job is left for the next try. A person's word
leaves about five seconds before the process is killed, and nothing in a worker can go on after that: what
can be asked in them is asked, then an alarm says which job may still run where. `deflow_upkeep` stops it.

A job whose start was sent and not answered yet is found by the key it carries.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowTaskTimeout

from airflow_provider_deflow import errors
from airflow_provider_deflow.alarms import Alarm, raise_alarm
from airflow_provider_deflow.ledger import facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_deflow.job_search import NodeOfRun
    from airflow_provider_deflow.ledger.recorder import Recorder
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeJob

# Airflow kills the process five seconds after it was told to end; the alarm needs its part of them.
LAST_SECONDS = 3.0
# A timeout of Airflow's is not followed by a kill.
TIMED_OUT_SECONDS = 120.0
# Where no kill follows, a notifier's server may be slow.
TELLING_SECONDS = 10.0
PAUSE_SECONDS = 0.5
# States in which Airflow, not a person, let go of a task: the next try follows its job.
STILL_WANTED = frozenset({"running", "queued", "scheduled", "up_for_retry", "up_for_reschedule", "deferred"})

log = logging.getLogger(__name__)


def orphan(of_run: NodeOfRun, what: str, job_id: str, url: str) -> Alarm:
    """The alarm that a node's job may run, and nobody waits for it."""
    return Alarm(
        "orphan",
        what,
        dag_id=of_run.dag_id,
        run_id=of_run.run_id,
        task_id=of_run.node_id,
        map_index=of_run.map_index,
        job_id=job_id,
        ocean_node_url=url,
    )


@dataclass(slots=True)
class LastStop:
    """One job of a task, with all that stopping it needs: when it is to end, nothing can be prepared.

    :param job_id: empty while only the `key` of its start is known
    :param find: looks for that job, and gives None when it is certain that there will be none
    :param stopper: a client of its own, since the signal may have interrupted the task's in a request
    :param ledger: one that only writes to the spool, for the same reason
    """

    job_id: str
    url: str
    of_run: NodeOfRun
    stopper: OceanNode
    ledger: Recorder
    key: str
    find: Callable[[], ComputeJob | None]
    is_settled: bool = False

    def told_to_end(self) -> bool:
        """Stop the job, unless Airflow still wants the task; False, after an alarm: its end was not seen."""
        if isinstance(sys.exception(), AirflowTaskTimeout):
            return self._within(TIMED_OUT_SECONDS, "its execution_timeout has passed")
        return self._within(LAST_SECONDS, "")

    def _tell_of_orphan(self, why: str) -> None:
        """Raise the alarm that the job may still run, and nobody waits for it."""
        what = "it may still run" if self.job_id else f"a job whose key begins with {self.key[:8]} may run"
        alarm = orphan(self.of_run, f"{why}: {what}", self.job_id, self.url)
        # In a thread, for the same reason as below: a metric's or a notifier's lock may be held here.
        telling = threading.Thread(
            target=raise_alarm, args=(alarm,), kwargs={"ledger": self.ledger}, daemon=True
        )
        telling.start()
        telling.join(TELLING_SECONDS)

    def _within(self, seconds: float, why: str) -> bool:
        # In a thread: the signal may have interrupted what holds a lock that is needed here, and a request
        # to an Ocean Node that hangs cannot be cut short.
        settling = threading.Thread(target=self._settle, args=(why,), daemon=True)
        settling.start()
        settling.join(seconds)
        if not self.is_settled:
            self._tell_of_orphan(f"its task was ended, and its own end was not seen within {seconds:g} s")
        return self.is_settled

    def _settle(self, why: str) -> None:
        try:
            is_wanted = not why and self._still_wanted()
        except Exception as error:  # Airflow's, of its transport, or none that is told
            log.warning("Job %s: its task's state is not known: %s", self.job_id, type(error).__name__)
            return
        if is_wanted:
            log.info("Job %s: the worker shuts down: leaving it for the next try", self.job_id)
            self.ledger.record(facts.killed("the worker shuts down", self.job_id))
        elif not self._stop(why or "a person ended the task"):
            return
        self.is_settled = True

    def _still_wanted(self) -> bool:
        """Whether Airflow still holds this task to be running: then it is a shutdown, not a person."""
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        states = RuntimeTaskInstance.get_task_states(
            dag_id=self.of_run.dag_id,
            task_ids=[self.of_run.node_id],
            run_ids=[self.of_run.run_id],
            map_index=self.of_run.map_index,
        )
        return bool(STILL_WANTED & {str(state) for state in states.get(self.of_run.run_id, {}).values()})

    def _is_known(self) -> bool:
        """Whether there is a job to stop. Raises what the look for it raises."""
        if not self.job_id and (found := self.find()):
            self.job_id = found.job_id
        return bool(self.job_id)

    def _stop(self, why: str) -> bool:
        """Whether the job is over, or certain not to be there."""
        log.info("Job %s: %s: asking for its stop", self.job_id or f"of key {self.key[:8]}", why)
        self.ledger.record(facts.killed(why, self.job_id))
        try:
            if not self._is_known():
                log.info("No job came of the start with key %s", self.key[:8])
                return True
        except errors.DeflowError as error:
            log.warning("The job of key %s could not be looked for: %s", self.key[:8], error)
            return False
        seen: ComputeJob | None = None
        while seen is None or not seen.is_over:
            try:
                now = self.stopper.status(self.job_id)
                if now is None:
                    log.info("Job %s: is not there any more", self.job_id)
                    return True
                seen = now.seen_after(seen)
                if not seen.is_over:
                    self.stopper.stop(self.job_id)
                    time.sleep(PAUSE_SECONDS)
            except errors.OceanNodeError as error:
                log.warning("Job %s: could not ask for its stop: %s", self.job_id, error)
                time.sleep(PAUSE_SECONDS)
        log.info("Job %s: is over", self.job_id)
        self.ledger.record(facts.over(seen))
        return True
