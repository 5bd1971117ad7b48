"""One line of the log: how a record becomes bytes and how bytes are read back. Pure.

The law: a record has exactly one encoding, and a line is bound to the one before it by ``prev``, the SHA-256 of that
line's bytes, newline included. Nothing but text, whole numbers, booleans, null, lists and objects can be written:
money is Decimal and becomes text, a float is an error, and so is every type of ours that can hold a secret.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from gateway.core.money import plain
from gateway.core.record import Filled, Template

GENESIS: Final = b"tradewarden audit log 1\n"
"""Stands before the first record: its hash is record 0's ``prev``."""
MAX_LINE: Final = 1 << 20
"""1 MiB. No record comes near it; readers hold one line in memory and need a bound."""

CHECKPOINT: Final = "checkpoint"
RECOVERED: Final = "recovered"
PRUNED: Final = "pruned"
LOST: Final = "lost"
OWN_TYPES: Final = frozenset({CHECKPOINT, RECOVERED, PRUNED, LOST})
"""What the log writes of itself; nobody else may."""

_START: Final = re.compile(
    rb'\{"n":(0|[1-9][0-9]{0,11}),"t":"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z)",'
    rb'"prev":"([0-9a-f]{64})","type":"([a-z][a-z_]{0,39})"[,}]'
)
_TYPE: Final = re.compile(r"[a-z][a-z_]{0,39}", re.ASCII)
_SIGNED: Final = re.compile(rb'(\{[^{}]*"type":"checkpoint"),"signature":"([0-9a-f]{128})"\}\n')
_CHAIN_KEYS: Final = frozenset({"n", "t", "prev"})
_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_INT_LIMIT: Final = 1 << 63
_AS_IT_IS: Final = frozenset({str, bool, type(None)})
_EPOCH: Final = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """A whole line, read back: ``number``, time ``at`` (UTC, ISO, ms), ``prev``, ``type``, and the line's bytes."""

    number: int
    at: str
    prev: str
    type: str
    line: bytes

    @property
    def at_ms(self) -> int:
        """The record's time in ms since the epoch."""
        return (datetime.fromisoformat(self.at) - _EPOCH) // timedelta(milliseconds=1)

    @property
    def head(self) -> str:
        """The chain's head once this line is its last: what the next ``prev`` must be."""
        return head_after(self.line)

    @property
    def fields(self) -> dict[str, Any]:
        """Everything in the line, chain fields included."""
        fields: dict[str, Any] = msgspec.json.decode(self.line)
        return fields

    @property
    def body(self) -> dict[str, Any]:
        """What the record says: the line without its chain fields, ``type`` included."""
        return {key: value for key, value in self.fields.items() if key not in _CHAIN_KEYS}


def head_after(line: bytes) -> str:
    """Hex SHA-256 of the line's exact bytes, newline included."""
    return hashlib.sha256(line).hexdigest()


def read(line: bytes) -> Entry | None:
    """The record in these bytes, or None if they are not one whole line as the log writes it."""
    start = _START.match(line)
    if start is None or not line.endswith(b"}\n"):
        return None
    number, at, prev, kind = (group.decode() for group in start.groups())
    try:
        line.decode()
        datetime.fromisoformat(at)
        msgspec.json.decode(line, type=msgspec.Raw)
    except (ValueError, msgspec.DecodeError):
        return None
    return Entry(int(number), at, prev, kind, line)


def encode(body: Mapping[str, Any] | Filled, own: bool = False) -> bytes:
    """The part of a line that follows the chain fields. ``body`` names its ``type``, the other keys are sorted.

    ``own``: it is the log's own record. Raises ValueError or TypeError for what the log cannot hold: see the law above.
    """
    if isinstance(body, Filled):
        encoded = _form(body.template) % tuple(map(_ENCODER.encode, _items(body.values)))
    else:
        opening, members = _parted(body, own)
        encoded = opening + (b"," + _ENCODER.encode(members)[1:] if members else b"}")
    if len(encoded) > MAX_LINE - 200:
        raise ValueError(f"an audit record of {len(encoded)} bytes is too long")
    return encoded


@lru_cache(maxsize=4096)
def _form(template: Template) -> bytes:
    """The encoded record, with ``%b`` for the value of each open member."""
    opening, values = _parted({**template.fixed, **dict.fromkeys(template.open)}, own=False)
    members = [
        _escaped(key) + b":" + (b"%b" if key in template.open else _escaped(values[key])) for key in sorted(values)
    ]
    return b",".join([opening, *members]) + b"}"


