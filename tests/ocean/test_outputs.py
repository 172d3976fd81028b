# SPDX-License-Identifier: Apache-2.0
"""Outputs are unpacked and kept: what is regular is, what is not refuses the archive.

Archives are made with the standard library, and where that would not make one so bad, byte by byte.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean.outputs import Caps, ContentStore, OutputFile, Outputs, matching, unpack

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.fixture
def store(tmp_path) -> ContentStore:
    return ContentStore(tmp_path / "store")


def member(name: str, data: bytes = b"", **fields) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def archive(*members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def folder(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, type=tarfile.DIRTYPE)


GOOD = archive(folder("outputs"), member("outputs/b.txt", b"bee"), member("outputs/a/c.txt", b"sea"))


def names_below(path: Path) -> set[str]:
    return {str(found.relative_to(path)) for found in path.rglob("*") if found.is_file()}


def test_files_are_kept_by_content_and_listed_by_name(store, tmp_path):
    outputs = unpack(io.BytesIO(GOOD), store)
    sea, bee = hashlib.sha256(b"sea").hexdigest(), hashlib.sha256(b"bee").hexdigest()
    assert outputs.files == (OutputFile("a/c.txt", 3, sea), OutputFile("b.txt", 3, bee))
    assert outputs.archive_size == len(GOOD)
    assert outputs.archive_sha256 == hashlib.sha256(GOOD).hexdigest()
    with store.open(bee) as content:
        assert content.read() == b"bee"
    assert store.outputs(outputs.sha256) == outputs
    assert names_below(tmp_path / "store") == {
        f"files/{sea[:2]}/{sea}",
        f"files/{bee[:2]}/{bee}",
        f"outputs/{outputs.sha256}.json",
    }


def test_equal_files_are_equal_outputs_whatever_the_archive(store):
    other = archive(member("outputs/a/c.txt", b"sea", mtime=7), member("outputs/b.txt", b"bee", mode=0o600))
    assert unpack(io.BytesIO(other), store).sha256 == unpack(io.BytesIO(GOOD), store).sha256
    # Written out, so that no change of the code changes the identity of what is already kept.
    expected = json.dumps(
        [
            {"name": "a/c.txt", "sha256": hashlib.sha256(b"sea").hexdigest(), "size": 3},
            {"name": "b.txt", "sha256": hashlib.sha256(b"bee").hexdigest(), "size": 3},
        ],
        separators=(",", ":"),
    )
    assert unpack(io.BytesIO(GOOD), store).sha256 == hashlib.sha256(expected.encode()).hexdigest()


def test_the_download_need_not_be_hashed_twice(store):
    outputs = unpack(io.BytesIO(GOOD), store, archive_sha256="ab" * 32, archive_size=len(GOOD))
    assert outputs.archive_sha256 == "ab" * 32
    with pytest.raises(errors.HostileArchive, match="bytes, 7 were downloaded"):
        unpack(io.BytesIO(GOOD), store, archive_sha256="ab" * 32, archive_size=7)


@pytest.mark.parametrize(
    "name", ["user-stop-result-output", "timeout-result-output", "algo-file-result-output"]
)
def test_recorded_outputs_are_unpacked(recorded, store, name):
    outputs = unpack(io.BytesIO(recorded.body("jobs", name)), store)
    expected = {
        "user-stop-result-output": ["early.txt"],
        "timeout-result-output": ["early.txt"],
        "algo-file-result-output": ["answer.txt"],
    }
    assert [file.name for file in outputs.files] == expected[name]


def test_recorded_outputs_with_links_and_a_pipe_are_refused(recorded, store):
    with pytest.raises(errors.HostileArchive) as raised:
        unpack(io.BytesIO(recorded.body("container", "contract-output")), store)
    assert str(raised.value) == (
        "outputs.tar is refused: 'outputs/hard.json' is a hard link. Nothing of it is used. "
        "Only regular files are taken: write a copy instead."
    )


def test_no_output_at_all_is_an_empty_list(store):
    outputs = unpack(io.BytesIO(archive(folder("outputs"))), store)
    assert outputs.files == ()
    assert store.outputs(outputs.sha256) == outputs


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_and_foreign_names_arrive_whole(store, format):
    names = ["größe-数据.txt", f"{'deep/' * 60}end", "n" * 255, " ", "with space", "...", "a..b"]
    # Right-to-left, composed and decomposed, the same but for case, and what Windows keeps for itself.
    names += ["תוצאה.csv", "é", "e\u0301", "Model.bin", "model.bin", "CON", "nul.txt", "a.", "-rf", "$(id)"]
    data = archive(*(member(f"outputs/{name}", name.encode()) for name in names), format=format)
    assert sorted(file.name for file in unpack(io.BytesIO(data), store).files) == sorted(names)


def pax(**records: str) -> bytes:
    """An extended header as tarfile itself would not write it."""
    data = b""
    for key, value in records.items():
        record = f" {key.replace('__', '.')}={value}\n".encode()
        length = len(record) + len(str(len(record)))
        length = len(record) + len(str(length))
        data += str(length).encode() + record
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(data)
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)


def with_header(header: bytes, name: str = "outputs/x", data: bytes = b"data") -> bytes:
    return header + archive(member(name, data), format=tarfile.USTAR_FORMAT)


def header_with(offset: int, raw: bytes) -> bytes:
    """An archive of one file whose header has `raw` at `offset`, and a right checksum all the same."""
    data = bytearray(archive(member("outputs/x", b"data"), format=tarfile.USTAR_FORMAT))
    data[offset : offset + len(raw)] = raw
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


def large_header(kind: bytes) -> bytes:
    info = tarfile.TarInfo("outputs/x")
    info.type, info.size = kind, 9 << 30
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(10240)


HOSTILE = {
    "absolute": (archive(member("/etc/passwd", b"x")), "is not a path below outputs/"),
    "absolute-outputs": (archive(member("/outputs/x", b"x")), "is not a path below outputs/"),
    "parent": (archive(member("outputs/../x", b"x")), "is not a path below outputs/"),
    "parent-folder": (archive(folder("outputs/a/..")), "is not a path below outputs/"),
    "dot": (archive(member("outputs/./x", b"x")), "is not a path below outputs/"),
    "dot-in-front": (archive(member("./outputs/x", b"x")), "is not a path below outputs/"),
    "double-slash": (archive(member("outputs//x", b"x")), "is not a path below outputs/"),
    "elsewhere": (archive(member("inputs/x", b"x")), "is not a path below outputs/"),
    "prefix-only": (archive(member("outputs-x", b"x")), "is not a path below outputs/"),
    "root-is-file": (archive(member("outputs", b"x")), "is not a path below outputs/"),
    "no-name": (header_with(0, bytes(100)), "is not a path below outputs/"),
    "backslash": (archive(member("outputs/..\\x", b"x")), "control character or backslash"),
    "newline": (archive(member("outputs/a\nb", b"x")), "control character or backslash"),
    "nul": (with_header(pax(path="outputs/a\0b")), "control character or backslash"),
    "latin-1": (header_with(8, b"\xe9"), "is not UTF-8"),
    "long-name": (archive(member("outputs/" + "n" * 1100, b"x")), "has a name of 1108 bytes"),
    "symlink": (archive(member("outputs/l", type=tarfile.SYMTYPE, linkname="x")), "is a symbolic link"),
    "symlink-out": (
        archive(member("outputs/l", type=tarfile.SYMTYPE, linkname="/etc")),
        "is a symbolic link",
    ),
    "hard-link": (archive(member("outputs/l", type=tarfile.LNKTYPE, linkname="outputs/x")), "is a hard link"),
    "device": (archive(member("outputs/d", type=tarfile.CHRTYPE)), "is a character device"),
    "block-device": (archive(member("outputs/d", type=tarfile.BLKTYPE)), "is a block device"),
    "pipe": (archive(member("outputs/p", type=tarfile.FIFOTYPE)), "is a named pipe"),
    "contiguous": (archive(member("outputs/c", type=tarfile.CONTTYPE)), "a reserved kind"),
    "sparse": (archive(member("outputs/s", type=tarfile.GNUTYPE_SPARSE)), "is a sparse file"),
    "sparse-pax": (with_header(pax(GNU__sparse__major="1")), "is a sparse file"),
    "unknown-kind": (header_with(156, b"Q"), "is of the unknown kind b'Q'"),
    "global-header": (
        tarfile.TarInfo.create_pax_global_header({"path": "outputs/y"}) + GOOD,
        "is a header for all members",
    ),
    "terminal": (archive(member("outputs/\x9b2J", b"x")), "control character or backslash"),
    "turned-around": (archive(member("outputs/\u202egpj.exe", b"x")), "control character or backslash"),
    "long-part": (archive(member("outputs/" + "n" * 256, b"x")), "has a part of more than 255 bytes"),
    "deep": (archive(member("outputs/" + "d/" * 100 + "x", b"x")), "is 101 folders deep"),
    "gzip": (gzip.compress(GOOD, 0), "header is broken"),
    # Ways out that extractors have fallen for: a link first, then a member that goes through it.
    "through-a-link": (
        archive(member("outputs/l", type=tarfile.SYMTYPE, linkname=".."), member("outputs/l/x", b"x")),
        "is a symbolic link",
    ),
    "chain-of-links": (
        archive(
            member("outputs/a", type=tarfile.SYMTYPE, linkname="b"),
            member("outputs/b", type=tarfile.SYMTYPE, linkname="../.."),
            member("outputs/a/x", b"x"),
        ),
        "is a symbolic link",
    ),
    "hard-link-to-a-link": (
        archive(member("outputs/h", type=tarfile.LNKTYPE, linkname="outputs/s"), member("outputs/h", b"x")),
        "is a hard link",
    ),
    "pax-link-out": (
        with_header(pax(linkpath="/etc/passwd"))[:1024]
        + archive(member("outputs/l", type=tarfile.SYMTYPE, linkname="x"), format=tarfile.USTAR_FORMAT),
        "is a symbolic link",
    ),
    "twice": (archive(member("outputs/x", b"1"), member("outputs/x", b"2")), "is there twice"),
    "file-then-folder": (archive(member("outputs/x", b"1"), folder("outputs/x")), "is there twice"),
    "folder-then-file": (archive(folder("outputs/x"), member("outputs/x", b"1")), "is there twice"),
    "below-a-file": (
        archive(member("outputs/x", b"1"), member("outputs/x/y", b"2")),
        "both a file and a folder",
    ),
    "file-above-files": (
        archive(member("outputs/x/y", b"1"), member("outputs/x", b"2")),
        "both a file and a folder",
    ),
    "pax-path-out": (with_header(pax(path="../x")), "is not a path below outputs/"),
    "pax-size-negative": (with_header(pax(size="-4")), "impossible size -4"),
    "pax-size-text": (with_header(pax(size="many")), "impossible size many"),
    "pax-size-huge": (with_header(pax(size="9" * 18)), "is larger than the 68719476736 bytes"),
    "pax-size-endless": (with_header(pax(size="9" * 5000)), "impossible size"),
    "pax-broken": (with_header(pax(path="x").replace(b"path=", b"path ")), "extended header is broken"),
    "pax-length-wrong": (
        with_header(pax(path="x").replace(b"9 path", b"8 path")),
        "extended header is broken",
    ),
    "pax-huge": (large_header(tarfile.XHDTYPE), "claims 9663676416 bytes"),
    "gnu-name-huge": (large_header(tarfile.GNUTYPE_LONGNAME), "claims 9663676416 bytes"),
    "size-negative": (header_with(124, b"\xff" * 11 + b"\xf0"), "impossible size -16"),
    "size-huge": (header_with(124, b"\x80" + b"\x7f" * 11), "is larger than the 68719476736 bytes"),
    "size-garbage": (header_with(124, b"abcdefghijk\0"), "header is broken"),
    "folder-with-size": (header_with(156, b"5"), "impossible size 4"),
    "checksum": (GOOD.replace(b"b.txt", b"z.txt"), "header is broken"),
    "no-archive": (b"PK\x03\x04" + bytes(1000), "header is broken"),
    "empty": (b"", "is cut off"),
    "cut-in-header": (GOOD[:700], "is cut off"),
    "cut-in-file": (archive(member("outputs/x", b"x" * 2000))[:1500], "'x' is cut off"),
    "cut-before-end": (GOOD[:2560], "is cut off"),
    "trailing": (GOOD + b"something", "has something behind its end"),
    "second-archive": (GOOD + GOOD, "has something behind its end"),
    "endless-zeros": (GOOD + bytes(3 << 20), "has something behind its end"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_by_name(store, tmp_path, name):
    data, why = HOSTILE[name]
    with pytest.raises(errors.HostileArchive, match=r"^outputs.tar is refused: ") as raised:
        unpack(io.BytesIO(data), store)
    assert why in str(raised.value)
    # No list of outputs, and nothing half written.
    assert not [path for path in names_below(tmp_path) if not path.startswith("store/files/")]


@pytest.mark.parametrize(
    ("caps", "why"),
    [
        (Caps(max_members=2), "has more than 2 files and folders"),
        (Caps(max_archive_bytes=1000), "is larger than the 1000 bytes"),
        (Caps(max_name_bytes=12), "has a name of 13 bytes"),
        (Caps(max_part_bytes=4), "has a part of more than 4 bytes"),
        (Caps(max_depth=1), "is 2 folders deep"),
    ],
)
def test_caps_are_kept(store, caps, why):
    with pytest.raises(errors.HostileArchive, match=why):
        unpack(io.BytesIO(GOOD), store, caps)


def test_caps_that_fit_exactly_are_enough(store):
    caps = Caps(
        max_members=3,
        max_archive_bytes=len(GOOD),
        max_name_bytes=len("outputs/a/c.txt"),
        max_part_bytes=5,
        max_depth=2,
    )
    assert len(unpack(io.BytesIO(GOOD), store, caps).files) == 2


def test_modes_and_owners_do_not_count(store):
    data = archive(member("outputs/x", b"x", mode=0o6777, uid=0, gid=0, uname="root"))
    outputs = unpack(io.BytesIO(data), store)
    assert store.path(outputs.files[0].sha256).stat().st_mode & 0o7111 == 0


def test_an_archive_within_is_a_file(store):
    inner = archive(member("../../evil", b"x"))
    outputs = unpack(io.BytesIO(archive(member("outputs/inner.tar", inner))), store)
    with store.open(outputs.files[0].sha256) as content:
        assert content.read() == inner


def test_ten_thousand_files_are_kept(store):
    data = archive(*(member(f"outputs/{n % 100}/{n}", str(n).encode()) for n in range(10_000)))
    outputs = unpack(io.BytesIO(data), store)
    assert len(outputs.files) == len({file.sha256 for file in outputs.files}) == 10_000
    assert store.outputs(outputs.sha256) == outputs


def test_a_million_empty_files_are_refused_before_they_fill_the_memory(store):
    def blocks():
        for n in range(1_000_000):
            yield tarfile.TarInfo(f"outputs/{n}").tobuf()

    class Million(io.RawIOBase):
        parts = blocks()

        def read(self, size: int = -1) -> bytes:
            assert size == 512, "there are only headers"
            return next(self.parts)

    with pytest.raises(errors.HostileArchive, match="more than 5000 files and folders"):
        unpack(Million(), store, Caps(max_members=5000))


class EndlessTar(io.RawIOBase):
    """A tar of one file of `size` random-looking bytes, made while it is read."""

    def __init__(self, size: int) -> None:
        info = tarfile.TarInfo("outputs/large")
        info.size = size
        self._parts = iter([info.tobuf(), *[bytes(range(256)) * 4096] * (size >> 20), bytes(1024)])
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = next(self._parts, b"")
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def test_memory_stays_bounded_for_200_mb(store):
    tracemalloc.start()
    outputs = unpack(EndlessTar(200 << 20), store)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outputs.files[0].size == 200 << 20
    assert peak < 8 << 20


def test_resident_memory_stays_bounded_for_a_file_on_disk(tmp_path):
    """The whole process, as a worker would run it, beyond what its imports take."""
    path = tmp_path / "outputs.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo("outputs/large")
        info.size = 200 << 20
        with open("/dev/zero", "rb") as zeros:
            tar.addfile(info, zeros)
    script = (
        "import resource, sys; from pathlib import Path; from airflow_provider_deflow.ocean import outputs\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "with open(sys.argv[1], 'rb') as tar: outputs.unpack(tar, outputs.ContentStore(Path(sys.argv[2])))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, path, tmp_path / "store"], check=True, capture_output=True, text=True
    )
    grown_kb = int(ran.stdout)
    assert grown_kb < 20_000


def test_a_content_is_kept_once(store, tmp_path):
    first = store.put(io.BytesIO(b"same"))
    assert store.put(io.BytesIO(b"same")) == first == (hashlib.sha256(b"same").hexdigest(), 4)
    assert len(names_below(tmp_path)) == 1
    assert store.has(first[0])
    assert store.path(first[0]).read_bytes() == b"same"


def test_writers_of_one_content_do_not_disturb_each_other(store, tmp_path):
    content = bytes(range(256)) * 40_000
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: store.put(io.BytesIO(content)), range(24)))
    assert set(results) == {(hashlib.sha256(content).hexdigest(), len(content))}
    assert len(names_below(tmp_path)) == 1


def test_what_a_crash_left_short_is_written_again(store):
    sha256, _ = store.put(io.BytesIO(b"whole"))
    store.path(sha256).write_bytes(b"")
    store.put(io.BytesIO(b"whole"))
    assert store.path(sha256).read_bytes() == b"whole"


def test_a_stream_that_breaks_leaves_nothing(store, tmp_path):
    class Breaking(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError("cut")

    with pytest.raises(OSError, match="cut"):
        store.put(Breaking())
    assert names_below(tmp_path) == set()


def test_what_is_not_kept_is_said_to_be(store):
    assert not store.has(EMPTY_SHA256)
    for read in (store.open, store.outputs):
        with pytest.raises(errors.MissingOutput, match="run its node again"):
            read(EMPTY_SHA256)


@pytest.mark.parametrize("sha256", ["", "..", "../" * 5 + "etc/passwd", "AB" * 32, "a" * 63, "a" * 64 + "\n"])
def test_only_a_sha256_becomes_part_of_a_path(store, sha256):
    for use in (store.open, store.outputs, store.has, store.path):
        with pytest.raises(errors.MissingOutput, match="is no sha256"):
            use(sha256)


def test_a_list_that_was_changed_is_noticed(store, tmp_path):
    sha256 = store.put_outputs(Outputs((OutputFile("a", 1, EMPTY_SHA256),), "", 0))
    kept = tmp_path / "store" / "outputs" / f"{sha256}.json"
    kept.write_text(kept.read_text().replace('"a"', '"b"'))
    with pytest.raises(errors.OutputError, match="is not what was kept"):
        store.outputs(sha256)
    kept.write_text("{")
    with pytest.raises(errors.OutputError, match="is not readable"):
        store.outputs(sha256)


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_any_kind_of_folder_will_do(tmp_path, kind):
    root = UPath(f"memory://{tmp_path.name}") if kind == "memory" else UPath(f"file://{tmp_path}/store")
    store = ContentStore(root)
    outputs = unpack(io.BytesIO(GOOD), store)
    with store.open(outputs.files[0].sha256) as content:
        assert content.read() == b"sea"
    assert store.outputs(outputs.sha256) == outputs
    assert store.has(outputs.files[1].sha256)
    assert not store.has(EMPTY_SHA256)
    with pytest.raises(errors.MissingOutput):
        store.open(EMPTY_SHA256)


def test_outputs_cross_json_and_back(store):
    outputs = unpack(io.BytesIO(GOOD), store)
    assert Outputs.from_document(json.loads(json.dumps(outputs.to_document()))) == outputs


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["*"], ["a/b.csv", "c.csv", "d.txt"]),
        (["*.csv"], ["a/b.csv", "c.csv"]),
        (["a/*", "d.*"], ["a/b.csv", "d.txt"]),
        (["*.CSV"], []),
        ([], []),
    ],
)
def test_globs_choose_files(patterns, names):
    files = [OutputFile(name, 0, EMPTY_SHA256) for name in ("a/b.csv", "c.csv", "d.txt")]
    assert [file.name for file in matching(files, patterns)] == names


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_note_is_found_by_its_name_and_the_last_one_written_counts(kind, tmp_path):
    root = UPath(f"memory://{tmp_path.name}") if kind == "memory" else UPath(f"file://{tmp_path}/store")
    store = ContentStore(root)

    assert store.note("kept/a.b/c") is None
    store.write_note("kept/a.b/c", {"n": 1})
    store.write_note("kept/a.b/c", {"n": 2})

    assert store.note("kept/a.b/c") == {"n": 2}
    assert store.note("kept/a.b") is None


def test_a_note_that_cannot_be_read_is_none(store, tmp_path):
    store.write_note("a", {"n": 1})
    (note,) = (tmp_path / "store").rglob("a.json")
    note.write_text("{")

    assert store.note("a") is None
    assert names_below(tmp_path / "store") == {"notes/a.json"}
