# SPDX-License-Identifier: Apache-2.0
"""Bringing back what Ocean Nodes locked and never claimed, for a Dag that runs now and then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.operators.faults import told_to_airflow

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_deflow.chain.escrow_account import Held


class EscrowReclaimOperator(BaseOperator):
    """Reclaims the expired locks of one account in the escrow; trying again reclaims nothing twice.

    :param wallet_conn_id: connection of the account that paid
    :param token: address of the fee token; Ocean's own on that chain when not given
    :param payees: accounts of Ocean Nodes; all that were ever authorised when not given
    :param dry_run_only: say what is expired and sign nothing

    It returns the locks that came back (with `dry_run_only`: that would), amounts in base units.
    """

    template_fields: Sequence[str] = ("wallet_conn_id", "token", "payees")
    ui_color = "#fef3c7"

    def __init__(
        self,
        *,
        wallet_conn_id: str = OceanWalletHook.default_conn_name,
        token: str | None = None,
        payees: Sequence[str] | None = None,
        dry_run_only: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wallet_conn_id = wallet_conn_id
        self.token = token
        self.payees = payees
        self.dry_run_only = dry_run_only

    def execute(self, context: Context) -> list[dict[str, str]]:
        """Reclaim, and say of each lock what came of it."""
        from airflow_provider_deflow.chain.escrow_account import EscrowAccount

        with told_to_airflow():
            hook = OceanWalletHook(self.wallet_conn_id)
            network = hook.network()
            account = EscrowAccount(hook.wallet(), network)
            token = self.token or network.address("Ocean")
            expired = account.expired(self.payees or account.payees(token), token)
            for held in expired:
                self.log.info(
                    "Lock of job %s by %s is expired: %s base units of %s",
                    *(held.lock.job_id, held.payee, held.lock.amount, token),
                )
            came = expired if self.dry_run_only else account.reclaim(expired)
            verb = "would be" if self.dry_run_only else "were"
            self.log.info("%d of %d expired lock(s) %s reclaimed", len(came), len(expired), verb)
            return [_returned(held) for held in came]


def _returned(held: Held) -> dict[str, str]:
    # As text: a job's id is a hash, and amounts are beyond what every reader of JSON takes.
    return {
        "payee": held.payee,
        "job_id": str(held.lock.job_id),
        "token": held.lock.token,
        "amount": str(held.lock.amount),
    }
