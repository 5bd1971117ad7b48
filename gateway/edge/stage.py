"""What a bot's connection may be waiting for, and how long each of it may take."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from gateway.edge.grammar import Limits

NEVER: Final = float("inf")


class Stage(Enum):
    """What a connection is waiting for; each has its own deadline, set once when it begins."""

    REQUEST = "the first byte of a request"
    HEAD = "the rest of a handshake or a head"
    BODY = "the rest of a body"
    HANDLER = "an answer to give"
    DRAIN = "the bot to read its answer"
    TUNNEL = "either end of an untouched tunnel to say something"
    END = "the bot to close, after the last answer"


def patience(limits: Limits) -> Mapping[Stage, float]:
    """How long each may last, in seconds."""
    return {
        Stage.REQUEST: limits.idle_s,
        Stage.HEAD: limits.head_s,
        Stage.BODY: limits.body_s,
        Stage.HANDLER: NEVER,
        Stage.DRAIN: limits.drain_s,
        Stage.TUNNEL: limits.tunnel_idle_s,
        Stage.END: limits.linger_s,
    }
