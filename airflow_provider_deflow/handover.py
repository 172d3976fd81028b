# SPDX-License-Identifier: Apache-2.0
"""One edge: a producer's stored outputs become a consumer's datasets.

The producer's files lie in DeFlow's content store. How they reach the consumer's job is the edge's
`handover`:

* `bucket`: uploaded to a persistent-storage bucket of the consumer's Ocean Node, once per content.
  Private. The node mounts bucket files below `/data/persistentStorage/`, so inline Python code gets
  a few lines in front that link them into `/data/inputs`; other algorithms say that they read
  `DEFLOW_INPUTS`.
* `asset`: published as a dataset, one service per file, once per content and consumer: only the
  consumer's account is let in, and only its algorithm. The consumer names DID and services.
* `url`: an expiring signed URL that the Ocean Node fetches. Whoever lists the node's jobs can read
  it until it expires. It is signed when the job starts, so nothing signed is stored.

However they come, an algorithm finds its inputs as `/data/inputs/<name>`: flat, because that is
what an Ocean Node offers, with `__` for the `/` of a nested output, and with `<source>__` in front
where two inputs of one node would have the same name. `DEFLOW_INPUTS` (an environment variable,
JSON) lists edge, name, path, size and sha256 of each.

A bucket is the wallet's own, one per Ocean Node, labelled `deflow`; a file in it is named by its
sha256. An edge costs two requests, a third the first time, and one per file not yet there.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs import graph as graphs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.outputs import ContentStore, OutputFile

INPUTS_VARIABLE = "DEFLOW_INPUTS"
BUCKET_LABEL = "deflow"
# Each costs some 460 bytes of a start request, twice named, and a request takes 100 kB.
MAX_FILES = 200
# In /data/inputs before any dataset is (reference of the container contract).
RESERVED_NAMES = frozenset({"algoCustomData.json"})

Mode = Literal["bucket", "url", "asset"]


@dataclass(frozen=True, slots=True)
class HandedFile:
    """One file on its way to a consumer: its content, and the name the producer gave it."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PublishedFiles:
    """An asset that was made of files: for each of them its service, and what an Ocean Node will call it."""

    did: str
    data_nft: str
    services: tuple[str, ...]
    names: tuple[str, ...]


Publish = Callable[[Sequence[HandedFile]], PublishedFiles]


@dataclass(frozen=True, slots=True)
class Handed:
    """What one edge, or one upload, brings to its consumer; `source` is empty for an upload."""

    edge: str
    source: str
    mode: Mode
    files: tuple[HandedFile, ...]
    bucket_id: str | None = None
    # Of an asset, with the services that its files are, in their order, and their names to an Ocean Node.
    did: str | None = None
    data_nft: str = ""
    services: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """The JSON form; `from_document` reads it."""
        return {
            "edge": self.edge,
            "source": self.source,
            "mode": self.mode,
            "bucket_id": self.bucket_id,
            **(self._asset() if self.did else {}),
            "files": [[file.name, file.size, file.sha256] for file in self.files],
        }

    def _asset(self) -> dict[str, Any]:
        listed = {"services": list(self.services), "names": list(self.names)}
        return {"did": self.did, "data_nft": self.data_nft, **listed}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Handed:
        """The value that `to_document` wrote."""
        return cls(
            edge=document["edge"],
            source=document["source"],
            mode=document["mode"],
            bucket_id=document["bucket_id"],
            did=document.get("did"),
            data_nft=document.get("data_nft") or "",
            services=tuple(document.get("services") or ()),
            names=tuple(document.get("names") or ()),
            files=tuple(HandedFile(*file) for file in document["files"]),
        )


@dataclass(frozen=True, slots=True)
class Input:
    """One file as the consumer's job will find it; `dataset` is what the start request names."""

    edge: str
    name: str
    path: str
    size: int
    sha256: str
    dataset: dict[str, Any]


