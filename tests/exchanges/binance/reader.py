"""A second reader of requests, written apart from the first and stricter: what it reads is what the exchange reads.

It goes letter by letter, knows no regular expression, and refuses whatever is not the one canonical spelling.
"""

from gateway.core.request import Outgoing

PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
HEX = "0123456789ABCDEF"


class NotCanonical(AssertionError):
    """The request could be read in another way, or be written in another."""


def read(outgoing: Outgoing) -> dict[str, str]:
    """Every parameter of the request, from the one place where its method puts them."""
    path, mark, query = outgoing.target.partition("?")
    if any(letter not in PLAIN and letter != "/" for letter in path) or (mark and not query):
        raise NotCanonical(outgoing.target)
    body = outgoing.body.decode("ascii")
    if query and body:
        raise NotCanonical("parameters in two places")
    return pairs(query or body)


def pairs(text: str) -> dict[str, str]:
    """``name=value`` joined by ``&``, each name once, in the canonical spelling."""
    found: dict[str, str] = {}
    for pair in text.split("&") if text else []:
        name, mark, value = pair.partition("=")
        if not mark or not name or name in found or any(letter not in PLAIN for letter in name):
            raise NotCanonical(pair)
        found[name] = decoded(value)
    return found


def decoded(text: str) -> str:
    """The value behind its percent-encoding; only what must be encoded may be."""
    out, at = bytearray(), 0
    while at < len(text):
        if text[at] != "%":
            if text[at] not in PLAIN:
                raise NotCanonical(text)
            out.append(ord(text[at]))
            at += 1
            continue
        high, low = text[at + 1 : at + 2], text[at + 2 : at + 3]
        if not high or not low or high not in HEX or low not in HEX:
            raise NotCanonical(text)
        byte = HEX.index(high) * 16 + HEX.index(low)
        if chr(byte) in PLAIN:
            raise NotCanonical(f"needlessly encoded: {text}")
        out.append(byte)
        at += 3
    return out.decode("utf-8")
