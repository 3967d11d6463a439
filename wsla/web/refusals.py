"""Why a request gets no answer."""

from __future__ import annotations


class Refused(Exception):
    """A request that is not answered: the status, and a sentence that says why."""

    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers or {}
