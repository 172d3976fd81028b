# SPDX-License-Identifier: Apache-2.0
"""Why a contract refused, in its own words, and what to do about it.

A receipt says only that a transaction was reverted. The words come from calling the same again as of the
block that it is in.
"""

from __future__ import annotations

from web3 import Web3
from web3.exceptions import ContractLogicError, Web3Exception
from web3.types import TxParams, TxReceipt

from airflow_provider_deflow.errors import TransactionFailed

# A part of a contract's words, in lower case → what to do. The first that fits is said.
_ADVICE = {
    "payer does not have enough funds": "deposit more in the escrow, or reclaim what expired there",
    "exceeds maxlockedamount": "authorise the payee for a larger amount",
    "exceeds maxlockcounts": "authorise the payee for more locks, or wait until it has claimed some",
    "exceeds maxlockseconds": "authorise the payee for a longer time",
    "expiry too high": "authorise the payee for a longer time",
    "no auth found": "authorise the payee",
    "payer cannot be payee": "pay with another account than the Ocean Node's own",
    "jobid already exists": "the lock of this job is there already: look for it",
    "not enough available funds": "withdraw less: what is locked cannot be withdrawn",
    "not enough datatokens": "get a datatoken first: dispense or buy one",
    "provider signature check failed": "ask the Ocean Node for its fee anew",
    "invalid provider fee": "ask the Ocean Node for its fee anew: it was valid for a time only",
    "consumer signature check failed": "sign with the account that orders",
    "dispenser not active": "the publisher gives it away no more: buy a datatoken",
    "not allowed to request": "the publisher gives it to one account only",
    "caller balance too high": "use the datatoken that the account has",
    "not enough reserves": "the dispenser is empty: ask the publisher",
    "too many base": "the price has risen: quote again",
    "exchange does not exist": "it is sold elsewhere now: quote again",
    "not metadata_role": "use the account that owns the data NFT, or one it made a metadata updater",
    "not nftowner": "use the account that owns the data NFT",
    "not minter": "use an account that may mint: the publisher's",
    "cap exceeded": "no more datatokens of this kind can be made",
    "insufficient allowance": "approve the amount for the contract first",
    "exceeds balance": "the account has too little of the token: top it up",
}


def explained(words: str) -> str:
    """The words, with what to do when that is known."""
    advice = next((advice for part, advice in _ADVICE.items() if part in words.lower()), None)
    return f"{words}; {advice}" if advice else words


def reverted(web3: Web3, receipt: TxReceipt) -> TransactionFailed:
    """What to raise for the receipt of a reverted transaction."""
    transaction_hash = Web3.to_hex(receipt["transactionHash"])
    words = _words(web3, receipt)
    return TransactionFailed(
        f"transaction {transaction_hash} was reverted in block {receipt['blockNumber']} — "
        f"{explained(words)}. Its gas is spent; nothing else was done",
        words=words,
    )


def _words(web3: Web3, receipt: TxReceipt) -> str:
    try:
        transaction = web3.eth.get_transaction(receipt["transactionHash"])
        again: TxParams = {
            "from": transaction["from"],
            "to": transaction["to"],
            "data": transaction["input"],
            "value": transaction["value"],
            "gas": transaction["gas"],
        }
        # What others did before it in the same block may be the reason: ask after the block, then before.
        for block in (receipt["blockNumber"], receipt["blockNumber"] - 1):
            try:
                web3.eth.call(again, block)
            except ContractLogicError as error:
                return str(error.message or error)
    except (Web3Exception, KeyError):
        return "the endpoint does not say why"
    if receipt["gasUsed"] >= transaction["gas"]:
        return "it ran out of gas"
    return "the contract would take it now"
