# SPDX-License-Identifier: Apache-2.0
"""The `[deflow]` section of Airflow's configuration, read in one place.

What each option means is declared in `provider_info`; defaults stand here once and are read from there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, cast

from airflow.sdk import conf

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import choosing

SECTION = "deflow"
MONGO_CONN_ID = "deflow_mongo"
MONGO_DATABASE = "deflow"
RETENTION_DAYS = 365
BUCKET_RETENTION_DAYS = 30
UPKEEP_SCHEDULE = "*/5 * * * *"


def home() -> Path:
    """The folder below AIRFLOW_HOME that is DeFlow's on this host."""
    return Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser() / "deflow"


def mongo_conn_id() -> str:
    """The Airflow connection of the MongoDB that keeps the graphs."""
    return str(conf.get(SECTION, "mongo_conn_id", fallback=MONGO_CONN_ID))


def storage_url() -> str:
    """Where outputs and uploads are kept: an ObjectStoragePath URL, the same on all hosts."""
    configured = conf.get(SECTION, "storage", fallback="")
    return str(configured) or f"file://{home() / 'storage'}"


def environment_policy() -> choosing.Policy:
    """How a compute environment is chosen for a node that names none."""
    return choosing.policy_named(
        str(conf.get(SECTION, "environment_policy", fallback="free")), f"[{SECTION}] environment_policy"
    )


def ledger_retention_days() -> int:
    """How long the ledger keeps an entry; 0 for ever."""
    written = str(conf.get(SECTION, "ledger_retention_days", fallback=str(RETENTION_DAYS)))
    if not written.isdigit():
        raise errors.SettingsError(
            f"[{SECTION}] ledger_retention_days is {written!r}: write a number of days."
        )
    return int(written)


def storage_retention_days() -> int:
    """How long stored contents stay that nothing needs; 0 for ever."""
    return _retention_days("storage_retention_days", ledger_retention_days())


def bucket_retention_days() -> int:
    """The same for copies in buckets."""
    return _retention_days(
        "bucket_retention_days", min(BUCKET_RETENTION_DAYS, ledger_retention_days() or BUCKET_RETENTION_DAYS)
    )


def asset_retention_days() -> int:
    """How long after its last handover an edge's asset stays in use; 0 for ever, since its end costs gas."""
    return _retention_days("asset_retention_days", 0)


def _retention_days(option: str, default: int) -> int:
    """Raises `SettingsError` when it is longer than the ledger knows what runs need."""
    days, known = _number(option, default), ledger_retention_days()
    if 0 < known < days:
        raise errors.SettingsError(
            f"[{SECTION}] {option} is {days}, ledger_retention_days is {known}: what the ledger has "
            "forgotten it cannot say to be needed. Make the first at most as large as the second."
        )
    return days


def upkeep_schedule() -> str:
    """When `deflow_upkeep` runs, as a cron line; empty: when it is triggered."""
    return str(conf.get(SECTION, "upkeep_schedule", fallback=UPKEEP_SCHEDULE)).strip()


def upkeep_dry_run() -> bool:
    """Whether `deflow_upkeep` only says what it would do."""
    return conf.getboolean(SECTION, "upkeep_dry_run", fallback=False)


def stuck_jobs() -> Literal["report", "stop"]:
    """What is done about a job that stalls."""
    written = str(conf.get(SECTION, "stuck_jobs", fallback="report"))
    if written in ("report", "stop"):
        return cast("Literal['report', 'stop']", written)
    raise errors.SettingsError(f"[{SECTION}] stuck_jobs is {written!r}: write report or stop.")


def stall_minutes() -> int:
    """A job does not stall before its status has been the same for so long."""
    return _number("stall_minutes", 30)


def expiry_notice_hours() -> int:
    """How long before an Ocean Node deletes them results are looked after."""
    return _number("expiry_notice_hours", 24)


def _number(option: str, default: int) -> int:
    written = str(conf.get(SECTION, option, fallback="")) or str(default)
    if not written.isdigit():
        raise errors.SettingsError(f"[{SECTION}] {option} is {written!r}: write a whole number.")
    return int(written)


def storage_conn_id() -> str | None:
    """The Airflow connection that opens the storage, when it needs one."""
    return conf.get(SECTION, "storage_conn_id", fallback="") or None


def asset_files_conn_id() -> str:
    """The connection of the GitHub repository that files handed over as assets are put into; "" for none."""
    return str(conf.get(SECTION, "asset_files_conn_id", fallback="")).strip()


def alarm_notifiers() -> list[str]:
    """Import paths of the notifiers that are told of alarms."""
    return str(conf.get(SECTION, "alarm_notifiers", fallback="")).replace(",", " ").split()
