"""One exchange's table of endpoints: exact rows, nothing inferred. What is not a row does not exist.

Columns of ``endpoints.tsv``: method, host, path, class, security, read, decoder, note. The table is the source; a row
that cannot be read in full stops the import.
"""

from collections.abc import Iterator
from importlib import resources
from typing import Final

from gateway.core.decision import DenyCode
from gateway.core.intent import ReadName
from gateway.core.request import Endpoint, EndpointClass, Security

_COLUMNS: Final = ("method", "host", "path", "class", "security", "read", "decoder", "note")
_KINDS: Final = {kind.value: kind for kind in EndpointClass}
_SECURITY: Final = {security.value: security for security in Security}
_READS: Final = {"": None, **{name.value: name for name in ReadName}}

VALUE_MOVING: Final = frozenset({
    EndpointClass.TRANSFER, EndpointClass.WITHDRAW, EndpointClass.DEPOSIT_ADDRESS, EndpointClass.CONVERT,
    EndpointClass.EARN, EndpointClass.SUBACCOUNT_KEYS,
})
"""Classes that no policy can ever grant: by them value, or power over it, leaves the account."""


class Catalogue:
    """The rows of one exchange, found by method, host and path."""

    def __init__(self, rows: Iterator[Endpoint]) -> None:
        self._rows: dict[tuple[str, str, str], Endpoint] = {}
        for row in rows:
            if self._rows.setdefault((row.method, row.host, row.path), row) is not row:
                raise ValueError(f"{row} stands twice in the table")

    def find(self, method: str, host: str, path: str) -> Endpoint | None:
        """The row of exactly this method, host and path, or None."""
        return self._rows.get((method, host, path))

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)


def load(package: str) -> Catalogue:
    """The catalogue in a package's ``endpoints.tsv``. Raises ValueError for a table that is not whole."""
    text = resources.files(package).joinpath("endpoints.tsv").read_text(encoding="utf-8")
    head, *lines = text.splitlines()
    if tuple(head.split("\t")) != _COLUMNS:
        raise ValueError(f"{package}: the table's columns are not {_COLUMNS}")
    return Catalogue(_row(line) for line in lines)


def _row(line: str) -> Endpoint:
    try:
        method, host, path, kind, security, read, decoder, _ = line.split("\t")
        return Endpoint(method, host, path, _KINDS[kind], _SECURITY[security], _READS[read], decoder)
    except (KeyError, ValueError) as error:
        raise ValueError(f"not a row of the table: {line!r}") from error


def refusal(endpoint: Endpoint) -> tuple[DenyCode, str]:
    """How an endpoint without a decoder is refused, and why in one phrase."""
    if endpoint.kind in VALUE_MOVING:
        return DenyCode.FORBIDDEN, f"{endpoint} is of class {endpoint.kind}, which no policy can grant"
    return DenyCode.UNSUPPORTED, f"{endpoint} ({endpoint.kind}) is not served by this version"
