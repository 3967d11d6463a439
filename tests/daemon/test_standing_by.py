"""A daemon that stands by answers over HTTP: from the shared database, and what is sent to it is judged once."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytest.importorskip("starlette", reason="what answers over HTTP is not installed")
pytest.importorskip("uvicorn", reason="what answers over HTTP is not installed")
pytest.importorskip("jinja2", reason="what draws pages is not installed")
pytest.importorskip("prometheus_client", reason="what tells figures is not installed")

import httpx
from prometheus_client.parser import text_string_to_metric_families

from wsla.daemon import post
from wsla.daemon.config import Config, Limits, load_config
from wsla.daemon.http_config import SCOPES, Http, Token
from wsla.store.errors import StoreError
from wsla.store.sqlite import Store
from wsla.web.serving import Serving

from .conftest import Place, Receiver, Running, Service, until
from .test_several import Database

OPERATOR = Token(name="operator", secret="operator-0123456", scopes=frozenset(SCOPES))
GLOBEX = Token(name="globex", secret="globex-012345678", party="Globex", scopes=frozenset({"read", "push"}))
OTHER = Token(name="other", secret="other-0123456789", party="initech", scopes=frozenset({"read", "push"}))
SENT = """agreement "Sent" version 1 {
  kind customer
  effective 2026-01-01 in "UTC"
  grace 1h
  party acme "Acme" provider
  party globex "Globex" consumer
  source web = push every 1s {
    label region
    up    up
  }
  source job = heartbeat every 1m timeout 10s
  metric uptime = availability(web.up) each 10s by region
  metric ran    = availability(job.ok) each 1h
  goal available: acme guarantees uptime >= 99%
  goal running: acme guarantees ran >= 99%
}
"""
ROWS = "/api/v1/agreements/Sent/sources/web/observations"
BEAT = "/api/v1/heartbeat/Sent/job"


CONFIG = Config(
    http=Http(host="127.0.0.1", port=0, tokens=(OPERATOR, GLOBEX, OTHER), requests_per_minute=100_000),
    limits=Limits(snapshot_every=300_000_000),
)


class One:
    """A daemon in this process, and somebody who asks it."""

    def __init__(self, place: Database, config: Config = CONFIG) -> None:
        self.serving = Serving(config.http)
        self.running: Running = place.run(place.folder, config=config, serving=self.serving)
        assert self.running.daemon or self.running.member, self.running.lines
        server = self.serving._server
        assert server is not None
        self.client = httpx.Client(base_url=server.url, timeout=60, trust_env=False)

    def get(self, path: str, token: Token | None = OPERATOR) -> httpx.Response:
        return self.client.get(path, headers=_by(token))

    def post(self, path: str, value: Any = None, token: Token | None = OPERATOR) -> httpx.Response:
        return self.client.post(path, json=value, headers=_by(token))

    def end(self) -> None:
        self.client.close()
        self.running.stop()
        self.serving.close()


def _by(token: Token | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token.secret}"}


@pytest.fixture
def place(tmp_path: Any, postgres: Any) -> Iterator[Database]:
    found = Database(tmp_path, Service(), Receiver())
    found.url = postgres.database()
    found.write(found.text(every="50ms", timeout="50ms", window="500ms"))
    found.write(SENT, "sent.sla")
    try:
        yield found
    finally:
        for process in found.processes:
            process.kill()
            process.wait()
        for running in found.running:
            running.stop()
        if found.connection is not None:
            found.connection.close()
        found.service.end()
        found.receiver.end()
        postgres.drop(found.url)


@pytest.fixture
def two(place: Database) -> Iterator[tuple[One, One]]:
    """The one that judges, and one that stands by."""
    judge = One(place)
    standby = One(place)
    yield judge, standby
    standby.end()
    judge.end()


def row(seconds: float, **changes: Any) -> dict[str, Any]:
    at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    return {"at": at, "region": "eu", "up": True, **changes}


def roles(two: tuple[One, One]) -> set[str]:
    return {one.get("/healthz", None).headers["Wsla-Role"] for one in two}


def figures(one: One) -> dict[Any, float]:
    families = text_string_to_metric_families(one.get("/metrics").text)
    return {
        (sample.name, *sample.labels.values()): sample.value for one in families for sample in one.samples
    }


def test_it_shows_what_the_one_that_judges_shows(place: Place, two: tuple[One, One]) -> None:
    judge, standby = two
    place.service.healthy = False
    until(lambda: place.count("entries"))
    place.service.healthy = True
    for one, role in ((judge, "judge"), (standby, "standby")):
        other = "standby" if role == "judge" else "judge"
        health = one.get("/healthz", None)
        assert (health.status_code, health.json()) == (200, {"status": "ok"})
        assert health.headers["Wsla-Role"] == role
        # Names of machines are nobody's business who has no token.
        assert "Wsla-Judge" not in health.headers
        until(lambda one=one: one.get("/readyz", None).json()["reasons"] == [])
        assert one.get(f"/readyz?role={role}", None).status_code == 200
        assert one.get(f"/readyz?role={other}", None).status_code == 503
        assert one.get("/readyz?role=king", None).status_code == 400
        assert one.get("/api/v1/agreements", None).status_code == 401
        assert one.get("/api/v1/agreements", OTHER).json() == {"agreements": []}
        assert one.get("/api/v1/agreements/Quick", OTHER).status_code == 404
        assert one.get("/metrics", GLOBEX).status_code == 403
        status = one.get("/api/v1/status")
        assert status.json()["role"] == role
        assert status.json()["judge"] == status.json()["daemon"] == status.headers["Wsla-Daemon"]
        assert status.headers["Wsla-Judge"] == status.json()["judge"]
        assert "Wsla-Judge" not in one.get("/", GLOBEX).headers
    assert "stands by" not in judge.get("/").text
    assert "which stands by; process " in standby.get("/agreements/Quick").text
    assert "from a daemon that stands by" in standby.get("/", GLOBEX).text
    assert "process " not in standby.get("/", GLOBEX).text
    for path in ("", "/Sent"):
        shown = [one.get(f"/api/v1/agreements{path}").json() for one in two]
        for agreement in [each for answer in shown for each in answer.get("agreements", [answer])]:
            # What each of them has taken in itself.
            del agreement["observations"]
        assert shown[0] == shown[1]
    before = datetime.now(UTC).isoformat().replace("+", "%2B")
    period = f"window=2026-01-01T00:00:00Z..{before}"
    for kind in ("verdicts", "ledger", "notices", "report"):
        until(
            lambda kind=kind: (
                judge.get(f"/api/v1/agreements/Quick/{kind}?{period}").json()
                == standby.get(f"/api/v1/agreements/Quick/{kind}?{period}").json()
            )
        )
    [window] = standby.get("/api/v1/agreements/Quick/windows").json()["windows"]
    assert (window["goal"], window["final"]) == ("available", False)


def test_each_tells_its_own_figures(two: tuple[One, One]) -> None:
    judge, standby = two
    assert figures(judge)["wsla_role", "judge"] == figures(standby)["wsla_role", "standby"] == 1
    assert figures(judge)["wsla_role", "standby"] == figures(standby)["wsla_role", "judge"] == 0
    assert not [name for name in figures(standby) if name[0].startswith(("wsla_goal", "wsla_deliveries"))]
    assert [name for name in figures(judge) if name[0] == "wsla_goal_windows"]
    looks = "wsla_look_lateness_seconds_count"
    before = figures(judge)[looks,] + figures(standby)[looks,]
    until(lambda: figures(judge)[looks,] + figures(standby)[looks,] > before)


def test_what_is_sent_to_it_is_answered_as_by_the_one_that_judges(
    place: Database, two: tuple[One, One]
) -> None:
    judge, standby = two
    rows = [row(-3), row(-2), row(-1, region="us")]
    answer = standby.post(ROWS, rows, GLOBEX)
    assert (answer.status_code, answer.json()["accepted"], answer.headers["Wsla-Known"]) == (200, 3, "0")
    assert place.count("observations JOIN streams ON streams.id = stream_id", "source = 'web'") == 3
    for one in two:
        again = one.post(ROWS, [*rows, {**rows[0], "up": False}, row(-1, up="broken")])
        assert again.headers["Wsla-Known"] == "3"
        assert (again.json()["accepted"], again.json()["refused"]) == (3, 2)
    assert judge.post(ROWS, [row(-1)]).status_code == 200
    late = [one.post(ROWS, [row(-7200 - number)]).json() for number, one in enumerate(two)]
    assert [one["late"] for one in late] == [late[0]["late"]] * 2
    for path in (ROWS.replace("web", "none"), ROWS.replace("Sent", "None")):
        assert standby.post(path, rows).status_code == judge.post(path, rows).status_code == 404
    assert standby.post(ROWS, rows, OTHER).status_code == 404
    assert standby.post(ROWS, rows, None).status_code == 401
    until(lambda: place.count("letters") == 0)


def test_a_beat_counts_once_whoever_hears_it(place: Database, two: tuple[One, One]) -> None:
    judge, standby = two
    beats = "observations JOIN streams ON streams.id = stream_id"
    for number, one in enumerate((standby, judge, standby), 1):
        answer = one.post(BEAT, token=GLOBEX)
        assert answer.status_code == 200, answer.text
        value = answer.json()
        due = datetime.fromisoformat(value["next_due"]) - datetime.fromisoformat(value["at"])
        assert due == timedelta(minutes=1)
        assert place.count(beats, "source = 'job'") == number
    assert standby.get(BEAT.replace("job", "web"), GLOBEX).status_code == 404


def test_people_say_it_to_either(place: Database, two: tuple[One, One]) -> None:
    judge, standby = two
    path = "/api/v1/agreements/Quick"
    said = standby.post(f"{path}/silence", {"by": "Ann", "for": "1h", "reason": "moving"})
    assert said.status_code == 200, said.text
    assert [one["by"] for one in judge.get(f"{path}/silences").json()["silences"]] == ["Ann"]
    assert standby.post(f"{path}/silence", {"by": "B", "for": "1h", "reason": "x"}, GLOBEX).status_code == 403
    assert judge.post(f"{path}/silence/end", {"by": "Ben"}).status_code == 200
    assert standby.get(f"{path}/silences").json()["silences"] == []
    # A clock that is wrong says when nothing.
    standby.running.member.apart = True
    view = standby.serving._view
    assert view is not None
    with pytest.raises(StoreError, match="clock"), view.noting():
        pass


def test_changed_tokens_hold_there_too(place: Database, two: tuple[One, One]) -> None:
    """Nobody whose token was taken away goes on to read at the daemon beside."""
    file = place.folder / "wsla.toml"
    head = f'[http]\naddress = "127.0.0.1:{place.closed_port()}"\n'
    old, new = (
        f'[http.tokens.{name}]\nsecret = {{ env = "{name}" }}\nscopes = ["read"]\n' for name in ("OLD", "NEW")
    )
    place.environ |= {"OLD": OTHER.secret, "NEW": GLOBEX.secret}
    file.write_text(head + old)
    third = One(place, load_config(file, place.environ))
    try:
        codes = lambda: [third.get("/", token).status_code for token in (OTHER, GLOBEX)]  # noqa: E731
        assert codes() == [200, 401]
        file.write_text(head + new)
        third.running.member.reload()
        until(lambda: codes() == [401, 200])
        file.write_text(head + old + "[nonsense")
        third.running.member.reload()
        until(lambda: third.get("/readyz", None).json()["remarks"])
        assert codes() == [401, 200]
    finally:
        third.end()


def test_what_nobody_takes_is_not_acknowledged(
    place: Database, two: tuple[One, One], monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, standby = two
    monkeypatch.setattr(post, "ANSWERED_WITHIN", 1.0)
    daemon = judge.running.daemon
    assert daemon is not None
    judge.running.ask(lambda daemon: daemon._letters._task.cancel())
    for answer in (standby.post(ROWS, [row(-1)]), standby.post(BEAT)):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
    until(lambda: place.count("letters") == 0)


def test_the_address_goes_on_while_the_turn_changes(place: Database, two: tuple[One, One]) -> None:
    """Whoever judges: everything that was acknowledged by either is stored once, and what was sent in between waits."""
    _, standby = two
    acknowledged: list[dict[str, Any]] = []
    failed: list[Any] = []
    ended = threading.Event()

    def send() -> None:
        number = 0
        with httpx.Client(base_url=standby.client.base_url, timeout=60, trust_env=False) as client:
            while not ended.is_set():
                number += 1
                sent = row(0, region=f"r{number}")
                answer = client.post(ROWS, json=[sent], headers=_by(OPERATOR))
                if answer.status_code == 200:
                    acknowledged.append(sent)
                else:
                    failed.append((answer.status_code, answer.text))

    sender = threading.Thread(target=send)
    sender.start()
    try:
        for _ in range(2):
            until(lambda: len(acknowledged) > 3)
            before = len(acknowledged)
            # Another one is in force, and gone again: whoever stands by is quicker than who has to step back.
            place.rows("UPDATE store SET epoch = epoch + 1 RETURNING epoch")
            until(lambda before=before: len(acknowledged) > before + 3)
            until(lambda: roles(two) == {"judge", "standby"})
    finally:
        ended.set()
        sender.join(60)
    assert {status for status, _ in failed} <= {503}
    with Store.open(place.url, writer=False) as store:
        stored = [one.fields["region"] for one in store.observations("Sent", 0, 2**62, "web")]
    assert len(stored) == len(set(stored))
    assert {one["region"] for one in acknowledged} <= set(stored)


def test_killing_the_one_that_judges_loses_nothing_that_was_acknowledged(place: Database) -> None:
    """D7: pushes and beats that one which stands by has answered."""
    (place.folder / "wsla.toml").write_text(
        '[limits]\nsnapshot_every = "300ms"\n[http]\naddress = "127.0.0.1:8321"\n'
    )
    process = place.start(place.folder)
    until(lambda: place.count("observations"))
    standby = One(place)
    try:
        acknowledged = []
        killed = False
        end = time.monotonic() + 30
        while not killed or "keeping 2 agreements" not in "\n".join(standby.running.lines):
            assert time.monotonic() < end
            sent = row(0, region=f"r{len(acknowledged)}")
            if standby.post(ROWS, [sent]).status_code == 200:
                acknowledged.append(sent["region"])
            if not killed and len(acknowledged) == 5:
                process.send_signal(signal.SIGKILL)
                killed = True
        assert standby.post(BEAT).status_code == 200
        with Store.open(place.url, writer=False) as store:
            stored = [one.fields["region"] for one in store.observations("Sent", 0, 2**62, "web")]
        assert len(stored) == len(set(stored))
        assert set(acknowledged) <= set(stored)
    finally:
        standby.end()
