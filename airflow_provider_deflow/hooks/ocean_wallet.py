# SPDX-License-Identifier: Apache-2.0
"""The `ocean_wallet` connection: one account, whose key never leaves the signer made here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

from airflow_provider_deflow import errors, signing

if TYPE_CHECKING:
    from airflow.sdk import Connection


class OceanWalletHook(BaseHook):
    """Signs for the account of an `ocean_wallet` connection (its key is the connection's password)."""

    conn_name_attr = "wallet_conn_id"
    default_conn_name = "ocean_wallet_default"
    conn_type = "ocean_wallet"
    hook_name = "Ocean wallet"

    def __init__(self, wallet_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.wallet_conn_id = wallet_conn_id

    def signer(self) -> signing.Signer:
        """The account's signer. Raises `SettingsError` when the connection holds no usable key."""
        return signer_of(self.get_connection(self.wallet_conn_id))

    async def async_signer(self) -> signing.Signer:
        """Like `signer`, from inside the triggerer's event loop."""
        connection = await self.aget_connection(self.wallet_conn_id)
        # The first signer of a process imports for about a second.
        return await asyncio.to_thread(signer_of, connection)

    def test_connection(self) -> tuple[bool, str]:
        """What the *Test* button says: the account's address, or why there is none."""
        try:
            return True, f"signs as {self.signer().address}"
        except errors.SettingsError as error:
            return False, str(error)


def signer_of(connection: Connection) -> signing.Signer:
    """The signer of a connection that was already looked up."""
    if not connection.password:
        raise errors.SettingsError(
            f"connection {connection.conn_id!r} (ocean_wallet) has no private key. "
            "Put the key into its password field."
        )
    return signing.KeySigner(connection.password)
