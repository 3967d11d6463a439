"""The one error that building a channel may raise."""

from __future__ import annotations


class ChannelError(ValueError):
    """A channel that cannot be built as it was asked for; the message is for operators and names no secret."""
