# SPDX-License-Identifier: Apache-2.0
"""Finding jobs again: by owner, by a bare id that filters nothing, and the list that is open to all."""

from __future__ import annotations

import pytest

from tests.local_ocean_node.running import (
    consumer,
    fast,
    python_image,
    recordings,
    running_ocean_node,
    shape,
)


@pytest.fixture(scope="module")
def two_owners(tmp_path_factory: pytest.TempPathFactory):
    with running_ocean_node(fast(tmp_path_factory.mktemp("listing"))) as url:
        alice, bob = consumer(url, 1), consumer(url, 2)
        first, _ = alice.run("print(1)")
        second, _ = bob.run("print(2)")
        yield alice, bob, first.split("-")[1], second.split("-")[1]


def ids(jobs: list[dict]) -> list[str]:
    return sorted(job["jobId"] for job in jobs)


def test_an_owner_finds_their_jobs_by_the_exact_address(two_owners):
    alice, bob, first, second = two_owners

    assert ids(alice.get("/api/services/compute", consumerAddress=alice.address).json()) == [first]
    assert ids(alice.get("/api/services/compute", consumerAddress=bob.address).json()) == [second]
    assert alice.get("/api/services/compute", consumerAddress=alice.address.lower()).json() == []


def test_a_bare_id_finds_all_jobs_of_all_owners(two_owners):
    alice, _, first, second = two_owners

    assert ids(alice.get("/api/services/compute", jobId=first).json()) == sorted([first, second])


def test_an_unknown_job_is_an_empty_list(two_owners):
    alice, *_ = two_owners
    cluster_hash = alice.environments()[0]["id"].split("-")[0]

    assert alice.get("/api/services/compute", jobId=f"{cluster_hash}-{'0' * 64}").json() == []


def test_the_status_command_answers_like_the_route(two_owners):
    alice, _, first, _ = two_owners
    job_id = f"{alice.environments()[0]['id'].split('-')[0]}-{first}"

    reply = alice.direct("getComputeStatus", jobId=job_id)

    assert (reply.status_code, "content-type" in reply.headers) == (200, False)
    assert reply.headers["transfer-encoding"] == "chunked"
    assert reply.json() == [alice.status(job_id)]


def test_the_open_list_has_the_whole_record_but_code_and_environment(two_owners):
    alice, bob, *_, second = two_owners
    recorded = recordings("status-list")["jobs-all"]["response"]["body"]["json"]

    reply = alice.direct("jobs", consumerAddrs=[bob.address])

    assert (reply.status_code, "content-type" in reply.headers) == (200, False)
    assert [(key, kind) for key, kind in shape(reply.json()[0]) if key not in ("assets", "algorithm")] == [
        (key, kind) for key, kind in shape(recorded[0]) if key not in ("assets", "algorithm")
    ]
    (job,) = reply.json()
    assert job["jobId"] == second
    assert job["algorithm"] == {
        "meta": {
            "container": {"image": "python", "tag": "3.11", "checksum": "", "entrypoint": "python3 $ALGO"}
        }
    }
    assert len(alice.direct("jobs").json()) == 2


def test_the_open_list_filters_by_the_time_of_the_end(two_owners):
    alice, _, first, second = two_owners
    by_id = {job["jobId"]: job for job in alice.direct("jobs").json()}

    since_second = alice.direct("jobs", fromTimestamp=by_id[second]["dateFinished"]).json()

    assert ids(since_second) == [second]
    assert ids(alice.direct("jobs", fromTimestamp="1000000000").json()) == sorted([first, second])
    assert alice.direct("jobs", fromTimestamp="yesterday").json() == []


def test_a_time_that_is_no_text_is_refused(two_owners):
    alice, *_ = two_owners

    reply = alice.direct("jobs", fromTimestamp=1000000000)

    assert (reply.status_code, reply.text) == (400, 'Parameter : "fromTimestamp" is not a valid string')


def test_the_open_list_shows_what_runs(two_owners):
    alice, *_ = two_owners
    job_id = alice.start("import time; time.sleep(60)")
    alice.wait_until_running(job_id)

    running = alice.direct("jobs", runningJobs=True).json()
    alice.stop(job_id)

    assert ids(running) == [job_id.split("-")[1]]
    assert running[0]["isRunning"] is True
    alice.wait_for(job_id)


def test_the_open_list_leaks_files_and_metadata_and_strips_code_and_environment(two_owners):
    alice, bob, *_ = two_owners
    secret = {"type": "url", "url": "http://localhost:9/x", "method": "GET", "headers": {"x-api-key": "mine"}}
    algorithm = {
        "meta": {"rawcode": "print('secret')", "container": python_image()},
        "envs": {"PASSWORD": "secret"},
        "algocustomdata": {"seen": "by all"},
    }

    _, job = alice.run(
        algorithm=algorithm,
        code="",
        datasets=[{"fileObject": secret, "userdata": {"also": "seen"}}],
        metadata={"seen": "by all"},
        additionalViewers=[bob.address],
    )

    (listed,) = (one for one in bob.direct("jobs").json() if one["jobId"] == job["jobId"])
    assert listed["assets"] == [{"fileObject": secret, "userdata": {"also": "seen"}}]
    assert listed["algorithm"] == {
        "meta": {"container": python_image()},
        "algocustomdata": {"seen": "by all"},
    }
    assert (listed["metadata"], listed["additionalViewers"]) == ({"seen": "by all"}, [bob.address])


@pytest.mark.parametrize("name", ["environments", "consumerAddrs"])
def test_what_is_no_list_filters_nothing_but_for_text(two_owners, name: str):
    alice, *_ = two_owners

    text = alice.direct("jobs", **{name: "0x"})

    assert (text.status_code, text.text) == (500, f"{name}.map is not a function")
    for value in (5, {"a": 1}, []):
        assert len(alice.direct("jobs", **{name: value}).json()) >= 2


def test_a_duration_in_text_is_a_number_once_it_was_stored(two_owners):
    alice, *_ = two_owners
    reply = alice.ask_for(maxJobDuration="120")
    (started,) = reply.json()

    job = alice.wait_for(started["jobId"])

    assert (started["maxJobDuration"], job["maxJobDuration"]) == ("120", 120)
