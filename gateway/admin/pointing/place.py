"""What is filled into a snippet, and what comes out: texts, each with the place where it is pasted."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Mode(StrEnum):
    """How a bot reaches the gateway: by other addresses, or by the exchange's own through a proxy."""

    REVERSE = "reverse"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class Place:
    """One gateway and one token, as a bot has to know them."""

    token: str
    key: str
    secret: str
    reverse: str
    forward: str
    ca: str
    bundle: str

    @classmethod
    def of(cls, issued: dict[str, Any]) -> "Place":
        """From what ``token issue`` told."""
        names = ("token", "apiKey", "secret", "reverse", "forward", "ca", "bundle")
        return cls(*(issued[name] for name in names))

    @property
    def streams(self) -> str:
        """The base URL for WebSockets."""
        return self.reverse.replace("http", "ws", 1)


@dataclass(frozen=True, slots=True)
class Block:
    """Text to paste; ``at`` says where."""

    at: str
    language: str
    text: str


Blocks = Callable[[Place], tuple[Block, ...]]


def shell(*lines: str) -> Block:
    """What stands in the shell that starts the bot."""
    return Block("in the shell that starts the bot", "sh", "\n".join(lines))


def python(text: str) -> Block:
    """What stands in the bot's own code."""
    return Block("in the bot's code", "python", text)


def javascript(text: str) -> Block:
    """What stands in the bot's own code."""
    return Block("in the bot's code", "js", text)
