"""The parameters of one request: parsed once from the raw query and body, read by name, and counted.

Rule 1: one name at most once in the query and once in the body; where both have it, the query wins.
Rule 2: each read states the grammar; what does not match is refused by name.
Rule 3: on /api what nobody read is refused.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from urllib.parse import unquote_plus

import msgspec

from .errors import error

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
_INTEGER = re.compile(r"[0-9]{1,20}", re.ASCII)
_CLIENT_ID = re.compile(r"[a-zA-Z0-9-_]{1,36}", re.ASCII)
_DECIMAL_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_INTEGER_RANGE = r"^[0-9]{1,20}$"
_SYMBOL_RANGE = r"^[\w\-._&&[^a-z]]{1,50}$"
_CLIENT_ID_RANGE = r"^[a-zA-Z0-9-_]{1,36}$"
_LONGEST = 2**63 - 1
PRECISION = 8
ALWAYS = frozenset({"timestamp", "recvWindow", "signature"})


class Parameters:
    """What was sent; every read is remembered so that leftovers can be refused."""

    def __init__(self, query: str, body: str) -> None:
        sent = _pairs(body)
        sent.update(_pairs(query))
        self._sent = sent
        self._read: set[str] = set()

    def get(self, name: str) -> str | None:
        """The value, None if it was not sent; an empty one is an error."""
        self._read.add(name)
        value = self._sent.get(name)
        if value == "":
            raise error("EMPTY", name)
        return value

    def need(self, name: str) -> str:
        """The value of a mandatory parameter."""
        self._read.add(name)
        value = self._sent.get(name)
        if not value:
            raise error("MISSING", name)
        return value

    def decimal(self, name: str) -> Decimal | None:
        """A plain decimal number above zero; no sign, no exponent."""
        value = self.get(name)
        if value is None:
            return None
        if not _DECIMAL.fullmatch(value):
            raise error("ILLEGAL", name, _DECIMAL_RANGE)
        if len(value.rstrip("0").partition(".")[2]) > PRECISION:
            raise error("TOO_PRECISE", name)
        number = Decimal(value)
        if not number:
            raise error("MISSING", name)
        return number

    def integer(self, name: str) -> int | None:
        """A whole number."""
        value = self.get(name)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value):
            raise error("ILLEGAL", name, _INTEGER_RANGE)
        number = int(value)
        if number > _LONGEST:
            raise error("OVERFLOW", name)
        return number

    def limit(self, default: int, most: int) -> int:
        """How many rows are wanted."""
        wanted = self.integer("limit")
        return default if wanted is None else max(1, min(wanted, most))

    def boolean(self, name: str) -> bool | None:
        """`true` or `false` in any case."""
        value = self.get(name)
        if value is None:
            return None
        if value.lower() not in ("true", "false"):
            raise error("BAD_VALUE", name)
        return value.lower() == "true"

    def choice(self, name: str, allowed: Iterable[str], otherwise: str) -> str | None:
        """One of a few words; `otherwise` names the error."""
        value = self.get(name)
        if value is not None and value not in allowed:
            raise error(otherwise, name)
        return value

    def client_id(self, name: str) -> str | None:
        """A client order id."""
        value = self.get(name)
        if value is not None and not _CLIENT_ID.fullmatch(value):
            raise error("ILLEGAL", name, _CLIENT_ID_RANGE)
        return value

    def symbol(self, name: str = "symbol") -> str | None:
        """A symbol's grammar; whether it exists is another question."""
        value = self.get(name)
        if value is not None:
            _check_symbol(name, value)
        return value

    def symbols(self) -> list[str] | None:
        """The JSON list of symbols."""
        value = self.get("symbols")
        if value is None:
            return None
        try:
            names = msgspec.json.decode(value, type=list[str])
        except msgspec.MsgspecError:
            raise error("ILLEGAL", "symbols", '^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$') from None
        for name in names:
            _check_symbol("symbols", name)
        if len(set(names)) < len(names):
            raise error("DUPLICATE_SYMBOLS")
        return names

    def has(self, name: str) -> bool:
        """Whether it was sent at all."""
        return name in self._sent

    def refuse_unread(self) -> None:
        """Names nobody asked for are an error; so is anything where nothing is expected."""
        sent, read = len(self._sent), len(self._sent.keys() & (self._read | ALWAYS))
        if sent == read:
            return
        if not self._read:
            raise error("TOO_MANY_PARAMETERS", 0, sent)
        raise error("UNREAD", read, sent)


def _check_symbol(name: str, value: str) -> None:
    if not 0 < len(value) <= 50 or not all(_is_symbol_letter(letter) for letter in value):
        raise error("ILLEGAL", name, _SYMBOL_RANGE)


def _is_symbol_letter(letter: str) -> bool:
    return (letter.isalnum() and not "a" <= letter <= "z") or letter in "-._"


def _pairs(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if not text:
        return found
    if "%" in text and _BROKEN_ESCAPE.search(text):
        raise error("ILLEGAL_ENCODING")
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        name = _decoded(name)
        if name in found:
            raise error("DUPLICATE_PARAMETER", name)
        found[name] = _decoded(value)
    return found


def _decoded(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        raise error("ILLEGAL_ENCODING") from None
