# SPDX-License-Identifier: Apache-2.0
"""`deflow_upkeep`: what no task looks after any more.

The ledger says which jobs, outputs and bucket files there are and whose they are; Airflow says what became
of their tasks; the Ocean Nodes say what became of the jobs. Without the ledger nothing is stopped and
nothing is deleted. Each step may be repeated, and what one run cannot do the next one does.

    known     the jobs that the ledger knows, and the accounts they are in
    fate      whether a task still wants its job, asked of Airflow
    orphans   jobs whose task is final are stopped
    stalls    jobs whose status has not changed for long are reported, or stopped
    expiry    results that no task fetched are fetched before they expire
    needed    which contents a run or a graph may still ask for
    storage   stored contents and bucket files that nothing needs go
    dag       the steps as a Dag
"""
