# SPDX-License-Identifier: Apache-2.0
"""An Ocean Node in one process, for laptops and tests.

It answers the routes of an ocean-node 3.2.0 with the same bodies, words, limits and oddities, and it
really runs the algorithms it is given, in a sandbox instead of a Docker container. Given a chain it
indexes what is published there and is paid from the escrow with its own key; without one it runs free jobs
only, and says so as a real node without a chain does.

    settings     what can be set, with a real node's defaults
    server       the process: HTTP and engine in one asyncio loop
    routes/      HTTP → command, and how each route words a refusal
    commands/    what the node does for each protocol command
    engine       one step of each job per tick, from the queue to the results
    container    one sandboxed run of an algorithm; `isolation` says how it is shut in
    payments     the escrow as the node uses it: locks, claims, what is given back; `claims` says when
    indexer      what the chain says of assets, orders, escrow and access lists, into `index`
    version4     what the next major version answers differently
    faults       what tests can make it do wrong
    store        jobs, nonces, tokens and buckets in one SQLite file

What differs from a real node, on purpose: a sandbox ends with the node, files inside belong to uid
1000 throughout, `python:*` images run on this node's interpreter and other images are refused.
"""
