# SPDX-License-Identifier: Apache-2.0
"""What is in `outputs.tar`: everything an algorithm may leave, as Docker writes it."""

from __future__ import annotations

import tarfile

import pytest

from tests.conformance import archives
from tests.conformance.session import Run


@pytest.fixture(scope="module")
def content(finished: Run) -> bytes:
    return finished.result("output")


@pytest.fixture(scope="module")
def members(content: bytes) -> dict[str, tarfile.TarInfo]:
    return {member.name: member for member in archives.members(content)}


def test_it_is_a_plain_tar_of_the_outputs_folder(content: bytes, members: dict[str, tarfile.TarInfo]):
    assert content[257:262] == b"ustar"
    assert len(content) % 512 == 0
    first = next(iter(members.values()))
    assert (first.name, first.isdir(), first.mode, first.uid, first.gid) == ("outputs", True, 0o40777, 0, 0)
    assert all(name.startswith("outputs/") for name in list(members)[1:])


def test_files_keep_their_bytes_and_modes(content: bytes, members: dict[str, tarfile.TarInfo]):
    files = archives.contents(content)

    assert files["outputs/answer.json"] == b'{"n": 42}'
    assert files["outputs/zero"] == b""
    assert files["outputs/with space.txt"] == b"x"
    # With the kind of file in them.
    modes = {name: members[f"outputs/{name}"].mode for name in ("answer.json", "private.txt", "run.sh")}
    assert modes == {"answer.json": 0o100644, "private.txt": 0o100600, "run.sh": 0o100755}


def test_everything_below_belongs_to_the_algorithms_user(members: dict[str, tarfile.TarInfo]):
    owners = {(member.uid, member.gid) for name, member in members.items() if name != "outputs"}

    assert owners == {(1000, 1000)}


def test_symbolic_links_are_kept_also_absolute_ones(members: dict[str, tarfile.TarInfo]):
    inside, outside = members["outputs/link.json"], members["outputs/outside"]

    assert (inside.issym(), inside.linkname, inside.mode) == (True, "answer.json", 0o120777)
    assert (outside.issym(), outside.linkname) == (True, "/etc/passwd")


def test_a_hard_link_is_a_link_to_its_first_name(members: dict[str, tarfile.TarInfo]):
    hard = members["outputs/hard.json"]

    assert (hard.islnk(), hard.linkname, hard.size) == (True, "outputs/answer.json", 0)


def test_empty_folders_and_pipes_are_kept(members: dict[str, tarfile.TarInfo]):
    assert members["outputs/empty"].isdir()
    assert members["outputs/pipe"].isfifo()
    assert members["outputs/sub/deep"].isdir()


def test_names_beyond_ascii_are_in_pax_headers(members: dict[str, tarfile.TarInfo]):
    name = "outputs/sub/deep/größe-数据.txt"

    assert members[name].pax_headers["path"] == name


def test_no_output_is_an_archive_of_1536_bytes(silent: Run):
    content = silent.result("output")

    assert len(content) == 1536
    assert [member.name for member in archives.members(content)] == ["outputs"]


def test_what_a_failed_or_stopped_algorithm_wrote_is_there(failed: Run, timed_out: Run):
    assert archives.contents(failed.result("output")) == {
        "outputs/bytes": bytes(range(128, 256)),
        "outputs/part.txt": b"part",
    }
    assert archives.contents(timed_out.result("output")) == {"outputs/early.txt": b"early"}
