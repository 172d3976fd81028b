# SPDX-License-Identifier: Apache-2.0
"""Which job a try has to stop when it is told to end: none yet, that of a start that was sent, a known one.

A try can be told to end at any moment. What it would stop then is prepared as soon as there is something to
stop, which is before a start is sent: a job may live from there on, though nobody has heard of it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.job_search import Search
from airflow_provider_deflow.operators.last_stop import LastStop, log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_deflow.operators.work import Work


class Stops:
    """The stop of one try's job, as far as the job is known."""

    def __init__(self) -> None:
        self._last: LastStop | None = None
        self._is_left_to_do = False

    def know(self, work: Work, remembered: Mapping[str, Any]) -> None:
        """`remembered` is what `jobs` keeps of the node's job; empty when there is none."""
        job_id, sent_at = remembered.get("job_id") or "", remembered.get("sent_at")
        if not job_id and not sent_at:
            self._last = None
            return
        url = remembered.get("url") or work.url
        stopper = work.stopper(url)
        search = Search(
            stopper, work.signer, work.of_run, work.inputs_sha256, lambda _: "", log.info, time.sleep
        )
        key = remembered.get("key") or ""
        self._last = LastStop(
            job_id,
            url,
            work.of_run,
            stopper,
            work.ledger.aside(),
            key=key,
            find=lambda: search.look_until_certain(key, float(sent_at or 0.0)),
        )
        if job_id and self._is_left_to_do:
            self._is_left_to_do = not self._last.told_to_end()

    def told_to_end(self) -> None:
        """Stop the job, or leave it for the next try, whatever `LastStop` finds to be meant.

        A job that is not known yet, or whose end was not seen, is dealt with when it is known.
        """
        self._is_left_to_do = self._last is None or not self._last.told_to_end()
