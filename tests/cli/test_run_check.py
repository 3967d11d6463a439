"""``wsla run --check`` says what would run, and what would keep it from running, and leaves no trace."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsla.store.sqlite import Store

Run = Callable[..., Any]

TEXT = """\
agreement "Shop" version 2 {
  effective 2026-01-01 in "UTC"
  party host "Host" provider { hook webhook "https://hooks.example/T0KEN?key=T0KEN" desk email "desk@host.example" }
  party shop "Shop" consumer
  source web = http "https://user:T0KEN@shop.example/T0KEN?key=T0KEN" every 30s timeout 5s
  source mail = tcp "mail.example:25" every 1m
  source names = dns "shop.example" every 1m { server "192.0.2.53" }
  metric up     = web.ok and mail.ok and names.ok
  metric uptime = availability(up) each month

  goal available: host guarantees uptime >= 99% { otherwise notify host.hook }
}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "shop.sla"
    path.write_text(TEXT, "utf-8")
    return path


def test_what_would_run(run_wsla: Run, file: Path) -> None:
    finished = run_wsla("run", "--check", "shop.sla")
    assert finished.code == 0, finished.said
    lines = finished.out.splitlines()
    assert lines[0] == "Shop, version 2 (shop.sla)"
    assert [line.split()[:4] for line in lines[1:4]] == [
        ["source", "web", "http", "https://shop.example:443"],
        ["source", "mail", "tcp", "mail.example:25"],
        ["source", "names", "dns", "A"],
    ]
    assert "every 30s + " in lines[1]
    assert "https://hooks.example" in finished.out
    assert f"store {file.parent / 'wsla.db'}, which would be made" in lines
    assert "T0KEN" not in finished.said
    assert sorted(path.name for path in file.parent.iterdir()) == ["shop.sla"]


def test_as_json(run_wsla: Run, file: Path) -> None:
    finished = run_wsla("run", "--check", "--format", "json", "shop.sla")
    assert finished.code == 0
    found = json.loads(finished.out)
    assert (found["problems"], found["store_exists"], found["http"]) == ([], False, None)
    (agreement,) = found["agreements"]
    web, mail, _ = agreement["sources"]
    assert (web["kind"], web["target"], web["every"], web["timeout"]) == (
        "http",
        "https://shop.example:443",
        "30s",
        "5s",
    )
    assert mail["timeout"] == "10s"
    channels = {one["name"]: one for one in agreement["channels"]}
    assert channels["host.hook"]["address"] == "https://hooks.example"
    assert channels["host.desk"]["address"] is None
    assert "no server for mail" in channels["host.desk"]["nowhere"]
    assert len(found["warnings"]) == 1
    assert "T0KEN" not in finished.out


def test_reports_and_reviews_are_shown_with_when_they_come_next(run_wsla: Run, file: Path) -> None:
    lines = "publish report to host each month call review with host.hook each year after 1d at 10:00"
    file.write_text(f"{file.read_text().rstrip()[:-1]}  {lines}\n}}\n")
    shown = run_wsla("run", "--check", "shop.sla")
    assert shown.code == 0, shown.said
    assert [line.split()[:4] for line in shown.out.splitlines() if "next at" in line] == [
        ["report", "1", "to", "host"],
        ["review", "1", "to", "host.hook"],
    ]
    found = json.loads(run_wsla("run", "--check", "--format", "json", "shop.sla").out)
    report, review = found["agreements"][0]["recurring"]
    assert (report["name"], review["targets"]) == ("report 1", ["host.hook"])
    assert "-01-02T10:00:00" in review["next_at"]


def test_the_phase_is_that_of_the_daemon(run_wsla: Run, file: Path) -> None:
    from wsla.daemon.scheduler import phase_of
    from wsla.values.instants import SECOND, format_length

    found = json.loads(run_wsla("run", "--check", "--format", "json", "shop.sla").out)
    assert found["agreements"][0]["sources"][0]["phase"] == format_length(
        phase_of("Shop", "web", 30 * SECOND)
    )


