# SPDX-License-Identifier: Apache-2.0
"""Graph documents for tests: small ones by hand, and every valid one by chance."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

DID = "did:op:" + "0123456789abcdef" * 4
SHA256 = "fedcba9876543210" * 4


def node(node_id: str, **data: Any) -> dict[str, Any]:
    """A node with inline Python code, unless `data` has another algorithm."""
    return {"id": node_id, "data": {"algorithm": {"code": "print(1)"}, **data}}


def edge(source: str, target: str, **data: Any) -> dict[str, Any]:
    return {"source": source, "target": target} | ({"data": data} if data else {})


def drawn(*arrows: str, nodes: str = "", **keys: Any) -> dict[str, Any]:
    """The document of `drawn("a b", "b c")`: nodes a, b, c and two edges."""
    pairs = [arrow.split() for arrow in arrows]
    ids = dict.fromkeys([*(end for pair in pairs for end in pair), *nodes.split()])
    return {"slug": "test", "nodes": [node(i) for i in ids], "edges": [edge(*pair) for pair in pairs], **keys}


# What the original DeFlow could not run, hung on, or lost a part of, and what every graph must cope with.
SHAPES = {
    "chain": drawn("a b", "b c"),
    "in-tree": drawn("1 3", "2 3", "3 4"),
    "fan-out": drawn("a b", "a c"),
    "diamond": drawn("a b", "a c", "b d", "c d"),
    "skip edge": drawn("a b", "b c", "a c", "c d"),
    "two ways to one end": drawn("5 4", "5 2", "4 2", "1 2"),
    "two sources and two sinks": drawn("a c", "b d"),
    "single node": drawn(nodes="a"),
    "isolated nodes": drawn("a b", nodes="c d"),
    "any order in the document": drawn("c d", "b c", "a b"),
}

names = st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True).filter(lambda name: name not in (".", ".."))
# Everything that JSON text can hold.
texts = st.text(st.characters(codec="utf-8"), max_size=20)
lines = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)
words = st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True)
identifiers = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)
dids = st.from_regex(r"did:op:[0-9a-f]{64}", fullmatch=True) | st.just("did:op:{{ params.did }}")
numbers = st.integers(0, 10_000) | st.floats(0, 10_000)
images = st.sampled_from(["python:3.12-slim", "localhost:5000/a/b:latest", "r@sha256:" + SHA256])
urls = st.sampled_from(["https://data.example/a.csv", "http://10.0.0.1:8000/x?y=1", "https://{{ run_id }}/x"])
file_objects = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("url"), "url": urls},
        optional={
            "method": st.sampled_from(["GET", "POST"]),
            "headers": st.dictionaries(words, lines, max_size=2),
        },
    ),
    st.fixed_dictionaries({"type": st.just("ipfs"), "hash": words}),
    st.fixed_dictionaries({"type": st.just("arweave"), "transactionId": words}),
    st.fixed_dictionaries({"type": st.just("ftp"), "url": st.just("ftp://files.example/a")}),
    st.fixed_dictionaries({"type": st.just("nodePersistentStorage"), "bucketId": words, "fileName": words}),
    st.fixed_dictionaries(
        {
            "type": st.just("s3"),
            "s3Access": st.fixed_dictionaries(
                dict.fromkeys(["endpoint", "bucket", "objectKey", "accessKeyId", "secretAccessKey"], words),
                optional={"region": words, "forcePathStyle": st.booleans()},
            ),
        }
    ),
)
algorithms = st.one_of(
    st.fixed_dictionaries({"did": dids}),
    st.fixed_dictionaries(
        {"code": st.just("print(1)") | texts.filter(lambda text: text.strip() and "\0" not in text)},
        optional={"image": images, "entrypoint": st.just("python3 $ALGO")},
    ),
    st.fixed_dictionaries({"file": file_objects}, optional={"image": images}),
)
datasets = st.one_of(
    st.fixed_dictionaries({"did": dids}),
    st.fixed_dictionaries({"file": file_objects}),
    st.just({"upload": SHA256, "name": "data {{ ds }}.csv"}),
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
compute_data = st.fixed_dictionaries(
    {"algorithm": algorithms},
    optional={
        "label": lines,
        "ocean_node": st.none() | words,
        "environment": st.none() | words,
        "compute_resources": st.dictionaries(words, numbers, max_size=3),
        "max_duration_seconds": st.none() | st.integers(1, 86_400),
        "environment_variables": st.dictionaries(
            identifiers, lines.filter(lambda line: "{{" not in line), max_size=2
        ),
        "datasets": st.lists(datasets, max_size=2),
        "payment": st.just({"mode": "free"}),
        "retries": st.none() | st.integers(0, 5),
        "pool": st.none() | words,
    },
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A document without problems: edges only go from earlier nodes to later ones, in any order."""
    ids = draw(st.lists(names, min_size=1, max_size=6, unique=True))
    nodes = [
        {"id": node_id, "data": draw(compute_data)}
        | draw(st.sampled_from([{}, {"type": "compute"}, {"position": {"x": 1.5, "y": -3}}]))
        for node_id in ids
    ]
    pairs = [(a, b) for i, a in enumerate(ids) for b in ids[i + 1 :]]
    edges = [
        # An id of its own: the default ids of different pairs can be the same.
        {"id": f"edge {number}", "source": a, "target": b, "data": {"handover": "url"}}
        for number, (a, b) in enumerate(draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else [])
    ]
    task_ids = [f"{e['source']}__{e['target']}" for e in edges]
    if len({*task_ids, *ids, "results"}) < len(task_ids) + len(ids) + 1:
        edges, nodes = [], [{**one, "id": f"n{number}"} for number, one in enumerate(nodes)]
    optional = st.fixed_dictionaries(
        {},
        optional={
            "name": lines,
            "description": lines,
            "tags": st.lists(words, max_size=2),
            "schedule": st.sampled_from(
                [None, "@daily", "0 6 * * 1-5", {"assets": ["s3://bucket/key"]}, {"timezone": "Europe/Paris"}]
            ),
            "budget": st.fixed_dictionaries(
                {}, optional={"per_run": st.sampled_from(["5", "0.50"]), "per_day": st.none()}
            ),
            "origin": json_values,
        },
    )
    params = {"did": {"default": SHA256, "schema": {"type": "string"}}}
    return {"slug": "by-chance", "params": params, "nodes": nodes, "edges": edges, **draw(optional)}
