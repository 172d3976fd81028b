# SPDX-License-Identifier: Apache-2.0
"""What happens in a run, as facts for the ledger; `history` reads them again.

Names and shapes are ours alone: a reply, a request's body or a query is never put in whole, so what is
secret in them stays out. Amounts of paid jobs will be facts too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_deflow import errors
from airflow_provider_deflow.ledger.entry import MAX_RAW_TEXT, MAX_TEXT, Fact, cleaned

if TYPE_CHECKING:
    from airflow_provider_deflow.graphs.selection import Selection
    from airflow_provider_deflow.ocean.compute import ComputeJob
    from airflow_provider_deflow.ocean.routes import Route

SELECTED = "selection"
INPUTS = "inputs"
BEGAN = "attempt began"
ENDED = "attempt ended"
KILLED = "attempt told to end"
REQUEST = "request"
JOB = "job"
STATE = "job state"
OVER = "job over"
LOG = "log"
OUTPUTS = "outputs"
KEPT = "outputs kept"
HANDOVER = "handover"
TRANSACTION = "transaction"
PUBLISHED = "published"
RESULTS = "results"
ALARM = "alarm"
INTENT = "intent"
UPKEEP = "upkeep"

# Requests that change something or bring something. Looks are many, and their answers are states.
_RECORDED = frozenset(
    {"start a free job", "start a paid job", "stop a job", "job result", "upload", "create a bucket"}
)
LOG_LINES = 50

Role = Literal["node", "edge", "asset", "results"]
Ending = Literal["succeeded", "skipped", "failed", "to be tried again"]


def began(role: Role, try_number: int, revision: int | None = None, graph_sha256: str = "") -> Fact:
    what = {"role": role, "revision": revision, "graph_sha256": graph_sha256}
    return Fact(BEGAN, what, key=f"try {try_number}")


def selected(selection: Selection) -> Fact:
    """What each node does in a run that was asked for in part."""
    what = {
        "asked": selection.asked,
        "runs": selection.runs,
        "reused": selection.reused,
        "skipped": selection.skipped,
    }
    return Fact(SELECTED, what, key="selection")


def inputs(sha256: str, fields: Sequence[tuple[str, str]]) -> Fact:
    """What a try of a node is to compute: the hash of all that decides it, and one of each field.

    Of hashes alone, for what is in a field may be secret: a file's URL, an environment variable.
    """
    return Fact(INPUTS, {"sha256": sha256, "fields": fields})


def ended(how: Ending, error: BaseException | None = None) -> Fact:
    """The end of a try; an error of ours says whose turn it is."""
    what: dict[str, Any] = {"how": how}
    if error is not None:
        what["error"] = type(error).__name__
        what["message"] = str(error)
        what["fault"] = error.fault if isinstance(error, errors.DeflowError) else ""
    return Fact(ENDED, what)


def killed(why: str, job_id: str) -> Fact:
    return Fact(KILLED, {"why": why, "job_id": job_id})


def request(route: Route[Any], url: str, error: Exception | None) -> Fact | None:
    """One request and what became of it; None for one that is not worth an entry."""
    if route.name not in _RECORDED:
        return None
    status = 200 if error is None else getattr(error, "status", None)
    return Fact(
        REQUEST,
        {
            "request": route.name,
            "ocean_node": url,
            # Never the query: nonce and signature are in it.
            "path": route.path,
            "job_id": route.query.get("jobId", ""),
            "answer": "ok" if error is None else type(error).__name__,
            "status": status,
            "words": "" if error is None else getattr(error, "words", "") or str(error),
        },
    )


def stop_asked(job_id: str, ocean_node: str, error: str, at: datetime) -> Fact:
    """A stop that a trigger asked for, `error` empty when the Ocean Node took it."""
    what = {"request": "stop a job", "ocean_node": ocean_node, "job_id": job_id}
    return Fact(REQUEST, {**what, "answer": "refused or lost" if error else "ok", "words": error}, at=at)


def intent(key: str, account: Mapping[str, str]) -> Fact:
    """A start that is sent next, with the key that its job will carry; `account` as for `job`."""
    return Fact(INTENT, {"key": key, **account}, key=key)


def upkeep(action: str, why: str, **more: Any) -> Fact:
    """What `deflow_upkeep` did, in the past tense, and why."""
    return Fact(UPKEEP, {"action": action, "why": why, **more})


def job(
    job: ComputeJob,
    ocean_node: str,
    how: str,
    why: str,
    generation: int,
    hashes: Mapping[str, str],
    account: Mapping[str, str] | None = None,
) -> Fact:
    """The job that answers for a node: `how` is started, followed or reused, `why` says what for.

    `account` names the Ocean Node and the wallet as Airflow's connections do.
    """
    return Fact(
        JOB,
        {
            "job_id": job.job_id,
            "ocean_node": ocean_node,
            **(account or {}),
            "environment": job.environment,
            "owner": job.owner,
            "how": how,
            "why": why,
            "generation": generation,
            "free": job.is_free,
            "resources": [[name, amount] for name, amount in job.resources.items()],
            "max_duration_seconds": job.max_duration_seconds,
            "created": job.created,
            "hashes": hashes,
        },
    )


def state(job_id: str, status: int, text: str, at: datetime | None = None) -> Fact:
    """The first time that a job was seen in a state."""
    what = {"job_id": job_id, "status": status, "text": text.strip()}
    key = f"{job_id} {status}"
    return Fact(STATE, what, key) if at is None else Fact(STATE, what, key, at)


def watched(job_id: str, ocean_node: str, looks: Iterable[Sequence[Any]]) -> list[Fact]:
    """What a trigger saw, ("state", epoch seconds, number, text), and did, ("stop", epoch seconds, error)."""
    found = []
    for look in looks:
        at = datetime.fromtimestamp(look[1], UTC)
        if look[0] == "state":
            found.append(state(job_id, look[2], look[3], at))
        else:
            found.append(stop_asked(job_id, ocean_node, look[2], at))
    return found


def over(job: ComputeJob) -> Fact:
    return Fact(
        OVER,
        {
            "job_id": job.job_id,
            "outcome": job.outcome,
            "because": job.ended_because,
            "status": job.final_status,
            "exit_code": job.exit_code,
            "started": job.algo_started,
            "stopped": job.algo_stopped,
            "finished": job.finished,
        },
        key=job.job_id,
    )


def log(job_id: str, name: str, lines: Sequence[str]) -> Fact:
    """The end of a log, its last lines and not more than fit."""
    # Cleaned before it is cut: half a signature is not known for one.
    text = cleaned("\n".join(lines[-LOG_LINES:])[-MAX_RAW_TEXT:])
    return Fact(LOG, {"job_id": job_id, "log": name, "end": text[-MAX_TEXT:]}, key=f"{job_id} {name}")


def outputs(job_id: str, sha256: str, files: Sequence[tuple[str, int, str]], record: str) -> Fact:
    """What a node left: `sha256` of the list, `files` as (name, bytes, sha256), its record's hash."""
    return Fact(
        OUTPUTS,
        {
            "job_id": job_id,
            "sha256": sha256,
            "record": record,
            **_files(files),
        },
    )


