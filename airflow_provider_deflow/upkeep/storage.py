# SPDX-License-Identifier: Apache-2.0
"""Stored contents and bucket files that nothing needs any more go, when they are past retention."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_deflow import errors, handover
from airflow_provider_deflow.ocean import bucket_routes, clearing
from airflow_provider_deflow.upkeep.needed import hashes, needed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_deflow.ocean.bucket_routes import BucketFile
    from airflow_provider_deflow.ocean.clearing import Contents
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.job_records import JobRecord
    from airflow_provider_deflow.upkeep.fate import Airflow
    from airflow_provider_deflow.upkeep.known import Account, Desk, Known

TOO_YOUNG = "the ledger does not reach back far enough to say what is needed: nothing is deleted"


def clear_storage(
    desk: Desk, airflow: Airflow, graphs: Iterable[str], contents: Contents, retention: timedelta
) -> None:
    """Delete what was put before `retention` and is needed by nothing since. `graphs` are their documents."""
    since = desk.now - retention
    old = [one for one in contents if one.modified < since.timestamp()]
    crashes = contents.left_by_crashes(desk.now.timestamp() - clearing.INCOMING_SECONDS)
    for path in crashes:
        desk.say(f"delete {path}, which a crash left")
        if not desk.dry_run:
            path.unlink(missing_ok=True)
    if not old:
        return
    wanted = needed(desk.ledger, airflow, graphs, contents, since)
    if wanted is None:
        desk.say(TOO_YOUNG)
        return
    for one in old:
        if one.kind == "notes":
            with one.path.open("rb") as file:
                is_needed = bool(hashes(file.read().decode(errors="replace")) & wanted)
        else:
            is_needed = one.name in wanted
        if not is_needed and (desk.dry_run or contents.remove(one)):
            desk.say(
                f"delete {one.kind}/{one.name}, {one.size} bytes: no run since {since:%Y-%m-%d} needs it"
            )


def clear_buckets(
    desk: Desk,
    known: Known,
    airflow: Airflow,
    graphs: Iterable[str],
    contents: Contents,
    retention: timedelta,
) -> None:
    """Delete files of handovers that nothing since `retention` needs, in the buckets that are DeFlow's own.

    They are copies: what is wanted again is uploaded again. Only a job that runs has to keep its own, and
    what another ledger's runs have uploaded with this wallet is theirs to judge.
    """
    since = desk.now - retention
    old: dict[Account, list[tuple[str, BucketFile]]] = {}

    def look(account: Account, client: OceanNode, records: list[JobRecord]) -> None:
        for bucket in client.buckets(account.owner):
            if bucket.label != handover.BUCKET_LABEL or bucket.owner.lower() != account.owner.lower():
                continue
            files = {
                bucket_routes.upload(bucket.bucket_id, file.name).path: file
                for file in client.bucket_files(bucket.bucket_id)
                # Where no time is told, nothing is old.
                if hashes(file.name) and file.modified and file.modified < since.timestamp()
            }
            ours = desk.ledger.requested(files)
            old.setdefault(account, []).extend(
                (bucket.bucket_id, file) for path, file in files.items() if path in ours
            )

    known.each_account(look)
    if not any(old.values()):
        return
    # Asked when all files are listed: what a run has handed over meanwhile is among what it needs.
    wanted = needed(desk.ledger, airflow, graphs, contents, since)
    if wanted is None:
        desk.say(TOO_YOUNG)
        return

    def clear(account: Account, client: OceanNode, records: list[JobRecord]) -> None:
        running = [one for one in records if not one.job.is_over]
        if any(one.datasets is None for one in running):
            return  # this Ocean Node does not show what its jobs read
        in_use = hashes(json.dumps([one.datasets for one in running], default=str))
        for bucket_id, file in old.get(account, ()):
            if file.name in wanted | in_use:
                continue
            desk.say(f"delete {file.name}, {file.size} bytes, of bucket {bucket_id} on {account.url}")
            if not desk.dry_run:
                _delete(client, bucket_id, file.name)

    known.each_account(clear)


def _delete(client: OceanNode, bucket_id: str, name: str) -> None:
    try:
        client.delete_bucket_file(bucket_id, name)
    except errors.RequestRejected as error:
        if "not found" not in error.words.lower():  # somebody else deleted it
            raise
