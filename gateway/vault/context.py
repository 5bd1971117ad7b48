"""What a sealed box belongs to. No two contexts have the same bytes: every part has its length before it."""

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.core.errors import Misuse

_LENGTH: Final = struct.Struct(">H")
_VERSION: Final = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Context:
    """``kind`` of thing, its ``owner``, the ``field`` of it that is sealed, and the ``version`` of that field's form.

    It is bound to the box, not hidden in it: a box opens under the context it was sealed under, and no other.
    """

    kind: str
    owner: str
    field: str
    version: int = 1

    def encoded(self) -> bytes:
        """Three texts and a number, injective and prefix-free. Raises Misuse for what has no such form."""
        return _encoded(self)

    def __str__(self) -> str:
        return f"{self.field} of {self.kind} {self.owner!r}"


@lru_cache(maxsize=256)
def _encoded(context: Context) -> bytes:
    """Remembered, for every signature opens an account's box under the same context."""
    if not 0 <= context.version < 1 << 32:
        raise Misuse(f"version {context.version} of a sealed field is out of range")
    return prefixed(context.kind, context.owner, context.field) + _VERSION.pack(context.version)


def prefixed(*texts: str) -> bytes:
    """Each text in UTF-8 after its length (2 bytes, big-endian). Raises Misuse for text that UTF-8 cannot carry."""
    return b"".join([_prefixed(text) for text in texts])


def _prefixed(text: str) -> bytes:
    try:
        raw = text.encode()
    except UnicodeEncodeError as error:
        raise Misuse(f"{text!r} is not valid text", "use letters that UTF-8 can carry") from error
    if len(raw) > 0xFFFF:
        raise Misuse(f"{text[:40]!r}… is too long for a name")
    return _LENGTH.pack(len(raw)) + raw
