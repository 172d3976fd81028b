# SPDX-License-Identifier: Apache-2.0
"""Jobs that are looked at while they move: one that is stopped, and one that waits for its turn.

A story runs once per session and keeps what was answered on the way; the tests look at one answer each.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import requests

from tests.conformance import programs
from tests.conformance.session import Account, Record, Run

# More jobs than that are not started to fill an environment.
MOST_FILLERS = 4


@dataclass
class Stopped:
    """A job that prints for a while, is asked about, and is stopped by its owner."""

    run: Run
    results_while_running: list[Record]
    log_while_running: requests.Response
    strangers_stop: requests.Response
    after_strangers_stop: Record
    stop: Record
    followed: list[requests.Response] = field(default_factory=list)
    live: bytes = b""
    strangers_live: bytes = b""


def stop_a_job(alice: Account, stranger: Account, seconds_between_lines: float) -> Stopped:
    run = alice.start(programs.PRINTS_SLOWLY % seconds_between_lines).wait_until_running()
    heard: dict[str, bytes] = {}
    followed: list[requests.Response] = []
    # Requests of one account are signed in an order, and one that comes after a later one is refused.
    answered = threading.Semaphore(0)

    def follow(who: Account) -> None:
        with who.live_logs(run.job_id, stream=True) as reply:
            followed.append(reply)
            answered.release()
            heard[who.address] = b"".join(reply.iter_content(None)) if reply.status_code == 200 else b""

    followers = [threading.Thread(target=follow, args=(who,)) for who in (alice, stranger)]
    for follower in followers:
        follower.start()
        assert answered.acquire(timeout=60)
    results = run.poll()["results"]
    (index,) = (entry["index"] for entry in results if entry["type"] == "configurationLog")
    log = alice.result(run.job_id, index)
    strangers_stop = stranger.stop(run.job_id)
    after = run.poll()
    # All lines are there before it is stopped.
    _wait_for_lines(run, seconds_between_lines)
    stop = run.stop()
    run.wait()
    for follower in followers:
        follower.join(60)
    return Stopped(
        run=run,
        results_while_running=results,
        log_while_running=log,
        strangers_stop=strangers_stop,
        after_strangers_stop=after,
        stop=stop,
        followed=followed,
        live=heard.get(alice.address, b""),
        strangers_live=heard.get(stranger.address, b""),
    )


def _wait_for_lines(run: Run, seconds_between_lines: float) -> None:
    with run.who.live_logs(run.job_id, stream=True) as reply:
        content = b""
        for chunk in reply.iter_content(None):
            content += chunk
            if b"warn 3\n" in content:
                return
    raise AssertionError(f"the live log ended without the last line: {content!r}")


@dataclass
class Queued:
    """What happens while an environment is full."""

    refusal: requests.Response
    environment: Record
    expired: Run
    started: Record
    waiting: Record
    stop: Record
    after_stop: Record
    run: Run


def wait_in_the_queue(alice: Account, most_cpus: float, expiry_seconds: float) -> Queued | None:
    """None if a few jobs do not fill the environment."""
    fillers: list[Run] = []
    try:
        refusal = _fill(alice, most_cpus, fillers)
        if refusal is None:
            return None
        cpus = [{"id": "cpu", "amount": most_cpus}]
        run = alice.start(programs.SLEEPS, queueMaxWaitTime=600, resources=cpus)
        waiting = run.poll()
        expired = alice.run("print(1)", queueMaxWaitTime=expiry_seconds, resources=cpus)
        environment = next(one for one in alice.node.environments() if one["id"] == alice.environment)
        stop = run.stop()
        alice.node.pause()
        after_stop = run.poll()
        # They occupy the environment until they have been stopped.
        for filler in fillers:
            filler.stop()
        run.wait()
        return Queued(refusal, environment, expired, run.started, waiting, stop, after_stop, run)
    finally:
        for filler in fillers:
            if not filler.poll()["dateFinished"]:
                filler.stop()
                filler.wait()


def _fill(alice: Account, most_cpus: float, fillers: list[Run]) -> requests.Response | None:
    while len(fillers) < MOST_FILLERS:
        reply = alice.ask_for(programs.SLEEPS, resources=[{"id": "cpu", "amount": most_cpus}])
        if reply.status_code != 200:
            return reply
        fillers.append(Run(alice, reply.json()[0]).wait_until_running())
    return None
