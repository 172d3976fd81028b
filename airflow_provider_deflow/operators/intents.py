# SPDX-License-Identifier: Apache-2.0
"""A start is told to the ledger before it is sent.

Then `deflow_upkeep` can tell whose a job is by the key that the job carries, though the try that started
it ended before it heard of it. What the try itself does when it is told to end has to know it as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow import jobs
from airflow_provider_deflow.ledger import facts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_deflow.ledger.recorder import Recorder


@dataclass(frozen=True, slots=True)
class TellingMemory:
    """A task's memory: its intents to start a job reach the ledger too, and all it knows of a job `know`."""

    memory: jobs.Memory
    ledger: Recorder
    account: Mapping[str, str]
    know: Callable[[Mapping[str, Any]], None]

    def get(self, key: str, default: Any = None) -> Any:
        """As the memory itself."""
        return self.memory.get(key, default)

    def set(self, key: str, value: Any) -> None:
        """As the memory itself, first."""
        self.memory.set(key, value)
        if key != jobs.MEMORY_KEY:
            return
        if value["job_id"] is None and value["sent_at"]:
            self.ledger.record(facts.intent(value["key"], self.account))
        self.know(value)
