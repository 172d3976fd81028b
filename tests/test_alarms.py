# SPDX-License-Identifier: Apache-2.0
"""Alarms reach the log, the ledger and the notifiers; what is wrong with one way leaves the others open."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import BaseNotifier
from pymongo.database import Database

from airflow_provider_deflow.alarms import Alarm, raise_alarm
from airflow_provider_deflow.ledger import history
from airflow_provider_deflow.ledger.store import LedgerStore
from airflow_provider_deflow.stack import mongod
from tests import mail_server

STALL = Alarm(
    "stall",
    "its status has not changed for 3 h, others took 4 min: look at the Ocean Node.",
    dag_id="deflow_drawn",
    run_id="run 1",
    task_id="train",
    job_id="0x1-2",
    ocean_node_url="https://node.example",
)
TOLD: list[str] = []


class Told(BaseNotifier):
    """One with a template, as mail and Slack have."""

    template_fields = ("text",)

    def __init__(self, text: str = "{{ alarm.kind }} of {{ ti.task_id }}: {{ alarm.what }}") -> None:
        super().__init__()
        self.text = text

    def notify(self, context: Any) -> None:
        TOLD.append(self.text)


class Broken(BaseNotifier):
    """One whose server is away."""

    def notify(self, context: Any) -> None:
        raise ConnectionError("mail is down")


instance = Told("{{ alarm.kind }} {{ alarm.job_id }} {{ reason }}")


def made_by_a_function() -> Told:
    return Told("made")


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What the notifiers said; the storage, for the ledger's spool, is the test's own."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    TOLD.clear()
    return TOLD


def notifiers(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setenv("AIRFLOW__DEFLOW__ALARM_NOTIFIERS", ", ".join(f"{__name__}.{name}" for name in names))


def test_the_log_has_all_that_is_known_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    raise_alarm(STALL)

    (record,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert record.getMessage() == (
        "DeFlow alarm: stall dag_id=deflow_drawn run_id=run 1 task_id=train job_id=0x1-2 "
        "ocean_node_url=https://node.example: its status has not changed for 3 h, others took 4 min: "
        "look at the Ocean Node."
    )


def test_a_notifier_is_named_as_itself_its_class_or_a_function(
    monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    notifiers(monkeypatch, "instance", "Told", "made_by_a_function")

    raise_alarm(STALL)

    assert told == [f"stall 0x1-2 {STALL}", f"stall of train: {STALL.what}", "made"]


def test_a_notifier_says_the_second_alarm_too(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    notifiers(monkeypatch, "instance")

    raise_alarm(STALL)
    raise_alarm(Alarm("orphan", "stop it", job_id="0x1-3"))

    assert told[1] == "orphan 0x1-3 DeFlow alarm: orphan job_id=0x1-3: stop it"


def test_what_is_wrong_with_one_notifier_is_logged_and_the_next_is_told(
    monkeypatch: pytest.MonkeyPatch, told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    notifiers(monkeypatch, "Broken", "not_there", "STALL", "Told")

    raise_alarm(STALL)

    assert told == [f"stall of train: {STALL.what}"]
    for reason in ("mail is down", "not_there", "is a Alarm: name a notifier"):
        assert reason in caplog.text


def test_the_documented_mail_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The example of docs/monitoring.md as it stands there, with a mail server to take it."""
    docs = (Path(__file__).parents[1] / "docs" / "monitoring.md").read_text(encoding="utf-8")
    example = re.findall(r"```python\n(.*?)```", docs, re.DOTALL)[0]
    (tmp_path / "my_alarms.py").write_text(example, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("AIRFLOW__DEFLOW__ALARM_NOTIFIERS", "my_alarms.mail")
    with mail_server.running() as server:
        connection = {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": server.port,
            "extra": {"disable_ssl": True, "disable_tls": True},
        }
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))

        raise_alarm(STALL)
        raise_alarm(replace(STALL, kind="orphan"))

    messages = [message_from_string(message) for message in server.messages]
    assert [message["Subject"] for message in messages] == [
        "stall: deflow_drawn train",
        "orphan: deflow_drawn train",
    ]
    (body,) = [part.get_payload(decode=True) for part in messages[0].walk() if not part.is_multipart()]
    assert b"job 0x1-2 on https://node.example" in body


def test_no_secret_is_told(
    monkeypatch: pytest.MonkeyPatch, told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    notifiers(monkeypatch, "instance")
    signature = "0x" + "ab" * 65

    raise_alarm(
        Alarm(
            "failure", f"https://node.example/api?signature={signature} said no to token=hidden {signature}"
        )
    )

    assert "node.example" in told[0]
    assert signature[:20] not in told[0] + caplog.text
    assert "hidden" not in told[0] + caplog.text


def test_it_is_in_the_ledger_of_its_run(
    mongo_uri: str, mongo_database: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(mongod.airflow_connection(mongo_uri))
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", json.dumps({**connection, "schema": mongo_database.name}))

    raise_alarm(STALL)

    ledger = LedgerStore(mongo_database)
    found = ledger.run("run 1")
    (node,) = history.of_run(found, ledger.entries([found["_id"]]))["nodes"]
    (alarm,) = node["alarms"]
    assert (node["task_id"], alarm["alarm"], alarm["what"]) == ("train", "stall", STALL.what)
    assert (alarm["job_id"], alarm["ocean_node"]) == ("0x1-2", "https://node.example")
