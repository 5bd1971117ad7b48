"""What an exchange adapter must be able to do. Pure: everything is a function from values to values.

One adapter is one folder with its table, its decoder, its signer and its errors. A request is parsed once, into a
Call; what leaves is built from that Call by :meth:`Exchange.sign`, never from the bot's bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from gateway.core.decision import DenyCode
from gateway.core.order import OrderEvent
from gateway.core.request import Answer, Call, Outgoing, Proof, RawRequest
from gateway.core.snapshot import Instrument
from gateway.core.token import Credential, KeyKind, VerifyKey


class Outcome(StrEnum):
    """What an answer says happened to a call that changes state."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class Lesson(Struct, frozen=True):
    """What an answer teaches: the outcome, the orders it spoke of, and the exchange's own error if any."""

    outcome: Outcome
    events: tuple[OrderEvent, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Denial:
    """A request that was not allowed, to be said in the exchange's words."""

    code: DenyCode
    rule: str
    detail: str
    decision_id: str
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """The best prices of one instrument (quote per base)."""

    bid: Decimal
    ask: Decimal


@dataclass(frozen=True, slots=True)
class KeyPermissions:
    """What the exchange says a real key may do. None = it does not say."""

    can_withdraw: bool | None
    can_transfer: bool | None
    can_trade: bool | None
    ip_bound: bool | None
    granted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkingOrder:
    """One working order on the account, whoever placed it."""

    market_id: str
    order_id: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token's halves: what the bot gets (``token_id``, ``secret``) and what the gateway keeps (``key``)."""

    token_id: str
    secret: str
    key: VerifyKey


class Exchange(Protocol):
    """One exchange. Raises core.errors.Refused for a bot's fault, Misuse for a person's."""

    name: str
    hosts: Mapping[str, str]
    """Every host that may be dialled, with its environment."""
    ports: Mapping[str, frozenset[int]]
    """The ports of those hosts that serve bots on others than 443 too."""

    def decode(self, raw: RawRequest, host: str | None, target: bytes) -> Call:
        """``target`` is the request target without the gateway's own prefix; ``host`` the one named there."""
        ...

    def verify(self, proof: Proof, key: VerifyKey, exchange_us: int) -> None:
        """Check the bot's signature over the bytes it sent, and its time. Returns, or raises Refused."""
        ...

    def sign(self, call: Call, environment: str, credential: Credential | None, exchange_us: int) -> Outgoing:
        """The request to send, built from the call; signed unless ``credential`` is None (public data)."""
        ...

    def accept_until_us(self, call: Call, exchange_us: int) -> int:
        """Until when (exchange's clock) the exchange could still accept this call if signed at ``exchange_us``."""
        ...

    def learn(self, call: Call, answer: Answer) -> Lesson:
        """What the answer says happened. Anything not understood is UNKNOWN for a call that changes state."""
        ...

    def deny(self, denial: Denial) -> Answer:
        """The exchange's own error, status and shape, that makes common clients do the right thing."""
        ...

    def mint(self, kind: KeyKind, random: Callable[[int], bytes]) -> Minted:
        """A token in the exchange's own key format."""
        ...

    def client_id(self, random: Callable[[int], bytes]) -> str:
        """A client order id of ours, for an order that came without one."""
        ...

    def credential(self, document: Mapping[str, str]) -> Credential:
        """A real key from ccxt's names (apiKey, secret, password, privateKey). Raises Misuse."""
        ...

    def time(self) -> Call: ...
    def parse_time_us(self, answer: Answer) -> int: ...
    def instruments(self) -> Call: ...
    def parse_instruments(self, answer: Answer) -> tuple[Instrument, ...]: ...
    def book(self, market_id: str) -> Call: ...
    def parse_book(self, answer: Answer) -> Book | None: ...
    def permissions(self) -> Call: ...
    def parse_permissions(self, answer: Answer) -> KeyPermissions | None: ...
    def query_order(self, market_id: str, order_id: str | None, client_id: str | None) -> Call: ...
    def cancel_order(self, market_id: str, order_id: str | None, client_id: str | None) -> Call: ...
    def open_orders(self, market_id: str | None) -> Call: ...
    def parse_open_orders(self, answer: Answer) -> tuple[WorkingOrder, ...] | None: ...

    def join_cancels(self, answers: Sequence[Answer]) -> Answer:
        """One answer for a cancel-all that left as single cancels."""
        ...
