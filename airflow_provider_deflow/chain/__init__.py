# SPDX-License-Identifier: Apache-2.0
"""Ocean's contracts over JSON-RPC: what pays, who ordered, what was published.

    rpc           the way to a chain, with timeouts, and errors that show no key
    networks      a chain's id and where Ocean's contracts are on it
    contracts     the contracts' ABIs, from the package `ocean-contracts`
    transactions  who sends, and one key in this process that does
    reverts       why a contract refused, and what to do
    wallet        an account that many processes send with, each transaction once
    lanes         which transaction has which nonce; a Protocol for what keeps it
    delivery      what a lane keeps, brought into a block
    fees          what gas is paid with, up to a cap
    policy        what a wallet may sign at all
    units         tokens ↔ base units; an `int` is base units, a `Decimal` whole tokens, everywhere
    events        what the contracts said in a range of blocks
    data_nft      an asset's contract: made, described
    datatoken     what an order of an asset pays with
    obtaining     a datatoken to order with: had, given away, or bought up to a price
    tokens        what any token says of itself, and paying a contract with one
    escrow        funds, authorisations and locks of paid compute
    escrow_account  a payer's side of it, each step told by the escrow's events
    deployment    all contracts on a chain of one's own

web3 takes a second to import: these modules are imported where a chain is really talked to.
"""

import sys

# py_ecc, deep below web3, lets the whole process recurse 100 000 calls deep when it is imported; JSON that
# a stranger nested as deep would then end the process instead of being refused.
_limit = sys.getrecursionlimit()
import web3  # noqa: E402, F401

sys.setrecursionlimit(_limit)
