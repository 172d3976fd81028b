# SPDX-License-Identifier: Apache-2.0
"""`deflow_upkeep` in a real Airflow: what it asks there, and that a job which nobody wants ends by it.

The first file of this folder, by its name: upkeep looks at every Ocean Node that had jobs in the last days,
and other tests leave many behind that are gone.
"""

from __future__ import annotations

import pymongo
import pytest

from airflow_provider_deflow import signing
from airflow_provider_deflow.job_search import METADATA_KEY
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Batch, Entry, Place, Run
from airflow_provider_deflow.ledger.store import LedgerStore
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.compute import JobRequest
from airflow_provider_deflow.stack.local_stack import DEVELOPMENT_KEY
from tests.e2e.conftest import Deployment
from tests.e2e.drawn import graph

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.timeout(600)]

CONTAINER = {"image": "python", "tag": "3.11", "checksum": "", "entrypoint": "python3 $ALGO"}
LONG = "import time; time.sleep(600)"


def test_a_job_that_a_finished_task_left_behind_is_stopped(deployment: Deployment) -> None:
    """As after a worker that died between the start it sent and the answer: the ledger has the intent."""
    dag_id = deployment.publish(graph("left-behind", "a"))
    run_id = deployment.run(dag_id)
    assert deployment.end_of(dag_id, run_id).run.state == "success"
    wallet = signing.KeySigner(DEVELOPMENT_KEY)
    node = OceanNode(deployment.up.ocean_node_url, wallet, requests_per_minute=600)
    algorithm = {"meta": {"rawcode": LONG, "container": CONTAINER}, "envs": {}}
    key, run = "c0ffee" + "0" * 58, Run(dag_id, run_id)
    account = {
        "ocean_node": deployment.up.ocean_node_url,
        "owner": wallet.address,
        "ocean_node_conn_id": "ocean_node_default",
        "wallet_conn_id": "ocean_wallet_default",
    }
    with pymongo.MongoClient(deployment.up.mongo_uri) as mongo:
        intent = Entry.of(run, Place("a"), facts.intent(key, account))
        LedgerStore(mongo["deflow"]).write(Batch(run, (intent,)))
        left = node.start_free(JobRequest(node.environments()[0].id, algorithm, metadata={METADATA_KEY: key}))

        upkeep = deployment.run("deflow_upkeep", {"dry_run": False})

        state = deployment.end_of("deflow_upkeep", upkeep)
        assert state.run.state == "success", deployment.why(state)
        assert {task.state for task in state.tasks} == {"success"}
        job = node.status(left.job_id)
        assert job is not None
        assert job.outcome == "stopped"
        ledger = LedgerStore(mongo["deflow"])
        done = [one["what"] for one in ledger.entries([run.id], [facts.UPKEEP])]
        assert [(one["action"], one["job_id"]) for one in done] == [
            ("stop asked", left.job_id),
            ("stopped", left.job_id),
        ]
