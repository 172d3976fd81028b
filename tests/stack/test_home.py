# SPDX-License-Identifier: Apache-2.0
"""The state folder: made once, readable by its owner only, and honest about what it cannot do."""

from __future__ import annotations

import stat

import pytest

from airflow_provider_deflow.errors import StackError
from airflow_provider_deflow.stack.home import Home, read_stack, write_private


def test_secrets_are_made_once_and_are_their_owners_only(home):
    first = Home.at(home).secret("password", 12)
    assert Home.at(home).secret("password", 12) == first
    assert Home.at(home).secret("other") != first
    assert stat.S_IMODE((home / "secrets.json").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        StackError, match=r"cannot write .*file/home — Not a directory — choose another folder"
    ):
        Home.at(tmp_path / "file" / "home")


def test_a_path_too_long_for_a_socket_is_refused(tmp_path):
    with pytest.raises(StackError, match="too long a path for a socket — choose a shorter one with --home"):
        Home.at(tmp_path / ("x" * 100))


def test_a_half_written_or_missing_stack_file_means_that_none_is_up(tmp_path):
    assert read_stack(tmp_path) is None
    (tmp_path / "stack.json").write_text('{"pid"')
    assert read_stack(tmp_path) is None


def test_a_private_file_is_replaced_whole(tmp_path):
    file = tmp_path / "keys"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, "new")
    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
