# SPDX-License-Identifier: Apache-2.0
"""Assets that edges published go out of use, when they are past retention and no run needs them any more.

Said on the chain, by the wallet that published them, for the gas of one small transaction each: whoever lists
the account's assets sees which of them are done with. Nothing hangs on it. An Ocean Node goes on serving an
asset at the end of its life, so whoever holds its DID is not disturbed; and an edge that hands the same files
over again puts it back into use.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowNotFoundException

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ocean import ddo
from airflow_provider_deflow.upkeep.needed import RUNS_AT_ONCE, runs_in_use

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_deflow.chain.networks import Network
    from airflow_provider_deflow.chain.wallet import Wallet
    from airflow_provider_deflow.upkeep.fate import Airflow
    from airflow_provider_deflow.upkeep.known import Desk

    Asset = Mapping[str, Any]

# Each waits for its block; the next day's run does the rest.
MOST_AT_ONCE = 50
RETIRED = "retired an asset"
_COIN_DECIMALS = 18
# These are about the wallet, not about one asset.
_OF_THE_WALLET = (errors.InsufficientFunds, errors.GasTooDear, errors.ChainUnreachable, errors.WrongChain)


def retire_assets(desk: Desk, airflow: Airflow, graphs: Iterable[str], retention: timedelta) -> None:
    """Those that were handed over last before `retention`. `graphs` are documents: what they name stays."""
    old = _past(desk, desk.now - retention)
    if not old:
        return
    texts = list(graphs)
    in_use = _in_use(desk, airflow, desk.now - retention)
    by_wallet: defaultdict[str, list[Asset]] = defaultdict(list)
    for asset in old:
        did = asset["_id"]
        if did not in in_use and not any(did in text for text in texts):
            by_wallet[asset["wallet_conn_id"]].append(asset)
    for conn_id, assets in by_wallet.items():
        try:
            _of_wallet(desk, conn_id, assets)
        except (errors.DeflowError, AirflowNotFoundException) as error:
            desk.say(f"{len(assets)} asset(s) of {conn_id!r} stay as they are, the rest of them: {error}")


def _past(desk: Desk, since: datetime) -> list[Asset]:
    """What was handed over before, and not retired since."""
    handed = desk.ledger.latest_of_dids(facts.HANDOVER, ("data_nft", "owner", "wallet_conn_id"))
    retired = {one["_id"]: one["at"] for one in desk.ledger.latest_of_dids(facts.UPKEEP)}
    never = datetime.min.replace(tzinfo=UTC)
    return [
        one
        for one in handed
        if one["at"] < since and retired.get(one["_id"], never) < one["at"] and one.get("data_nft")
    ]


def _in_use(desk: Desk, airflow: Airflow, since: datetime) -> set[str]:
    runs = runs_in_use(desk.ledger, airflow, since)
    return {
        str(entry["what"].get("did"))
        for start in range(0, len(runs), RUNS_AT_ONCE)
        for entry in desk.ledger.entries(runs[start : start + RUNS_AT_ONCE], [facts.HANDOVER])
    }


def _of_wallet(desk: Desk, conn_id: str, assets: Sequence[Asset]) -> None:
    hook = OceanWalletHook(conn_id)
    wallet, network = hook.wallet(), hook.network()
    for asset in assets[:MOST_AT_ONCE]:
        _require_ours(asset, wallet, network)
        try:
            _retire(desk, asset, wallet)
        except _OF_THE_WALLET:
            raise
        except errors.DeflowError as error:
            desk.say(f"look at {asset['_id']} yourself: {error}")


def _require_ours(asset: Asset, wallet: Wallet, network: Network) -> None:
    """The connection may name another account or chain by now, and a development chain begins anew."""
    if wallet.address.lower() != str(asset["owner"]).lower():
        raise errors.SettingsError(f"it is {wallet.address} by now, and {asset['owner']} published them")
    if ddo.did_of(asset["data_nft"], network.chain_id) != asset["_id"]:
        raise errors.SettingsError(f"it pays on chain {network.chain_id} by now, and they are on another")


def _retire(desk: Desk, asset: Asset, wallet: Wallet) -> None:
    from airflow_provider_deflow.chain.data_nft import DataNft, MetadataState, hash_of, in_words
    from airflow_provider_deflow.chain.units import to_tokens

    did, contract = asset["_id"], DataNft(wallet.web3, asset["data_nft"])
    # Handed over again, it may have to end once more.
    purpose = f"end of life of {did} after {asset['entry']}"
    state = MetadataState(contract.state())
    if state != MetadataState.ACTIVE and not wallet.sent_for(purpose):
        desk.say(f"{did} is {in_words(state)} already")
        desk.tell(facts.upkeep(RETIRED, f"it is {in_words(state)}", did=did))
        return
    why = f"handed over last on {asset['at']:%Y-%m-%d}, and no run needs it since"
    if desk.dry_run:
        gas = contract.gas_of_state(wallet.address, MetadataState.END_OF_LIFE)
        coins = to_tokens(gas * wallet.web3.eth.gas_price, _COIN_DECIMALS).normalize()
        desk.say(f"end the life of {did}, for at most {gas} gas, {coins:f} coins now: {why}")
        return
    receipt: Any = wallet.confirm(contract.set_state(wallet, MetadataState.END_OF_LIFE, purpose=purpose))
    wei = int(receipt["gasUsed"]) * int(receipt["effectiveGasPrice"])
    coins = to_tokens(wei, _COIN_DECIMALS).normalize()
    desk.say(f"end the life of {did}, for {receipt['gasUsed']} gas, {coins:f} coins: {why}")
    desk.tell(facts.upkeep(RETIRED, why, did=did, transaction=hash_of(receipt), gas_wei=str(wei)))
