"""What passes between the sockets and the exchange: one request as it came, one answer as it goes."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """A request with its target and body exactly as sent; header names in lower case."""

    method: str
    target: str
    body: bytes
    headers: dict[str, str]
    peer: str

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(slots=True)
class Reply:
    """Status, headers and body."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
