# SPDX-License-Identifier: Apache-2.0
"""The moments of the money path: of a paid start, of any transaction, of an asset, and of upkeep.

Beside `chaos_points`, which runs this file in the processes of tasks that pay; it stands alone as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

IN_A_PAID_START = (
    "plan reserved",
    "money reserved",
    "paid start sent",
    "paid start answered",
    "lock seen",
)
IN_A_TRANSACTION = (
    "transaction signed",
    "transaction kept",
    "transaction sent",
    "transaction confirmed",
)
IN_PUBLISHING = ("data NFT minted", "metadata set", "asset indexed")
IN_UPKEEP = ("lock settled", "authorisation revoked")
MONEY_POINTS = (*IN_A_PAID_START, *IN_A_TRANSACTION, *IN_PUBLISHING, *IN_UPKEEP)

# Who was killed holds the wallet's lease until it ends: Airflow's times are shortened here, so is this one.
LEASE_SECONDS = 45.0


def wrap_what_pays(wrap: Callable[..., None], reached: Callable[[str], None]) -> None:
    """By `wrap(owner, name, after=…)`, in the process of one task, just before it is executed."""
    import requests

    from airflow_provider_deflow.chain import data_nft, funding
    from airflow_provider_deflow.chain.delivery import Delivery
    from airflow_provider_deflow.chain.wallet import Wallet
    from airflow_provider_deflow.job_locks import Locks
    from airflow_provider_deflow.ledger.lanes import MongoLanes
    from airflow_provider_deflow.ledger.leases import Leases
    from airflow_provider_deflow.ledger.reservations import Reservations
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.publishing.announcing import Announcer

    def at(point: str) -> Callable[..., None]:
        return lambda *_, **__: reached(point)

    def after_reserving(*_: Any, state: str = "reserved", **__: Any) -> None:
        reached("plan reserved" if state == "planned" else "money reserved")

    def after_sending(_: Any, request: Any, **__: Any) -> None:
        if request.method == "POST" and request.url.endswith("/compute"):
            reached("paid start sent")

    wrap(Reservations, "reserve", after=after_reserving)
    wrap(Reservations, "settle", after=at("lock settled"))
    wrap(Wallet, "_sign", after=at("transaction signed"))
    wrap(MongoLanes, "add", after=at("transaction kept"))
    wrap(Delivery, "push", after=at("transaction sent"))
    wrap(Wallet, "confirm", after=at("transaction confirmed"))
    wrap(requests.Session, "send", after=after_sending)
    wrap(OceanNode, "start_paid", after=at("paid start answered"))
    wrap(Locks, "found", after=at("lock seen"))
    wrap(data_nft, "create", after=at("data NFT minted"))
    wrap(data_nft.DataNft, "set_metadata", after=at("metadata set"))
    wrap(Announcer, "wait", after=at("asset indexed"))
    wrap(funding, "revoke", after=at("authorisation revoked"))
    held: Any = Leases.held
    held.__wrapped__.__kwdefaults__["seconds"] = LEASE_SECONDS
