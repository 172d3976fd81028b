# SPDX-License-Identifier: Apache-2.0
"""Settings of the local node that the suite starts: the environments of the recorded one, and its chain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from airflow_provider_deflow.local_ocean_node.identity import load_identity
from airflow_provider_deflow.local_ocean_node.settings import ChainSettings, Fees, NodeSettings
from tests.local_ocean_node.running import RECORDED_ENVIRONMENT, fast
from tests.services import Chain

SOMEBODY_ELSE = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"
MAIN = replace(RECORDED_ENVIRONMENT, max_cpu=2, max_ram=4, max_disk=5)


def recorded(folder: Path, chain: Chain, **changes: Any) -> NodeSettings:
    """Main, free only, walled, paid only and of price zero; the node has gas to lock with."""

    def fees(price: float) -> tuple[Fees, ...]:
        return (Fees(chain.chain_id, chain.fee_token, (("cpu", price),)),)

    wall = (SOMEBODY_ELSE,)
    small = replace(MAIN, cpu=1, max_cpu=1)
    environments = (
        replace(MAIN, fees=fees(1)),
        replace(small, free_max_jobs=1),
        replace(small, fees=fees(2), addresses=wall, free_addresses=wall),
        replace(small, fees=fees(3), free=False),
        replace(small, fees=fees(0), free=False),
    )
    chain.give_gas(load_identity(folder).address)
    chains = (ChainSettings(chain.chain_id, chain.rpc_url, chain.address_file),)
    return fast(folder, **{"environments": environments, "chains": chains, **changes})
