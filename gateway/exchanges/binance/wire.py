"""Parameters on the wire. One grammar in, one spelling out, so that two readers cannot disagree.

In: ``name=value`` pairs joined by ``&``; names are ASCII letters, digits and ``_`` as they stand; values are strictly
percent-encoded UTF-8. Refused: ``+`` (a space to some readers), ``;`` (a separator to some), a bare name, an empty
pair, a second ``=``, a repeated name, control characters. Out: only ``A-Z a-z 0-9 - . _ ~`` stand for themselves.

Within, a text has an ``&`` before every pair, the first one too (``marked``). So texts are joined, and a pair is taken
out, without a seam: an ``&`` never stands in a pair, and the whole is in the grammar exactly if its pieces are.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused

Pairs = list[tuple[str, str]]

_NAME: Final = rb"[A-Za-z][A-Za-z0-9_]{0,63}"
_VALUE: Final = rb"(?:[A-Za-z0-9\-._~!$'()*,:@/?\[\]]++|%[0-9A-Fa-f]{2})*+"
_PAIRS: Final = re.compile(rb"(?:&%b=%b)*+" % (_NAME, _VALUE))
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


def marked(text: bytes) -> bytes:
    """The text with an ``&`` before its first pair too. Raises Refused(MALFORMED) for more pairs than any call has."""
    if text.count(b"&") >= _MOST:
        raise Refused(DenyCode.MALFORMED, f"more than {_MOST} parameters")
    return b"&" + text if text else text


def taken(text: bytes, name: str) -> tuple[str | None, bytes]:
    """The value of the first pair of this name, decoded, and the text without it; (None, text) if it has none.

    A pair whose value is not in the grammar stays, and so does a second pair: ``parse`` and ``once`` meet them there.
    """
    found = _pair(name).search(text)
    if found is None:
        return None, text
    value = found[1].decode("ascii")
    return value if "%" not in value else _decoded(name, value), text[: found.start()] + text[found.end() :]


@cache
def _pair(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"&%b=(%b)(?![^&])" % (name.encode("ascii"), _VALUE))


def parse(text: bytes) -> Pairs:
    """The pairs in their order, values decoded. Raises Refused(MALFORMED) for what is not in the grammar."""
    if not _PAIRS.fullmatch(text):
        raise Refused(DenyCode.MALFORMED, f"the parameters cannot be read in exactly one way: {_fault(text[1:])}")
    split = [pair.partition("=") for pair in text.decode("ascii").split("&")[1:]]
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


def encode(pairs: Sequence[tuple[str, str]]) -> str:
    """The pairs in their order, strictly percent-encoded."""
    if not _PLAIN.fullmatch("".join([value for _, value in pairs])):
        pairs = [(name, quote(value, safe="")) for name, value in pairs]
    return "&".join(map("=".join, pairs))


def once(pairs: Pairs, before: frozenset[str]) -> dict[str, str]:
    """The pairs by name. Raises Refused(PARAMETER) for a name that occurs twice, or is one of those taken before."""
    found = dict(pairs)
    if len(found) != len(pairs) or not before.isdisjoint(found):
        names = [*before, *(name for name, _ in pairs)]
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise Refused(DenyCode.PARAMETER, f"parameter {shown(twice)} was sent twice")
    return found
