# SPDX-License-Identifier: Apache-2.0
"""The development chain's program, `anvil`: where it is found, how it is started, how it is asked.

It is no Python package. `make` puts it beside the virtual environment from npm; elsewhere it is on PATH, or
the variable DEFLOW_ANVIL names it. Without it `deflow up` works, free jobs included, and only says so.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests

from airflow_provider_deflow.errors import ChainUnreachable, StackError
from airflow_provider_deflow.stack.home import Home

NAME = "anvil"
SETTING = "DEFLOW_ANVIL"
_IN_NPM_FOLDER = "@foundry-rs/anvil-*/bin/anvil"
_TIMEOUT_SECONDS = 10.0


def binary() -> Path | None:
    """The one that the setting names and no other, else on PATH, else in an npm folder beside this Python."""
    named = os.environ.get(SETTING)
    if found := shutil.which(named or NAME):
        return Path(found)
    return None if named else next(_from_npm(), None)


def _from_npm() -> Iterator[Path]:
    prefix = Path(sys.prefix)
    for folder in (prefix / "npm", prefix / "lib", prefix.parent):
        yield from (folder / "node_modules").glob(_IN_NPM_FOLDER)


def how_to_get_it() -> str:
    """The command, and what else would do."""
    if named := os.environ.get(SETTING):
        return f"correct {SETTING}: {named} is no program; or unset it"
    return (
        f"npm install --prefix {Path(sys.prefix) / 'npm'} @foundry-rs/anvil   or put it on PATH, or name it "
        f"in {SETTING}; in a clone `make chain` does it"
    )


def is_there(report: Callable[[str], None]) -> bool:
    """Whether there is one; where there is none, that is reported with what to do."""
    if binary():
        return True
    report(f"  no chain: anvil was not found, so nothing can be published or paid — {how_to_get_it()}")
    return False


def command(home: Home, port: int, chain_id: int) -> tuple[str, ...]:
    """How it is started, with what an earlier one left in the home."""
    program = binary()
    if program is None:
        raise StackError(f"anvil was not found — {how_to_get_it()}")
    keeper = "airflow_provider_deflow.stack.kept_anvil"
    return (sys.executable, "-m", keeper, str(program), str(home.root / "chain"), str(port), str(chain_id))


def ask(rpc_url: str, method: str, *parameters: Any) -> Any:
    """One question, without web3, which takes a second to import."""
    return ask_all(rpc_url, (method, *parameters))[0]


def ask_all(rpc_url: str, *questions: tuple[Any, ...]) -> list[Any]:
    """Several questions (method and parameters) in one request; the answers in their order."""
    asked = [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
        for number, (method, *parameters) in enumerate(questions)
    ]
    try:
        answers = requests.post(rpc_url, json=asked, timeout=_TIMEOUT_SECONDS).json()
    except requests.RequestException as error:
        raise ChainUnreachable(f"the development chain at {rpc_url} does not answer — {error}") from error
    in_order = sorted(answers, key=lambda answer: int(answer["id"]))
    for (method, *_), answer in zip(questions, in_order, strict=True):
        if "error" in answer:
            raise StackError(f"the development chain refused {method} — {answer['error']['message']}")
    return [answer["result"] for answer in in_order]
