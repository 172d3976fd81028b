# SPDX-License-Identifier: Apache-2.0
"""What happened to a run, kept longer than the Ocean Node keeps its jobs and Airflow its logs.

A run's history is a heap of entries: one fact each, with its time, added and never changed. What is
shown of a run is computed from them. So entries may come late, twice and in any order, and a writer
needs to know nothing of what was written before.

    entry       what one entry says, cut to a size and cleaned of secrets
    facts       the things that happen, as entries' contents
    store       MongoDB: entries and runs, with an age at which they go
    spool       what MongoDB could not take, until somebody brings it there
    recorder    writes entries for one task: never raises, never hangs
    history     all entries of a run as one document

Beside it, since it is kept in the same place:

    lanes       the nonce lanes of the wallets
"""
