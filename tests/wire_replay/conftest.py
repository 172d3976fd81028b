# SPDX-License-Identifier: Apache-2.0
"""Local Ocean Nodes set up as the recorded one was, one of each kind for all replays."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_deflow.local_ocean_node.settings import ChainSettings, NodeSettings
from tests import services
from tests.local_ocean_node.paying import RECORDED_TOKEN, environments, running_paid_node
from tests.local_ocean_node.running import fast
from tests.services import Chain
from tests.wire_replay.file_server import running_file_server
from tests.wire_replay.on_chain import OnChain
from tests.wire_replay.recordings import Recording, read
from tests.wire_replay.replay import Replay

IMAGES = {
    "repo.test:5000/c2d-base": "python",
    "repo.test:5000/c2d-once": "python",
    "repo.test:5001/slow/c2d-base": "python",
    "repo.test:5001/gone/c2d-base": "python",
}
RECORDED_ESCROW = "0x0DCd1Bf9A1b36cE34237eEaFef220932846BCD82"
# Slow enough to see a job's short statuses.
TICK_SECONDS = 0.2

# Kinds of nodes: what of their settings is not as usual.
NODES: dict[str, dict[str, Any]] = {
    "usual": {"unsafe_urls": ()},
    "bare": {"persistent_storage": False, "index": False},
    "limited": {"requests_per_minute": 3},
    "one free job": {"free_max_jobs": 1},
    "slow": {"tick_seconds": 1.2},
    "settling": {"claim_interval_seconds": 0.1},
}


# Asked after the payment cron.
SETTLED = {
    "stop-finished",
    "status-direct",
    "status-owner-and-id",
    "paid-raw-settled",
    "paid-reuse-settled",
}


# Looked at in their short statuses.
WATCHED = {"user-stop", "stop-in-pull", "slow-pull"}


def kind_of_node(recording: Recording) -> str:
    if recording.name.startswith("no-db-"):
        return "bare"
    if recording.name.startswith("rate-limit-"):
        return "limited"
    if recording.name.startswith(("one-free-", "too-many-free")) and recording.file == "queue":
        return "one free job"
    if recording.file == "job-timeline" or (recording.file == "jobs" and recording.series in WATCHED):
        return "slow"
    return "settling" if recording.file == "jobs-settled" or recording.name in SETTLED else "usual"


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """One that no other tests pay on: who has nothing in the escrow is a part of what was recorded."""
    with services.chain(tmp_path_factory.mktemp("replayed-chain")) as one:
        yield one


@pytest.fixture(scope="session")
def replay_of(
    tmp_path_factory: pytest.TempPathFactory, chain: Chain
) -> Iterator[Callable[[Recording], Replay]]:
    """The replay of a recording's file on the kind of node it needs, made when it is first asked for."""
    with ExitStack() as stack:
        files = stack.enter_context(running_file_server())

        @cache
        def node(kind: str) -> OnChain:
            folder = tmp_path_factory.mktemp(kind.replace(" ", "-"))
            with small_machine():
                url = stack.enter_context(running_paid_node(chain, settings_of(kind, folder, chain)))
            return OnChain(chain, url, {**names_of(url, chain), **IMAGES, "file.test:8098": files})

        @cache
        def of_file(file: str, kind: str) -> Replay:
            return Replay(node(kind))

        yield lambda recording: of_file(recording.file, kind_of_node(recording))


@contextmanager
def small_machine() -> Iterator[None]:
    """For a node that is put together meanwhile: as the recorded one, it has fewer cores than all its
    environments together want.
    """
    with pytest.MonkeyPatch.context() as patch:
        affinity = getattr(os, "sched_getaffinity", lambda _: {0, 1})
        cores = sorted(affinity(0))[:2]
        patch.setattr(os, "sched_getaffinity", lambda _: set(cores), raising=False)
        yield


def settings_of(kind: str, folder: Path, chain: Chain) -> NodeSettings:
    changes = dict(NODES[kind])
    is_indexing = changes.pop("index", True)
    most = {"free_max_jobs": changes.pop("free_max_jobs")} if "free_max_jobs" in changes else {}
    return fast(
        folder,
        **{
            "chains": (ChainSettings(chain.chain_id, chain.rpc_url, chain.address_file, is_indexing),),
            "environments": environments(chain.fee_token, **most),
            "tick_seconds": TICK_SECONDS,
            "test_routes": True,
            **changes,
        },
    )


def names_of(url: str, chain: Chain) -> dict[str, str]:
    """The recorded node's address, environments and cluster, its token and escrow, and this node's."""
    recorded = read("environments")[0]["response"]["body"]["json"]
    local = requests.get(f"{url}/api/services/computeEnvironments", headers={"x-forwarded-for": "0"}).json()
    names = {theirs["id"]: ours["id"] for theirs, ours in zip(recorded, local, strict=True)}
    names[recorded[0]["id"].split("-")[0]] = local[0]["id"].split("-")[0]
    names[recorded[0]["consumerAddress"]] = local[0]["consumerAddress"]
    for theirs, ours in ((RECORDED_TOKEN, chain.fee_token), (RECORDED_ESCROW, chain.addresses["Escrow"])):
        names |= {theirs: ours, theirs.lower(): ours.lower()}
    return names