def mode_of(handover: str, consumer: graphs.ComputeData) -> Mode:
    """How files reach `consumer`. Raises `SettingsError` for a handover that cannot be done."""
    if handover == "url":
        return "url"
    if handover == "asset":
        return "asset"
    if handover in ("auto", "bucket") and graphs.takes_bucket_files(consumer):
        return "bucket"
    raise errors.SettingsError(
        f"handover {handover!r} cannot reach this consumer: bucket files need inline Python code, or an "
        f"algorithm that names {INPUTS_VARIABLE} in its environment_variables. "
        "Choose `url` or `asset`, or give it inline code."
    )


def hand_over(
    edge: str,
    source: str,
    files: Sequence[OutputFile | HandedFile],
    mode: Mode,
    ocean_node: OceanNode,
    owner: str,
    store: ContentStore,
    say: Callable[[str], None],
    publish: Publish | None = None,
) -> Handed:
    """Bring `files` to where the consumer's job can take them; what is already there is found.

    `publish` is needed for an asset.
    """
    handed = tuple(HandedFile(file.name, file.size, file.sha256) for file in files)
    if len(handed) > MAX_FILES:
        raise errors.SettingsError(
            f"{edge}: {len(handed)} files to hand over; a start request names at most {MAX_FILES}. "
            "Narrow `files` of the edge, or let the producer write one archive."
        )
    if mode == "url" or not handed:
        return Handed(edge, source, mode, handed)
    if mode == "asset":
        if publish is None:
            raise errors.SettingsError(f"{edge}: nobody is there to publish an asset")
        made = publish(handed)
        return Handed(edge, source, mode, handed, None, made.did, made.data_nft, made.services, made.names)
    bucket_id = _bucket(ocean_node, owner)
    there = {file.name for file in ocean_node.bucket_files(bucket_id)}
    missing = {file.sha256: file for file in handed if file.sha256 not in there}
    for number, (sha256, file) in enumerate(missing.items(), start=1):
        say(f"uploading {file.name} ({file.size} bytes, {number} of {len(missing)}) to bucket {bucket_id}")
        with store.open(sha256) as content:
            ocean_node.upload(bucket_id, sha256, content)
    if kept := len(handed) - len(missing):
        say(f"{kept} file(s) are already in bucket {bucket_id}")
    return Handed(edge, source, mode, handed, bucket_id)


def named_only(edge: str, source: str, files: Sequence[OutputFile], mode: Mode) -> Handed:
    """The handover of files to a consumer that takes none of them: nothing is brought anywhere."""
    return Handed(edge, source, mode, tuple(HandedFile(file.name, file.size, file.sha256) for file in files))


def _bucket(ocean_node: OceanNode, owner: str) -> str:
    mine = [
        bucket
        for bucket in ocean_node.buckets(owner)
        if bucket.label == BUCKET_LABEL and bucket.owner.lower() == owner.lower()
    ]
    # Two edges may have made one each at the same moment: all take the oldest from then on.
    oldest = min(mine, key=lambda bucket: (bucket.created_at or 0, bucket.bucket_id), default=None)
    return (oldest or ocean_node.create_bucket(BUCKET_LABEL)).bucket_id


def inputs_of(
    handed: Sequence[Handed], own_names: Iterable[str], sign_url: Callable[[str, str], str]
) -> list[Input]:
    """All handed files as inputs of one job, their names made unlike each other and `own_names`.

    `sign_url(sha256, name)` gives an expiring URL of a stored file, ending in `name` where it can.
    Raises `SettingsError` when two inputs still have one name.
    """
    flat = [(one, number, flat_name(file)) for one in handed for number, file in enumerate(one.files)]
    taken = Counter(name for _, _, name in flat) + Counter(own_names) + Counter(RESERVED_NAMES)
    inputs = [_input(one, number, _unlike(one, name, taken[name]), sign_url) for one, number, name in flat]
    names = Counter([each.name for each in inputs]) + Counter(own_names) + Counter(RESERVED_NAMES)
    if doubles := sorted(name for name, count in names.items() if count > 1):
        raise errors.SettingsError(
            f"two inputs of this node would both be /data/inputs/{doubles[0]}. "
            "Rename one, or narrow `files` of an edge."
        )
    return inputs


