"""A7: what recovered while no daemon ran is told once, as soon as one does."""

from __future__ import annotations

import re
from typing import Any

import pytest

# A busy machine makes a look take too long, but not ten, one after the other.
RULE = "when not up for 1s { notify globex repeat every 1h on recovery: notify globex }"


def steps(place: Any) -> list[str]:
    got = [one["notice"]["id"].split("|") for one in list(place.receiver.got)]
    return [parts[3] for parts in got if parts[2].startswith("rule")]


@pytest.mark.parametrize("starts", [1, 3])
def test_resolved_while_the_daemon_is_down(place: Any, starts: int) -> None:
    """A7: exactly one recovery, however often it is started afterwards."""
    text = re.sub(r"when not up .*", RULE, place.text(promised="1%")).replace("otherwise notify globex", "")
    place.write(text)
    place.service.healthy = False
    running = place.run()
    place.until(lambda: "fired 1" in steps(place))
    running.stop()
    place.service.healthy = True
    for _ in range(starts):
        again = place.run()
        seen = place.count("observations")
        place.until(lambda seen=seen: place.count("observations") > seen + 5)
        place.until(lambda: "recovery 1" in steps(place))
        again.stop()
    assert steps(place) == ["fired 1", "recovery 1"]
    assert place.count("intents", "id LIKE '%recovery%'") == 1
