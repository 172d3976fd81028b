# SPDX-License-Identifier: Apache-2.0
"""The `[deflow]` section of Airflow's configuration, read in one place.

What each option means is declared in `provider_info`; defaults stand here once and are read from there.
"""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import conf

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import choosing

SECTION = "deflow"
MONGO_CONN_ID = "deflow_mongo"
MONGO_DATABASE = "deflow"
RETENTION_DAYS = 365


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


def storage_conn_id() -> str | None:
    """The Airflow connection that opens the storage, when it needs one."""
    return conf.get(SECTION, "storage_conn_id", fallback="") or None


def alarm_notifiers() -> list[str]:
    """Import paths of the notifiers that are told of alarms."""
    return str(conf.get(SECTION, "alarm_notifiers", fallback="")).replace(",", " ").split()