def _escaped(value: Any) -> bytes:
    return _ENCODER.encode(value).replace(b"%", b"%%")


def _parted(body: Mapping[str, Any], own: bool) -> tuple[bytes, dict[str, Any]]:
    """A record's type as it stands in the line, and its other members as they can be written."""
    values = _members(body)
    opening = _opening(str(values.pop("type", None)), own)
    if not _CHAIN_KEYS.isdisjoint(values):
        key = min(_CHAIN_KEYS & values.keys())
        raise ValueError(f"{key!r} belongs to the chain and cannot stand in an audit record's body")
    return opening, values


@lru_cache(maxsize=64)
def _opening(kind: str, own: bool) -> bytes:
    """A record's type as it stands in the line. There are few, and every record has one."""
    if (kind in OWN_TYPES) is not own:
        raise ValueError(f"only the log itself writes records of type {kind!r}")
    if not _TYPE.fullmatch(kind):
        raise ValueError(f"an audit record needs a type of lower-case letters, not {kind!r}")
    return b'"type":"%b"' % kind.encode()


def line(number: int, at: str, prev: str, encoded: bytes) -> bytes:
    """The whole line: the chain fields, then what ``encode`` made."""
    return b'{"n":%d,"t":"%b","prev":"%b",%b\n' % (number, at.encode(), prev.encode(), encoded)


def signed_part(number: int, at: str, prev: str) -> bytes:
    """What the vault signs for a checkpoint: all of its line before the signature, so ``prev`` and with it the log."""
    return line(number, at, prev, b'"type":"checkpoint"')[:-1]


def checkpoint(signature: bytes) -> bytes:
    """The encoded part of a checkpoint; a signature has 64 bytes."""
    if len(signature) != 64:
        raise ValueError("a checkpoint is signed with Ed25519: 64 bytes")
    return b'"type":"checkpoint","signature":"%b"}' % signature.hex().encode()


def signature_of(line: bytes) -> tuple[bytes, bytes] | None:
    """The signed bytes of a checkpoint's line and their signature, or None if it is no well-formed checkpoint."""
    match = _SIGNED.fullmatch(line)
    return (match[1], bytes.fromhex(match[2].decode())) if match else None


class Stamp:
    """Writes times as the log does: UTC, ISO 8601, ms. Remembers the last one, which many records share."""

    def __init__(self) -> None:
        self._second: int | None = None
        self._ms: int | None = None
        self._upto_second = self._text = ""

    def __call__(self, at_ms: int) -> str:
        """The time as text; ``at_ms`` is ms since the epoch."""
        if at_ms != self._ms:
            self._text = self._spelt(*divmod(at_ms, 1000))
            self._ms = at_ms
        return self._text

    def _spelt(self, second: int, ms: int) -> str:
        if second != self._second:
            text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second, self._upto_second = second, text
        return f"{self._upto_second}.{ms:03}Z"


def _members(value: Mapping[Any, Any]) -> dict[str, Any]:
    """Every record goes through here: most members are text, and cost no call."""
    return {
        key if type(key) is str else _key(key):
        item if (kind := type(item)) in _AS_IT_IS else _WRITERS.get(kind, _unusual)(item)
        for key, item in value.items()
    }  # fmt: skip


def _items(value: Sequence[Any]) -> list[Any]:
    return [item if (kind := type(item)) in _AS_IT_IS else _WRITERS.get(kind, _unusual)(item) for item in value]


def _whole(value: int) -> int:
    if -_INT_LIMIT <= value < _INT_LIMIT:
        return value
    raise ValueError("a whole number of more than 64 bits goes into the audit log as text")


def _money(value: Decimal) -> str:
    if value.is_finite():
        return plain(value)
    raise ValueError("money must be finite")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    raise TypeError("the keys of an audit record are text")


_WRITERS: Final[dict[type, Callable[[Any], Any]]] = {
    int: _whole, dict: _members, list: _items, tuple: _items, Decimal: _money
}  # fmt: skip


def _unusual(value: Any) -> Any:
    """Something like one of the types that can be written, or nothing that can."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return _members(value)
    if isinstance(value, list | tuple):
        return _items(value)
    if isinstance(value, Decimal):
        return _money(value)
    raise TypeError(f"a {type(value).__name__} cannot stand in an audit record")
