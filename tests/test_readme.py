# SPDX-License-Identifier: Apache-2.0
"""The README says what is there: its document, commands, names, options, dependencies and links."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from airflow_provider_deflow import cli, errors
from airflow_provider_deflow.graphs import find_problems
from airflow_provider_deflow.provider_info import get_provider_info

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_its_document_has_no_problems() -> None:
    (document,) = blocks("json")

    assert find_problems(json.loads(document)) == []


def test_the_names_it_imports_are_there() -> None:
    (code,) = blocks("python")

    for statement in ast.parse(code).body:
        if isinstance(statement, ast.ImportFrom):
            module = importlib.import_module(statement.module or "")
            assert all(hasattr(module, name.name) for name in statement.names)


COMMANDS = re.findall(r"^    (deflow [^#\n]+)", README, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_it_shows_exists(line: str) -> None:
    words = [word for word in shlex.split(line)[1:] if re.fullmatch("[a-z-]+", word)]
    command: click.Command = cli.main
    context = click.Context(command)
    for word in words:
        if isinstance(command, click.Group) and (found := command.get_command(context, word)):
            command = found
    assert command is not cli.main
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in shlex.split(line) if word.startswith("--")} <= options
    assert CliRunner().invoke(command, ["--help"]).exit_code == 0


def test_it_shows_commands() -> None:
    assert len(COMMANDS) >= 8


def test_its_errors_exist_and_are_tried_again_as_it_says() -> None:
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (yes|no) \|", README, re.MULTILINE)

    told = {name: again for names, again in rows for name in re.findall(r"`(\w+)`", names)}
    assert {name: "yes" if getattr(errors, name).retryable else "no" for name in told} == told
    assert len(told) > 12


def test_every_connection_field_and_option_is_in_it() -> None:
    info = get_provider_info()

    fields = [name for connection in info["connection-types"] for name in connection.get("conn-fields", {})]
    for name in [*fields, *info["config"]["deflow"]["options"]]:
        assert f"`{name}`" in README


def test_every_dependency_has_its_reason_in_it() -> None:
    section = README.partition("| dependency | why |")[2].partition("\n\n")[0]

    for dependency in PROJECT["dependencies"]:
        assert re.split(r"[\[<>=!~; ]", dependency)[0] in section


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)

    assert len(links) >= 5
    assert [link for link in links if not (ROOT / link).exists()] == []
