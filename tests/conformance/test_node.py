# SPDX-License-Identifier: Apache-2.0
"""What a node says about itself, without a signature."""

from __future__ import annotations

import re

from tests.conformance.session import API, Account, Node, Record

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
ENVIRONMENT_KEYS = {
    "id",
    "runningJobs",
    "runningfreeJobs",
    "consumerAddress",
    "platform",
    "access",
    "fees",
    "resources",
    "queuedJobs",
    "queuedFreeJobs",
    "queMaxWaitTime",
    "queMaxWaitTimeFree",
    "runMaxWaitTime",
    "runMaxWaitTimeFree",
    "enableNetwork",
    "storageExpiry",
    "minJobDuration",
    "maxJobDuration",
}


def test_the_root_names_the_node_and_its_routes(node: Node):
    reply = node.get("/")
    root = reply.json()

    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert list(root) == [
        "nodeId",
        "chainIds",
        "providerAddress",
        "nodePublicKey",
        "serviceEndpoints",
        "software",
        "version",
    ]
    assert ADDRESS.fullmatch(root["providerAddress"])
    assert list(root["nodePublicKey"]) == [str(number) for number in range(33)]
    assert root["nodePublicKey"]["0"] in (2, 3)
    assert root["serviceEndpoints"]["freeCompute"] == ["POST", "/api/services/freeCompute"]
    # A constant: the version is in the status command.
    assert root["version"] == "0.0.1"


def test_the_status_command_has_the_true_version(node: Node):
    reply = node.direct("status")
    status = reply.json()

    assert (reply.status_code, "content-type" in reply.headers) == (200, False)
    assert re.fullmatch(r"3\.\d+\.\d+", status["version"])
    assert list(status)[:6] == ["id", "publicKey", "friendlyName", "address", "version", "http"]
    assert status["address"] == node.get("/").json()["providerAddress"]
    assert re.fullmatch("0[23][0-9a-f]{64}", status["publicKey"])
    assert set(status["platform"]) == {
        "cpus",
        "freemem",
        "totalmem",
        "loadavg",
        "arch",
        "machine",
        "platform",
        "osType",
        "node",
    }


def test_the_detailed_status_lists_clusters_with_their_environments(node: Node):
    clusters = node.direct("detailedStatus").json()["c2dClusters"]

    listed = {environment["id"] for cluster in clusters for environment in cluster["environments"]}
    assert listed == {environment["id"] for environment in node.environments()}
    assert {found.split("-")[0] for found in listed} <= {cluster["hash"] for cluster in clusters}


def test_an_unknown_route_is_a_page(node: Node):
    reply = node.get(f"{API}/nothing")

    assert (reply.status_code, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<pre>Cannot GET /api/services/nothing</pre>" in reply.text


def test_an_unknown_or_missing_command_is_refused(node: Node):
    unknown = node.direct("noSuchCommand")
    missing = node.post("/directCommand", {})

    assert (unknown.status_code, unknown.text) == (400, 'Invalid or unrecognized command: "noSuchCommand"')
    assert (missing.status_code, missing.text) == (400, 'Invalid Request: "command" is mandatory!')


def test_a_preflight_is_answered(node: Node):
    reply = node.request("OPTIONS", f"{API}/compute")

    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (204, "*")


def test_the_indexing_queue_is_a_list(node: Node):
    assert list(node.get(f"{API}/indexQueue").json()) == ["queue"]


def test_environments_are_described(node: Node):
    reply = node.get(f"{API}/computeEnvironments")

    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json; charset=utf-8")
    for environment in reply.json():
        assert set(environment) >= ENVIRONMENT_KEYS
        assert re.fullmatch(r"0x[0-9a-f]{64}-0x[0-9a-f]{64}", environment["id"])
        assert ADDRESS.fullmatch(environment["consumerAddress"])
        assert set(environment["access"]) == {"addresses", "accessLists"}
        assert [entry["id"] for entry in environment["resources"]][:3] == ["cpu", "ram", "disk"]
        assert all({"total", "max", "min", "inUse"} <= set(entry) for entry in environment["resources"])
        assert environment["fees"] is None or isinstance(environment["fees"], dict)


def test_a_free_environment_says_what_is_free(environment: Record):
    free = environment["free"]

    assert set(free) >= {"access", "maxJobDuration", "maxJobs", "resources"}
    assert isinstance(free.get("allowImageBuild", False), bool)
    assert all(set(entry) >= {"id", "max", "inUse"} for entry in free["resources"])


def test_the_chain_filter_leaves_environments_with_fees_there(node: Node):
    for chain_id in ("8996", "1"):
        expected = [one["id"] for one in node.environments() if chain_id in (one["fees"] or {})]
        filtered = node.get(f"{API}/computeEnvironments", chainId=chain_id).json()

        assert [one["id"] for one in filtered] == expected


def test_the_node_parameter_is_ignored(node: Node):
    ids = [one["id"] for one in node.get(f"{API}/computeEnvironments", node="16Uiu2HAmNope").json()]

    assert ids == [one["id"] for one in node.environments()]


def test_environments_by_direct_command(alice: Account):
    reply = alice.node.direct("getComputeEnvironments")

    assert (reply.status_code, "content-type" in reply.headers) == (200, False)
    assert alice.environment in [one["id"] for one in reply.json()]