def test_bindings_of_any_kind(run_wsla: Run, file: Path) -> None:
    Path("wsla.toml").write_text(
        '[bindings.sources.web]\nkind = "tcp"\naddress = "127.0.0.1:8443"\nevery = "10s"\n'
        '[bindings.sources.names]\nserver = "127.0.0.1:5353"\n'
        '[bindings.sources.mail]\ntimeout = "2s"\n'
    )
    found = json.loads(run_wsla("run", "--check", "--format", "json", "shop.sla").out)
    assert found["problems"] == []
    shown = {
        one["name"]: (one["kind"], one["target"], one["every"], one["timeout"])
        for one in found["agreements"][0]["sources"]
    }
    assert shown == {
        "web": ("tcp", "127.0.0.1:8443", "10s", "5s"),
        "mail": ("tcp", "mail.example:25", "1m", "2s"),
        "names": ("dns", "A shop.example. at 127.0.0.1:5353", "1m", "10s"),
    }


@pytest.mark.parametrize(
    ("toml", "what"),
    [
        ('[bindings.sources.web]\nkind = "tcp"\naddress = "host"\n', "source web: the address has no port"),
        ('[bindings.sources.mail]\nserver = "x"\n', "a source of kind tcp has no option server"),
        ('[bindings.sources.mail]\nkind = "tpc"\n', 'there is no "tpc"; did you mean "tcp"?'),
        ('[bindings.sources.web]\nkind = "tcp"\nserver = "x"\n', "there is no such setting"),
        ('[bindings.sources.web]\nkind = "icmp"\naddress = "127.0.0.1"\ncount = 1.5\n', "a whole number"),
        ("[bindings.sources.mail]\n", "a binding says what is looked at instead, or how often"),
        ('[bindings.sources.male]\nevery = "1s"\n', 'did you mean "mail"?'),
        ('[network]\nreach = ["publik"]\n', 'there is no "publik"; did you mean "public"?'),
        ('[network]\nreach = "public"\n', "texts in brackets"),
        ('[network]\nreferences = ["192.0.2.1"]\n', "network.references: the address has no port"),
        ('[commands]\nallow = ["true"]\n', "whole path of a program"),
        ('store = "sqlite:///nowhere/wsla.db"\n', "does not exist"),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_problems(run_wsla: Run, file: Path, toml: str, what: str, form: str) -> None:
    Path("wsla.toml").write_text(toml)
    finished = run_wsla("run", "--check", "--format", form, "shop.sla")
    assert finished.code == 1
    if form == "json":
        assert any(what in problem for problem in json.loads(finished.out)["problems"])
    else:
        assert what in finished.said
    assert sorted(path.name for path in file.parent.iterdir()) == ["shop.sla", "wsla.toml"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_broken_agreement(run_wsla: Run, file: Path, form: str) -> None:
    file.write_text(TEXT.replace("uptime >= 99%", "uptme >= 99%"), "utf-8")
    finished = run_wsla("run", "--check", "--format", form, "shop.sla")
    assert finished.code == 1
    assert "uptme" in finished.said
    if form == "json":
        assert json.loads(finished.out)["agreements"] == []


def test_an_address_may_be_a_secret(run_wsla: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("wsla.toml").write_text(
        '[bindings.sources.web]\nurl = { env = "WEB" }\n[bindings.sources.mail]\naddress = { file = "place" }\n'
    )
    Path("place").write_text("127.0.0.1:2525\n")
    monkeypatch.setenv("WEB", "http://127.0.0.1:8080/T0KEN")
    finished = run_wsla("run", "--check", "shop.sla")
    assert finished.code == 0, finished.said
    assert "http://127.0.0.1:8080 " in finished.out
    assert "127.0.0.1:2525" in finished.out
    assert "T0KEN" not in finished.said
    monkeypatch.delenv("WEB")
    finished = run_wsla("run", "--check", "shop.sla")
    assert (finished.code, "bindings.sources.web.url" in finished.said) == (1, True)


def test_a_program_that_is_not_allowed(run_wsla: Run, file: Path) -> None:
    file.write_text(TEXT.replace('tcp "mail.example:25"', 'command "/usr/bin/true"'), "utf-8")
    finished = run_wsla("run", "--check", "shop.sla")
    assert finished.code == 1
    assert '[commands] allow = ["/usr/bin/true"]' in finished.said
    assert "Nothing would be started." in finished.said
    Path("wsla.toml").write_text('[commands]\nallow = ["/usr/bin/true"]\n')
    assert run_wsla("run", "--check", "shop.sla").code == 0


def test_a_store_in_use_is_not_disturbed(run_wsla: Run, file: Path) -> None:
    with Store.open("wsla.db", writer=True):
        finished = run_wsla("run", "--check", "shop.sla")
    assert finished.code == 0, finished.said
    assert "would be made" not in finished.out


def test_a_store_that_is_none(run_wsla: Run, file: Path) -> None:
    Path("wsla.db").write_text("this is no store" * 100)
    assert run_wsla("run", "--check", "shop.sla").code == 1


def test_what_answers_over_http(run_wsla: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("wsla.toml").write_text('[http]\naddress = "127.0.0.1:8780"\n')
    finished = run_wsla("run", "--check", "shop.sla")
    assert finished.code == 0, finished.said
    assert "answers at 127.0.0.1:8780" in finished.out
    monkeypatch.setitem(sys.modules, "wsla.web.server", None)
    finished = run_wsla("run", "--check", "--format", "json", "shop.sla")
    found = json.loads(finished.out)
    assert (finished.code, found["http"]) == (1, "127.0.0.1:8780")
    assert "pip install 'wsla[web]'" in found["problems"][-1]


def test_the_format_belongs_to_the_check(run_wsla: Run, file: Path) -> None:
    assert run_wsla("run", "--format", "json", "shop.sla").code == 2


def test_what_others_send_is_listed_too(run_wsla: Run, file: Path) -> None:
    file.write_text(TEXT.replace('tcp "mail.example:25" every 1m', "push every 1m"), "utf-8")
    Path("wsla.toml").write_text('[http]\naddress = "127.0.0.1:0"\n', "utf-8")
    finished = run_wsla("run", "--check", "shop.sla")
    assert finished.code == 0, finished.said
    [line] = [line for line in finished.out.splitlines() if "source mail" in line]
    assert line.split() == ["source", "mail", "push", "what", "others", "send", "over", "HTTP"]
    found = json.loads(run_wsla("run", "--check", "--format", "json", "shop.sla").out)
    [sent] = [one for one in found["agreements"][0]["sources"] if one["name"] == "mail"]
    assert sent == {
        "name": "mail",
        "kind": "push",
        "target": "what others send over HTTP",
        "every": None,
        "timeout": None,
        "phase": None,
    }


def test_what_is_read_on_is_listed_with_its_place_and_without_secrets(run_wsla: Run, file: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    text = TEXT.replace('tcp "mail.example:25" every 1m', 'csv "mail.csv" every 1m')
    base = 'sql "postgresql://user:T0KEN@db.example/shop" "SELECT true AS ok" every 1m'
    text = text.replace('dns "shop.example" every 1m { server "192.0.2.53" }', base)
    file.write_text(text, "utf-8")
    finished = run_wsla("run", "--check", "shop.sla")
    assert finished.code == 0, finished.said
    lines = [line.split() for line in finished.out.splitlines()]
    assert [line[:4] for line in lines if line[:2] == ["source", "mail"]] == [
        ["source", "mail", "csv", str(file.parent / "mail.csv")]
    ]
    assert ["source", "names", "sql", "postgresql://db.example/shop"] in [line[:4] for line in lines]
    assert "T0KEN" not in finished.said
