"""Running the codec over bytes, whole or in pieces, and what it said."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.core.request import RawRequest
from gateway.edge.door import Door
from gateway.edge.grammar import Limits, Unreadable
from gateway.edge.http import RequestReader

BINANCE = Door("binance")
VECTORS = Path(__file__).parent.parent / "vectors" / "http"


@dataclass
class Said:
    """Every request that was read, the refusal if one came, and whether bytes are left waiting."""

    requests: list[RawRequest] = field(default_factory=list)
    refusal: Unreadable | None = None
    waiting: bool = False
    last: bool = False


def read(pieces: Iterable[bytes], limits: Limits | None = None) -> Said:
    """Feed the pieces one by one to one reader."""
    reader, said = RequestReader(BINANCE, "127.0.0.1", limits or Limits()), Said()
    try:
        for piece in pieces:
            reader.feed(piece)
            while (request := reader.next()) is not None:
                said.requests.append(request)
                said.last = reader.last
    except Unreadable as refusal:
        said.refusal = refusal
    said.waiting = reader.begun
    return said


def cases(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The vectors of a folder by name."""
    for path in sorted((VECTORS / folder).glob("*.json")):
        yield path.stem, json.loads(path.read_text())


def raw(case: dict[str, Any]) -> bytes:
    """The case's bytes; each character stands for one."""
    return str(case["raw"]).encode("latin-1")


def expected(case: dict[str, Any]) -> list[RawRequest]:
    """What the case says its requests are."""
    return [
        RawRequest(
            request["method"].encode(),
            request["target"].encode(),
            tuple((name.encode(), value.encode()) for name, value in request["headers"]),
            request["body"].encode("latin-1"),
            "binance",
            "127.0.0.1",
        )
        for request in case["requests"]
    ]


def one_by_one(message: bytes) -> list[bytes]:
    """The message as the slowest sender sends it."""
    return [message[i : i + 1] for i in range(len(message))]
