# SPDX-License-Identifier: Apache-2.0
"""What Airflow learns on install: connection types with their forms, operators, settings, plugin.

Only data, so that listing providers imports nothing of ours. A test compares it with what is there.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_deflow import __version__

_PACKAGE = "airflow_provider_deflow"
_INTEGRATION = "DeFlow"


def get_provider_info() -> dict[str, Any]:
    """The provider's description, in the schema of Airflow's `provider_info.schema.json`."""
    return {
        "package-name": "airflow-provider-deflow",
        "name": _INTEGRATION,
        "description": "Graphs of Ocean compute-to-data jobs, drawn by people, run by Airflow.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://docs.oceanprotocol.com",
                "tags": ["service"],
            }
        ],
        "operators": [_modules("operators", "compute", "escrow_reclaim", "handover", "publish", "results")],
        "sensors": [_modules("sensors", "ocean_job")],
        "hooks": [_modules("hooks", "ledger", "ocean_node", "ocean_wallet", "store")],
        "triggers": [_modules("triggers", "ocean_job")],
        "bundles": [{"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.bundle"]}],
        "connection-types": [_ocean_node(), _ocean_wallet()],
        "extra-links": [
            f"{_PACKAGE}.links.OceanAssetLink",
            f"{_PACKAGE}.links.OceanJobLink",
            f"{_PACKAGE}.links.OceanNodeLink",
        ],
        "notifications": [f"{_PACKAGE}.notifications.FailureAlarm"],
        "plugins": [{"name": "deflow", "plugin-class": f"{_PACKAGE}.plugin.DeflowPlugin"}],
        "config": {"deflow": {"description": "DeFlow: graphs of Ocean compute jobs.", "options": _options()}},
    }


def _modules(kind: str, *names: str) -> dict[str, Any]:
    return {
        "integration-name": _INTEGRATION,
        "python-modules": [f"{_PACKAGE}.{kind}.{name}" for name in names],
    }


def _ocean_node() -> dict[str, Any]:
    return {
        "connection-type": "ocean_node",
        "hook-name": "Ocean Node",
        "hook-class-name": f"{_PACKAGE}.hooks.ocean_node.OceanNodeHook",
        "ui-field-behaviour": {
            "hidden-fields": ["schema", "login", "password", "port", "extra"],
            "relabeling": {"host": "URL"},
            "placeholders": {"host": "https://node.example:8001"},
        },
        "conn-fields": {
            "requests_per_minute": {
                "label": "Requests per minute",
                "description": "How many the Ocean Node allows one address; its own default is 30.",
                "schema": {"type": ["integer", "null"], "default": 30, "minimum": 1},
            },
            "poll_interval_seconds": {
                "label": "Seconds between looks",
                "description": "How often the jobs there are looked at, all in one request.",
                "schema": {"type": ["number", "null"], "default": 10, "exclusiveMinimum": 0},
            },
            "check_images": {
                "label": "Look for images",
                "description": "Ask an image's registry for it before a job there is paid.",
                "schema": {"type": ["boolean", "null"], "default": True},
            },
            "registries": {
                "label": "Registries",
                "description": "Hosts with commas between: registries of yours that are not public.",
                "schema": {"type": ["string", "null"]},
            },
        },
    }


def _ocean_wallet() -> dict[str, Any]:
    return {
        "connection-type": "ocean_wallet",
        "hook-name": "Ocean wallet",
        "hook-class-name": f"{_PACKAGE}.hooks.ocean_wallet.OceanWalletHook",
        "ui-field-behaviour": {
            "hidden-fields": ["host", "schema", "login", "port", "extra"],
            "relabeling": {"password": "Private key"},
            "placeholders": {"password": "0x and 64 hexadecimal digits"},
        },
        "conn-fields": {
            "rpc_url": {
                "label": "RPC URL",
                "description": "JSON-RPC of the chain this account pays on. Empty: it only signs requests.",
                "schema": {"type": ["string", "null"], "format": "password"},
            },
            "chain_id": {
                "label": "Chain id",
                "description": "Checked against the RPC endpoint before anything is signed.",
                "schema": {"type": ["integer", "null"], "minimum": 1},
            },
            "address_file": {
                "label": "Address file",
                "description": "Where Ocean's contracts are, on a chain that is none of Ocean's own.",
                "schema": {"type": ["string", "null"]},
            },
            "ocean_nodes": {
                "label": "Ocean Nodes it trusts",
                "description": "URLs with commas between: the account is used on no other. Empty: on all.",
                "schema": {"type": ["string", "null"]},
            },
            "max_fee_gwei": {
                "label": "Most gwei for gas",
                "description": "The most it pays for a unit of gas. Empty: what the market asks.",
                "schema": {"type": ["number", "null"], "exclusiveMinimum": 0},
            },
            "confirmations": {
                "label": "Confirmations",
                "description": "Blocks that a transaction is deep before it counts.",
                "schema": {"type": ["integer", "null"], "default": 1, "minimum": 1},
            },
        },
    }


def _options() -> dict[str, Any]:
    return {
        "mongo_conn_id": {
            "description": "Connection (type mongo) of the MongoDB that keeps the graphs, a replica set.",
            "version_added": "0.1.0",
            "type": "string",
            "example": None,
            "default": "deflow_mongo",
        },
        "storage": {
            "description": "Where outputs and uploads are kept, as an object storage URL that all workers "
            "and the api-server reach. Empty: a folder below AIRFLOW_HOME.",
            "version_added": "0.1.0",
            "type": "string",
            "example": "s3://bucket/deflow",
            "default": "",
        },
        "environment_policy": {
            "description": "How a compute environment is chosen for a node that names none, among those that "
            "fit: free (the first free one), cheapest, or fastest (idle, most cpu to spare).",
            "version_added": "0.1.0",
            "type": "string",
            "example": "fastest",
            "default": "free",
        },
        "ledger_retention_days": {
            "description": "How many days the ledger keeps what happened in a run; 0 for ever.",
            "version_added": "0.1.0",
            "type": "integer",
            "example": "30",
            "default": "365",
        },
        "alarm_notifiers": {
            "description": "Who is told of alarms (a node failed, a job stalls, a result expires, a job is "
            "nobody's): import paths of notifiers, or of what makes one, separated by commas.",
            "version_added": "0.1.0",
            "type": "string",
            "example": "my_alarms.mail, my_alarms.slack",
            "default": "",
        },
        "storage_retention_days": {
            "description": "How many days stored outputs are kept that no graph needs, and no run since "
            "then; 0 for ever. Empty: as ledger_retention_days, than which it must not be more.",
            "version_added": "0.1.0",
            "type": "string",
            "example": "90",
            "default": "",
        },
        "bucket_retention_days": {
            "description": "The same for copies in buckets of Ocean Nodes, which are uploaded again when "
            "they are wanted. Empty: 30 days.",
            "version_added": "0.1.0",
            "type": "string",
            "example": "7",
            "default": "",
        },
        "asset_retention_days": {
            "description": "How many days after its last handover an asset that edges published is said to "
            "be at the end of its life: one small transaction each, paid by the wallet that published it. 0 "
            "or empty: never.",
            "version_added": "0.1.0",
            "type": "string",
            "example": "90",
            "default": "",
        },
        "upkeep_schedule": {
            "description": "When the Dag deflow_upkeep runs, as a cron line; empty: when it is triggered.",
            "version_added": "0.1.0",
            "type": "string",
            "example": "*/15 * * * *",
            "default": "*/5 * * * *",
        },
        "upkeep_dry_run": {
            "description": "Whether deflow_upkeep only says what it would do.",
            "version_added": "0.1.0",
            "type": "boolean",
            "example": "True",
            "default": "False",
        },
        "stuck_jobs": {
            "description": "What deflow_upkeep does about a job whose status has not changed for three times "
            "as long as ever before: report, or stop as well.",
            "version_added": "0.1.0",
            "type": "string",
            "example": "stop",
            "default": "report",
        },
        "stall_minutes": {
            "description": "How long a status may last in any case before the job counts as stuck.",
            "version_added": "0.1.0",
            "type": "integer",
            "example": "120",
            "default": "30",
        },
        "expiry_notice_hours": {
            "description": "How long before their Ocean Node deletes them results are fetched that no task "
            "has fetched.",
            "version_added": "0.1.0",
            "type": "integer",
            "example": "48",
            "default": "24",
        },
        "asset_files_conn_id": {
            "description": "Connection (type github or http) of a GitHub repository from which Ocean Nodes "
            "fetch what edges hand over as assets. Empty: from DeFlow's storage, by URLs that end.",
            "version_added": "0.1.0",
            "type": "string",
            "example": "github_files",
            "default": "",
        },
        "storage_conn_id": {
            "description": "Connection that opens the storage, when it needs one.",
            "version_added": "0.1.0",
            "type": "string",
            "example": "aws_default",
            "default": "",
        },
    }
