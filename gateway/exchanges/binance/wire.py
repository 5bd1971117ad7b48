"""Parameters on the wire. One grammar in, one spelling out, so that two readers cannot disagree.

In: ``name=value`` pairs joined by ``&``; names are ASCII letters, digits and ``_`` as they stand; values are strictly
percent-encoded UTF-8. Refused: ``+`` (a space to some readers), ``;`` (a separator to some), a bare name, an empty
pair, a second ``=``, a repeated name, control characters. Out: only ``A-Z a-z 0-9 - . _ ~`` stand for themselves.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused

Pairs = list[tuple[str, str]]

_NAME: Final = rb"[A-Za-z][A-Za-z0-9_]{0,63}"
_VALUE: Final = rb"(?:[A-Za-z0-9\-._~!$'()*,:@/?\[\]]++|%[0-9A-Fa-f]{2})*+"
_PAIRS: Final = re.compile(rb"(?:%b=%b(?:&(?=.)|\Z))*+" % (_NAME, _VALUE))
_PLAIN: Final = re.compile(r"[A-Za-z0-9\-._~]*+", re.ASCII)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_FAULTS: Final = (
    (rb"\+", "a raw '+' means a space to some readers; write %2B or %20"),
    (rb";", "';' separates parameters for some readers; write %3B"),
    (rb"(?:^|&)(?:&|$)", "an empty pair between two '&'"),
    (rb"(?:^|&)[^=&]+(?:&|$)", "a parameter without '='"),
    (rb"=[^&]*=", "a second '=' in one parameter; write %3D"),
    (rb"%(?![0-9A-Fa-f]{2})", "'%' that does not begin a percent-encoded byte"),
    (rb"(?:^|&)[^=&]*[^A-Za-z0-9_=&][^=&]*=", "a parameter name with other characters than letters, digits and '_'"),
)
_MOST: Final = 100
_SHOWN: Final = 36
"""The longest of the bot's own words that is said back: as long as a client order id, shorter than any secret."""


def shown(text: str) -> str:
    """A bot's word, quoted, for an answer and the log; of a long one only the length: it may be a misplaced secret."""
    return repr(text) if len(text) <= _SHOWN else f"({len(text)} characters)"


def parse(text: bytes) -> Pairs:
    """The pairs in their order, values decoded. Raises Refused(MALFORMED) for what is not in the grammar."""
    if not text:
        return []
    if not _PAIRS.fullmatch(text):
        raise Refused(DenyCode.MALFORMED, f"the parameters cannot be read in exactly one way: {_fault(text)}")
    pairs = text.decode("ascii").split("&")
    if len(pairs) > _MOST:
        raise Refused(DenyCode.MALFORMED, f"more than {_MOST} parameters")
    split = [pair.partition("=") for pair in pairs]
    if b"%" not in text:
        return [(name, value) for name, _, value in split]
    return [(name, _decoded(name, value)) for name, _, value in split]


def _fault(text: bytes) -> str:
    return next((why for pattern, why in _FAULTS if re.search(pattern, text)), "an unencoded character")


def _decoded(name: str, value: str) -> str:
    if "%" not in value:
        return value
    try:
        text = unquote_to_bytes(value).decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise Refused(DenyCode.MALFORMED, f"parameter {shown(name)} is not UTF-8") from None
    if _CONTROL.search(text):
        raise Refused(DenyCode.MALFORMED, f"parameter {shown(name)} holds a control character")
    return text


def encode(pairs: Iterable[tuple[str, str]]) -> str:
    """The pairs in their order, strictly percent-encoded."""
    return "&".join([f"{name}={value if _PLAIN.fullmatch(value) else quote(value, safe='')}" for name, value in pairs])


def once(*parts: Pairs) -> dict[str, str]:
    """All pairs by name. Raises Refused(PARAMETER) for a name that occurs twice, wherever it stands."""
    pairs = [pair for part in parts for pair in part]
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise Refused(DenyCode.PARAMETER, f"parameter {shown(twice)} was sent twice")
    return found


def without(text: bytes, name: bytes) -> bytes:
    """The text as it stands, minus the pair of this name. The text is in the grammar and holds it at most once."""
    mark = name + b"="
    if text.startswith(mark):
        return text.partition(b"&")[2]
    before, found, after = text.partition(b"&" + mark)
    if not found:
        return text
    _, separator, rest = after.partition(b"&")
    return before + separator + rest