def flat_name(file: HandedFile) -> str:
    return file.name.replace("/", "__")


def _unlike(one: Handed, name: str, times: int) -> str:
    # What is published has its name already.
    return f"{one.source}__{name}" if one.source and times > 1 and one.mode != "asset" else name


def _input(one: Handed, number: int, name: str, sign_url: Callable[[str, str], str]) -> Input:
    file = one.files[number]
    if one.mode == "asset":
        # What an earlier release handed over says nothing of names.
        there = one.names[number] if one.names else name_in(sign_url(file.sha256, name))
        path = f"/data/inputs/{there}"
        service = {"documentId": one.did, "serviceId": one.services[number] if one.services else None}
        return Input(one.edge, name, path, file.size, file.sha256, service)
    if one.mode == "bucket":
        dataset = {"type": "nodePersistentStorage", "bucketId": one.bucket_id, "fileName": file.sha256}
        path = f"/data/persistentStorage/{one.bucket_id}/{file.sha256}"
    else:
        url = sign_url(file.sha256, name)
        dataset = {"type": "url", "url": url, "method": "GET"}
        # The node names a fetched file by the last part of its URL, which in a storage's own is our hash.
        # It does not decode that part, so a blank or an umlaut of our name is still %20 or %C3%BC there.
        path = f"/data/inputs/{name_in(url)}"
    return Input(one.edge, name, path, file.size, file.sha256, {"fileObject": dataset})


def name_in(url: str) -> str:
    """What an Ocean Node calls a file that it fetches."""
    return PurePosixPath(urlsplit(url).path).name


def inputs_variable(inputs: Sequence[Input]) -> str:
    """The value of `DEFLOW_INPUTS`."""
    listed = [
        {"edge": i.edge, "name": i.name, "path": i.path, "size": i.size, "sha256": i.sha256} for i in inputs
    ]
    return json.dumps(listed, separators=(",", ":"), ensure_ascii=False)


_LINK_INPUTS = (
    f"import json, os; v = {INPUTS_VARIABLE!r}; inputs = json.loads(os.environ.get(v, '[]'))\n"
    "for i in inputs:\n"
    "    name = '/data/inputs/' + i['name']\n"
    "    if i['path'] != name and not os.path.lexists(name): os.symlink(i['path'], name)\n"
    "    i['path'] = name\n"
    "os.environ[v] = json.dumps(inputs)\n"
)


def with_inputs_linked(code: str) -> str:
    """Python `code` with one line in front that links bucket files into `/data/inputs`.

    The line stands behind the docstring and `from __future__` imports, which have to come first, and
    leaves no names behind. Line numbers in a traceback are one higher from there on.
    """
    line = f"exec({_LINK_INPUTS!r}, {{}})  # DeFlow: inputs in buckets appear in /data/inputs\n"
    code = code.removeprefix("\ufeff")
    # Not splitlines(): Python's own lines end in a line feed alone, not in a form feed or U+2028.
    lines = re.split(r"(?<=\n)", code)
    after = _end_of_head(code)
    if after and not lines[after - 1].endswith("\n"):
        lines[after - 1] += "\n"
    return "".join([*lines[:after], line, *lines[after:]])


def _end_of_head(code: str) -> int:
    """The line on which docstring and `from __future__` imports end; 0 when there are none."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError):
        return 0  # it may be for another Python than ours: its own interpreter will judge
    is_docstring = bool(body) and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    head = body[:1] if is_docstring else []
    head += [each for each in body if isinstance(each, ast.ImportFrom) and each.module == "__future__"]
    return max((each.end_lineno or 0 for each in head), default=0)
