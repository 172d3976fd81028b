# SPDX-License-Identifier: Apache-2.0
"""How a job ended.

The table crosses every status a node can give, and some it cannot, with every way an algorithm can
end. Its expectations are the rules of RULES, first match wins, written down apart from the code.
Then the recorded jobs of a real node, each with the outcome it really had. Left out: how a job is
fetched (test_client.py).
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import dataclass, replace

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean.compute import STATUS_TEXTS, ComputeJob

CLUSTER = "0xff1004b67de08fc505fbf0a2089010d0f23015338c7def8557697513c4a39935"
BARE_ID = "67911b85e1b7c8095ad6f5ca1f28676e19f681fbf287c79e38b0bcf33c151f45"
OUTPUT = {"filename": "outputs.tar", "filesize": 1536, "type": "output", "index": 0}


def reply(**changes) -> dict:
    """A job that succeeded, as a status reply tells it."""
    return {
        "owner": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "jobId": BARE_ID,
        "dateCreated": "1795293241.936",
        "dateFinished": "1795293253.444",
        "status": 71,
        "statusText": "Job settling",
        "results": [OUTPUT],
        "environment": f"{CLUSTER}-0x0b48",
        "stopRequested": False,
        "resources": [{"id": "cpu", "amount": 1}],
        "isFree": True,
        "algoStartTimestamp": "1795293246.38",
        "algoStopTimestamp": "1795293246.414",
        "metadata": {"deflow": "key"},
        "terminationDetails": {"exitCode": 0, "OOMKilled": False},
        "maxJobDuration": 600,
        **changes,
    }


@dataclass(frozen=True)
class Case:
    status: int
    exit_code: int | None
    oom: bool
    stop: str  # "no", "some time", "before the end", "after the end"
    whole_time: bool
    finished: bool
    has_output: bool


UNKNOWN_STATUSES = (-1, 3, 43, 63, 72, 99)

RULES = [
    (lambda c: not c.finished and c.status != 70, None),
    (lambda c: c.stop == "before the end", "stopped"),
    (lambda c: c.oom, "failed"),
    (lambda c: c.status in (70, 71) and c.exit_code == 0 and c.has_output, "succeeded"),
    (lambda c: c.exit_code in (137, 143) and c.whole_time, "failed"),
    (lambda c: c.exit_code in (137, 143) and c.stop == "some time", "stopped"),
    (lambda c: c.exit_code is None and c.status in (11, 13) and c.stop == "some time", "stopped"),
    (lambda c: True, "failed"),
]


def every_case():
    return itertools.starmap(
        Case,
        itertools.product(
            [*STATUS_TEXTS, *UNKNOWN_STATUSES],
            [None, 0, 1, 3, 137, 143],
            [False, True],
            ["no", "some time", "before the end", "after the end"],
            [False, True],
            [False, True],
            [False, True],
        ),
    )


def job_of(case: Case) -> ComputeJob:
    job = ComputeJob.from_reply(
        reply(
            status=case.status,
            statusText=STATUS_TEXTS.get(case.status, "Something new"),
            dateFinished="1795293253.444" if case.finished else None,
            terminationDetails={"exitCode": case.exit_code, "OOMKilled": case.oom},
            stopRequested=case.stop != "no",
            algoStartTimestamp="1000.5",
            algoStopTimestamp="1600.5" if case.whole_time else "1600.4",
            results=[OUTPUT] if case.has_output else [],
        )
    )
    known = {"before the end": True, "after the end": False}
    return replace(job, stopped_before_end=known.get(case.stop))


def test_every_status_and_every_end_has_the_outcome_of_the_rules():
    counted = Counter()
    for case in every_case():
        expected = next(outcome for rule, outcome in RULES if rule(case))
        job = job_of(case)
        assert job.outcome == expected, case
        assert job.is_over == (expected is not None), case
        counted[expected] += 1
    assert sum(counted.values()) == 30 * 6 * 2 * 4 * 2 * 2 * 2
    # 70 and 71, exit 0, no OOM, output there; stop not before the end; either run time; 70 also unfinished.
    assert counted["succeeded"] == 3 * 3 * 2


def test_every_case_is_told_in_one_sentence_with_a_hint_where_something_can_be_done():
    for case in every_case():
        job = job_of(case)
        assert job.ended_because.startswith("It ")
        assert job.ended_because.endswith(".")
        assert "None" not in job.ended_because
        assert bool(job.hint) == (job.outcome == "failed"), case


@pytest.mark.parametrize(
    ("started", "why", "hint"),
    [
        (
            "0",
            "the algorithm could not be put into its container",
            "If it has a URL, the Ocean Node must reach it",
        ),
        (
            "1000.5",
            "its container was gone when the Ocean Node came back",
            "A fault of the Ocean Node, which lost",
        ),
    ],
    ids=["before it ran", "after it ran"],
)
def test_status_32_blames_a_url_only_while_there_may_be_one(started, why, hint):
    """An Ocean Node that was killed ends jobs so, of inline code too."""
    job = ComputeJob.from_reply(
        reply(
            status=32,
            statusText="Algorithm provisioning failed",
            algoStartTimestamp=started,
            terminationDetails={"exitCode": None, "OOMKilled": None},
        )
    )
    assert job.ended_because.startswith(f"It failed while preparing the algorithm: {why}")
    assert job.hint.startswith(hint)


@pytest.mark.parametrize("status", UNKNOWN_STATUSES)
def test_an_unknown_status_is_never_success(status):
    job = ComputeJob.from_reply(reply(status=status, statusText="Something new"))
    assert job.outcome == "failed"
    assert f"in a state DeFlow does not know, {status} 'Something new'" in job.ended_because


def test_the_texts_are_the_nodes_own(recorded):
    assert STATUS_TEXTS[40] == "Running algorithm "
    assert len(STATUS_TEXTS) == 24
    for file in ("jobs", "jobs-settled", "queue"):
        for job in recorded.jobs(file).values():
            assert STATUS_TEXTS[job["status"]] == job["statusText"]


# What happened to the recorded jobs. `-later` is after the node's cron had turned 41, 62 and 71 into 70.
RECORDED = {
    "jobs": {
        "create-failed-final": ("failed", "the Ocean Node could not create the container"),
        "upload-to-container-failed-final": ("failed", "the container vanished"),
        "outputs-lost-final": ("failed", "the outputs could not be stored"),
        "user-stop-after-request": (None, "It has not ended: it is running the algorithm."),
        "user-stop-final": ("stopped", "somebody asked the Ocean Node to stop it"),
        "exit3-final": ("failed", "while running the algorithm: it ended with exit code 3"),
        "no-start-final": ("failed", "the container could not start"),
        "oom-engine-hangs": (None, "It has not ended: it is running the algorithm."),
        "oom-final": ("failed", "it was killed for using more memory than it had"),
        "oom-late-final": ("failed", "it was killed for using more memory than it had"),
        "stuck-at-20": (None, "It has not ended: it is preparing the job's volumes."),
        "slow-pull-at-10": (None, "It has not ended: it is pulling the algorithm's image."),
        "data-404-final": ("failed", "a dataset could not be fetched"),
        "timeout-at-60": (None, "It has not ended: it is collecting the results."),
        "timeout-final": ("failed", "it was killed when its 5 s were over"),
        "pull-failed-final": ("failed", "the Ocean Node could not pull the image"),
        "live-final": ("succeeded", "It succeeded with exit code 0."),
        "build-final": ("succeeded", "It succeeded with exit code 0."),
        "quota-final": ("succeeded", "It succeeded with exit code 0."),
    },
    "jobs-settled": {
        "user-stop-later": ("stopped", "somebody asked the Ocean Node to stop it"),
        "exit3-later": ("failed", "it ended with exit code 3"),
        "no-start-later": ("failed", "no exit code is told"),
        "outputs-lost-later": ("failed", "no exit code is told"),
        "oom-later": ("failed", "it was killed for using more memory than it had"),
        "timeout-later": ("failed", "it was killed when its 5 s were over"),
        # Its engine stood still: noticed 797 s after the start of at most 600, but it ended by itself.
        "slow-pull-later": ("succeeded", "It succeeded with exit code 0."),
        # Somebody asked to stop it when it was long over.
        "success-later": ("succeeded", "It succeeded with exit code 0."),
        "data-404-later": ("failed", "a dataset could not be fetched"),
    },
    "queue": {
        "queue-run-at-1": (None, "It has not ended: it is waiting in the node's queue."),
        "queue-run-final": ("succeeded", "It succeeded with exit code 0."),
        "filler-1-final": ("stopped", "somebody asked the Ocean Node to stop it"),
    },
}


@pytest.mark.parametrize(
    ("file", "name"), [(file, name) for file, names in RECORDED.items() for name in names]
)
def test_a_recorded_job_ended_as_it_did(recorded, file, name):
    outcome, words = RECORDED[file][name]
    job = ComputeJob.from_reply(recorded.jobs(file)[name])
    assert job.outcome == outcome
    assert words in job.ended_because


def test_a_stop_seen_while_it_ran_counts_even_when_the_node_forgets_it(recorded):
    during = ComputeJob.from_reply(recorded.jobs("jobs")["stop-in-pull-stop"])
    after = ComputeJob.from_reply(recorded.jobs("jobs")["stop-in-pull-final"])
    assert after.stop_requested is False
    assert after.outcome == "failed"
    assert after.seen_after(during).outcome == "stopped"
    assert "pulling the algorithm's image" in after.seen_after(during).ended_because


def test_the_first_final_status_outlives_the_nodes_cron(recorded):
    first = ComputeJob.from_reply(recorded.jobs("jobs")["outputs-lost-final"])
    later = ComputeJob.from_reply(recorded.jobs("jobs-settled")["outputs-lost-later"])
    assert (first.status, later.status) == (62, 70)
    assert later.seen_after(first).ended_because == first.ended_because
    assert later.seen_after(later.seen_after(first)).final_status == 62


def test_lost_outputs_that_look_like_success_after_an_hour_stay_failed():
    first = ComputeJob.from_reply(reply(status=62, statusText=STATUS_TEXTS[62]))
    later = replace(first, status=70, status_text=STATUS_TEXTS[70])
    assert later.outcome == "succeeded"
    assert later.seen_after(first).outcome == "failed"


def test_a_stop_after_the_end_changes_nothing():
    ended = ComputeJob.from_reply(reply())
    assert ComputeJob.from_reply(reply(stopRequested=True)).seen_after(ended).outcome == "succeeded"


def test_nothing_seen_before_changes_nothing():
    job = ComputeJob.from_reply(reply())
    assert job.seen_after(None) is job


def test_outputs_that_go_elsewhere_are_not_missed():
    job = ComputeJob.from_reply(reply(results=[]))
    assert job.outcome == "failed"
    assert "the Ocean Node has no outputs of it" in job.ended_because
    assert replace(job, output_expected=False).outcome == "succeeded"
    assert ComputeJob.from_reply(reply(results=[], output="0427")).outcome == "succeeded"


def test_a_listing_without_results_does_not_make_a_job_fail(recorded):
    job = ComputeJob.from_reply(recorded("status-list", "jobs-from")["response"]["body"]["json"][0])
    assert (job.results, job.results_listed) == ((), False)
    assert job.outcome == "succeeded"


def test_an_old_node_ends_at_70_without_a_date():
    job = ComputeJob.from_reply(reply(status=70, dateFinished=None))
    assert job.is_over
    assert job.outcome == "succeeded"
    assert not ComputeJob.from_reply(reply(status=71, dateFinished=None)).is_over


def test_a_job_id_always_has_its_clusters_hash():
    whole = f"{CLUSTER}-{BARE_ID}"
    assert ComputeJob.from_reply(reply()).job_id == whole
    assert ComputeJob.from_reply(reply(jobId=whole)).job_id == whole


@pytest.mark.parametrize("file", ["jobs", "jobs-settled", "queue", "stop", "status-list", "free-start"])
def test_every_recorded_job_crosses_json_and_back(recorded, file):
    for raw in recorded.jobs(file).values():
        job = ComputeJob.from_reply(raw)
        assert job.job_id == f"{CLUSTER}-{raw['jobId'].split('-')[-1]}"
        assert ComputeJob.from_document(json.loads(json.dumps(job.to_document()))) == job


def test_what_a_job_carries():
    job = ComputeJob.from_reply(reply())
    assert job.created.isoformat() == "2026-11-21T20:34:01.936000+00:00"
    assert (job.max_duration_seconds, job.resources, job.metadata) == (600, {"cpu": 1}, {"deflow": "key"})
    assert job.result("output").size == 1536
    assert job.result("algorithmLog") is None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"jobId": None}, "'jobId' must be a text"),
        ({"environment": 7}, "'environment' must be a text"),
        ({"status": "71"}, "'status' must be a whole number"),
        ({"status": True}, "'status' must be a whole number"),
        ({"dateFinished": "soon"}, "'dateFinished' must be a time"),
        ({"results": {}}, "'results' must be a list"),
        ({"results": [{"type": "output"}]}, "'index' must be a whole number"),
        ({"terminationDetails": []}, None),
        ({"terminationDetails": [1]}, "'terminationDetails' must be an object"),
        ({"terminationDetails": {"exitCode": "0"}}, "'exitCode' must be a whole number"),
    ],
)
def test_a_misshapen_field_is_named(changes, named):
    if named is None:
        assert ComputeJob.from_reply(reply(**changes)).outcome == "failed"
        return
    with pytest.raises(errors.UnexpectedReply, match=named):
        ComputeJob.from_reply(reply(**changes))
