# SPDX-License-Identifier: Apache-2.0
"""The `ocean_node` connection: where an Ocean Node is and how often it may be asked.

A real Ocean Node allows 30 requests a minute and address; `requests_per_minute` says what this one
allows. The allowance and the nonces are shared by all processes of a host through small files below
`AIRFLOW_HOME/deflow/`, so that tasks running side by side do not outrun each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

from airflow_provider_deflow import errors, http, metrics
from airflow_provider_deflow.hooks import settings
from airflow_provider_deflow.ocean import client

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.sdk import Connection

    from airflow_provider_deflow.job_images import Images
    from airflow_provider_deflow.ocean.connection import Observer
    from airflow_provider_deflow.signing import Signer

REQUESTS_PER_MINUTE = 30
POLL_INTERVAL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class OceanNodeSettings:
    """What an `ocean_node` connection says."""

    url: str
    requests_per_minute: int = REQUESTS_PER_MINUTE
    poll_interval_seconds: float = POLL_INTERVAL_SECONDS
    # Whether the images of paid jobs are looked for, and which registries may be asked that are not public.
    check_images: bool = True
    registries: tuple[str, ...] = ()


class OceanNodeHook(BaseHook):
    """Clients for the Ocean Node of a connection."""

    conn_name_attr = "ocean_node_conn_id"
    default_conn_name = "ocean_node_default"
    conn_type = "ocean_node"
    hook_name = "Ocean Node"

    def __init__(self, ocean_node_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.ocean_node_conn_id = ocean_node_conn_id

    def settings(self) -> OceanNodeSettings:
        """The connection's settings. Raises `SettingsError` when a field is missing or malformed."""
        return settings_of(self.get_connection(self.ocean_node_conn_id))

    async def async_settings(self) -> OceanNodeSettings:
        """Like `settings`, from inside the triggerer's event loop."""
        return settings_of(await self.aget_connection(self.ocean_node_conn_id))

    def client(self, signer: Signer | None = None, observe: Observer | None = None) -> client.OceanNode:
        """A client that signs with `signer`; without one, only unsigned calls work.

        `observe` is told of its requests, and counts them; without one they are counted.
        """
        return worker_client(self.settings(), signer, observe)

    def test_connection(self) -> tuple[bool, str]:
        """What the *Test* button says: version and free environments, or why the node is out of reach."""
        try:
            node = self.client()
            version = node.version()
            free = sum(environment.is_free for environment in node.environments())
        except errors.DeflowError as error:
            return False, str(error)
        return True, f"Ocean Node {version}, {free} compute environment(s) with free jobs"


def worker_client(
    node: OceanNodeSettings, signer: Signer | None = None, observe: Observer | None = None
) -> client.OceanNode:
    """As `OceanNodeHook.client`, of settings that were already looked up."""
    return client.OceanNode(
        node.url,
        signer,
        state_folder=state_folder(),
        requests_per_minute=node.requests_per_minute,
        observe=observe or metrics.requested,
    )


def async_client(node: OceanNodeSettings, signer: Signer | None = None) -> client.AsyncOceanNode:
    """A client for the triggerer, which must not block."""
    return client.AsyncOceanNode(
        node.url,
        signer,
        state_folder=state_folder(),
        requests_per_minute=node.requests_per_minute,
        observe=metrics.requested,
    )


def images(node: OceanNodeSettings, say: Callable[[str], None]) -> Images | None:
    """What looks for the images of its paid jobs; None where the connection leaves that to the Ocean Node."""
    from airflow_provider_deflow.job_images import Images

    return Images(state_folder(), http.Targets.of(node.registries), say) if node.check_images else None


def settings_of(connection: Connection) -> OceanNodeSettings:
    """The settings of a connection that was already looked up."""
    extra = connection.extra_dejson
    try:
        return OceanNodeSettings(
            url=_url(connection),
            requests_per_minute=int(extra.get("requests_per_minute") or REQUESTS_PER_MINUTE),
            poll_interval_seconds=float(extra.get("poll_interval_seconds") or POLL_INTERVAL_SECONDS),
            check_images=_is_on(extra.get("check_images")),
            registries=_listed(extra.get("registries")),
        )
    except (TypeError, ValueError) as error:
        raise errors.SettingsError(
            f"connection {connection.conn_id!r} (ocean_node): {error}. "
            "requests_per_minute and poll_interval_seconds are numbers, check_images is true or false, "
            "registries are hosts with commas between."
        ) from None


def state_folder() -> Path:
    """Where the processes of this host share allowance and nonces."""
    folder = settings.home() / "ocean_nodes"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _is_on(written: object) -> bool:
    """A checkbox that was never seen is on."""
    if written in (None, "", True, False):
        return written is not False
    if str(written).lower() in ("true", "false"):
        return str(written).lower() == "true"
    raise ValueError(f"check_images is {written!r}")


def _listed(written: object) -> tuple[str, ...]:
    """From JSON a list, from Airflow's form a text."""
    if isinstance(written, (list, tuple)):
        return tuple(str(one).strip() for one in written)
    return tuple(one.strip() for one in str(written or "").split(",") if one.strip())


def _url(connection: Connection) -> str:
    host = (connection.host or "").rstrip("/")
    if not host:
        raise errors.SettingsError(
            f"connection {connection.conn_id!r} (ocean_node) has no host. Put the Ocean Node's URL there, "
            "such as https://node.example:8001."
        )
    if "://" in host:
        return host
    port = f":{connection.port}" if connection.port else ""
    return f"{connection.schema or 'http'}://{host}{port}"
