"""What a bot's connection may be waiting for, and how long each of it may take."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from gateway.edge.grammar import Limits

NEVER: Final = float("inf")


class Stage(StrEnum):
    """What a connection is waiting for; each has its own deadline, set once when it begins."""

    REQUEST = "the first byte of a request"
    HEAD = "the rest of a handshake or a head"
    BODY = "the rest of a body"
    HANDLER = "an answer to give"
    DRAIN = "the bot to read its answer"
    TUNNEL = "either end of an untouched tunnel to say something"
    END = "the bot to close, after the last answer"


REQUEST, HEAD, BODY, HANDLER, DRAIN, TUNNEL, END = Stage
"""By themselves: until Python 3.12 an enum's attribute costs a call."""


def patience(limits: Limits) -> Mapping[Stage, float]:
    """How long each may last, in seconds."""
    return {
        REQUEST: limits.idle_s,
        HEAD: limits.head_s,
        BODY: limits.body_s,
        HANDLER: NEVER,
        DRAIN: limits.drain_s,
        TUNNEL: limits.tunnel_idle_s,
        END: limits.linger_s,
    }