def kept(job_id: str, sha256: str, run_id: str) -> Fact:
    """Outputs that an earlier try or run had for the same inputs: nobody was asked for anything."""
    return Fact(KEPT, {"job_id": job_id, "sha256": sha256, "run_id": run_id})


def handover(
    handed: Mapping[str, Any],
    sha256: str,
    target: str,
    ocean_node: str,
    seconds: float,
    account: Mapping[str, str],
) -> Fact:
    """What one edge brought; `handed` is a `Handed` as a document, kept under `sha256`.

    `account` says whose an asset is, by which upkeep finds it again.
    """
    asset = {"did": handed["did"], "data_nft": handed["data_nft"], **account} if handed.get("did") else {}
    return Fact(
        HANDOVER,
        {
            "source": handed["source"],
            "target": target,
            "mode": handed["mode"],
            "ocean_node": ocean_node,
            "bucket_id": handed["bucket_id"],
            **asset,
            "sha256": sha256,
            **_files(handed["files"]),
            "seconds": round(seconds, 3),
        },
    )


def transaction(what: str, receipt: Mapping[str, Any]) -> Fact:
    """One that was sent for the task, by this try or one before, as its block has it; `what` it was for."""
    transaction_hash = f"0x{bytes(receipt['transactionHash']).hex()}"
    gas_used = int(receipt["gasUsed"])
    return Fact(
        TRANSACTION,
        {
            "what": what,
            "hash": transaction_hash,
            "block": int(receipt["blockNumber"]),
            "gas_used": gas_used,
            "gas_wei": str(gas_used * int(receipt["effectiveGasPrice"])),
        },
        key=transaction_hash,
    )


def published(
    asset: Mapping[str, str], role: str, ocean_node: str, owner: str, files: Iterable[tuple[str, str]]
) -> Fact:
    """An asset as it stands; `asset` names its DID, contracts and transactions.

    `files` are the sha256 of those whose content was at hand, each with its name; never where they are.
    """
    listed = [list(file) for file in files]
    return Fact(PUBLISHED, {**asset, "role": role, "ocean_node": ocean_node, "owner": owner, "files": listed})


def results(archive: str, manifest: str, files: int, size: int) -> Fact:
    return Fact(RESULTS, {"archive": archive, "manifest": manifest, "count": files, "bytes": size})


def alarm(kind: str, what: str, job_id: str, ocean_node: str) -> Fact:
    """Something a person was told of."""
    return Fact(ALARM, {"alarm": kind, "what": what, "job_id": job_id, "ocean_node": ocean_node})


def _files(files: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """How many and how much of all; the names, sizes and hashes of as many as an entry holds."""
    return {
        "count": len(files),
        "bytes": sum(size for _, size, _ in files),
        "files": [list(file) for file in files],
    }
