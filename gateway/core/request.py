"""What comes in, what goes out, what comes back, as bytes; and the decoded call between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from msgspec import Struct

from gateway.core.intent import Intent, ReadName

Headers = tuple[tuple[bytes, bytes], ...]
"""Header names lower-cased, values stripped, order kept."""


class RawRequest(Struct, frozen=True):
    """One request as its bytes came: nothing decoded, nothing normalised.

    ``port`` names the exchange whose own port it came in by; ``host`` is the host that its tunnel or its absolute
    target leads to. With neither it came by the shared port, where the exchange's host stands in the path.
    ``peer`` is the client's IP address.
    """

    method: bytes
    target: bytes
    headers: Headers
    body: bytes
    port: str | None
    peer: str
    host: str | None = None

    def header(self, name: bytes) -> bytes | None:
        """The one value of a header, or None. (The codec lets no security-relevant header repeat.)"""
        return next((value for key, value in self.headers if key == name), None)


class Veiled(Struct, frozen=True):
    """Something that holds signed bytes: however it is shown, only the fields that ``shown`` names are."""

    shown: ClassVar[tuple[str, ...]] = ()

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in self.shown]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


class Outgoing(Veiled, frozen=True):
    """A request to an exchange, built from a Call; its bytes follow from these fields alone.

    ``head`` holds the headers beyond Host and Content-Length. ``reads_only``: may be sent again on a fresh
    connection if the first one turned out dead before a byte was answered.
    """

    shown: ClassVar = ("host", "method", "reads_only")

    host: str
    method: str
    target: str
    head: tuple[tuple[str, str], ...]
    body: bytes
    reads_only: bool

class Answer(Struct, frozen=True):
    """A response, from the exchange or made by us in its format."""

    status: int
    headers: Headers
    body: bytes


class EndpointClass(StrEnum):
    """What an endpoint does, as the exchange tables classify it."""

    MARKET = "market"
    ACCOUNT_READ = "account_read"
    ORDER_PLACE = "order_place"
    ORDER_TEST = "order_test"
    ORDER_CANCEL = "order_cancel"
    ORDER_AMEND = "order_amend"
    BATCH = "batch"
    CONDITIONAL = "conditional"
    POSITION_CONFIG = "position_config"
    STREAM_AUTH = "stream_auth"
    TRANSFER = "transfer"
    WITHDRAW = "withdraw"
    DEPOSIT_ADDRESS = "deposit_address"
    CONVERT = "convert"
    EARN = "earn"
    SUBACCOUNT_KEYS = "subaccount_keys"
    BROKER = "broker"
    OTHER = "other"


class Security(StrEnum):
    """What the exchange asks for: nothing, the key's id, or a signature by it."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of an exchange's table. ``decoder`` names how it is read; empty = known, refused by class."""

    method: str
    host: str
    path: str
    kind: EndpointClass
    security: Security
    read: ReadName | None
    decoder: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Proof(Veiled, frozen=True):
    """What the bot presented: the token's id, and for a signed call the signed bytes and their signature.

    Times are milliseconds of the exchange's clock; ``signed_at`` may carry µs as a fraction, hence microseconds.
    """

    shown: ClassVar = ("token_id", "signed_at_us", "window_us")

    token_id: str
    payload: bytes
    signature: str | None
    signed_at_us: int
    window_us: int


class Call(Struct, frozen=True):
    """A decoded request: its row, what it means, and the parameters that go along unchanged.

    ``extras`` are parameters that the intent does not carry, already decoded, each known by name (on a call
    that changes state) and free of control characters. The outgoing bytes are built from this object alone.
    ``environment`` is the one whose host the bot named, None where its address named none: the account decides.
    ``needs_grant`` names those extras that a policy must let through by name (``parameters``).
    """

    endpoint: Endpoint
    intent: Intent
    extras: tuple[tuple[str, str], ...] = ()
    proof: Proof | None = None
    environment: str | None = None
    encodings: str = "identity"
    needs_grant: frozenset[str] = frozenset()

    @property
    def parameters(self) -> Mapping[str, str]:
        """The extras by name."""
        return dict(self.extras)

    @property
    def signed(self) -> bool:
        """Whether the bot's signature came with it. A token's id alone travels in clear, and proves nobody."""
        return self.proof is not None and self.proof.signature is not None
