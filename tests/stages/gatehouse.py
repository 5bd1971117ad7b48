"""The whole path in one process: real pipeline, ledger, log, policy and adapter; only the exchange is a small class."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from gateway.audit.log import AuditLog
from gateway.audit.room import Marks, Room
from gateway.core.decision import Action
from gateway.core.request import Answer, Outgoing, RawRequest
from gateway.core.secret import Secret
from gateway.core.snapshot import Instrument, Reference
from gateway.core.token import Account, Credential, KeyKind, Token, TokenState, VerifyKey
from gateway.exchanges.registry import EXCHANGES
from gateway.ledger.ledger import Ledger
from gateway.pipeline import Pipeline
from gateway.policy.account import AccountLimits
from gateway.policy.document import Policy, load
from gateway.ports import Gate, Need, NoAnswer, NotSent, Record, Surroundings
from gateway.stages.follow import Follower
from gateway.stages.marker import Marker
from gateway.stages.reconcile import Reconciler
from gateway.stages.send import Sender
from gateway.stages.silence import Silence
from gateway.store.memory import MemoryStore

NOW_MS = 1_795_000_000_000
POLICY = """
version: 1
allow:
  symbols: [BTC/USDT]
  orders: [limit, market]
limits:
  order: 1_000 USDT
  turnover: 10_000 USDT per 24h
  open_orders: 3
price:
  giveaway: unlimited because it is a test
  sources: 1 because it is a test
  market: protect 1%
if_denied: 5 per 5m then cancel_only
"""
REAL = Credential("realkey" * 8, KeyKind.HMAC, Secret("real secret of the account"))
Answers = Callable[[Outgoing], Answer]


def body(value: object, status: int = 200) -> Answer:
    """A JSON answer of the exchange."""
    return Answer(status, ((b"content-type", b"application/json"),), json.dumps(value).encode())


def order_answer(order_id: int = 1, status: str = "NEW", filled: str = "0", value: str = "0", **more: object) -> Answer:
    """What the exchange says of an order."""
    told = {"symbol": "BTCUSDT", "orderId": order_id, "status": status, "executedQty": filled,
            "cummulativeQuoteQty": value, "origQty": "0.01"}  # fmt: skip
    return body(told | more)


def parameters(outgoing: Outgoing) -> dict[str, str]:
    """The parameters as the exchange reads them."""
    return dict(parse_qsl(outgoing.body.decode() or outgoing.target.partition("?")[2], strict_parsing=True))


def named(outgoing: Outgoing) -> dict[str, str]:
    """What an answer says of the order's client id."""
    told = parameters(outgoing)
    client_id = told.get("newClientOrderId") or told.get("origClientOrderId") or "somebody's"
    return {"clientOrderId": client_id, "origClientOrderId": told.get("origClientOrderId", client_id)}


@dataclass
class Exchange:
    """Plays the exchange: answers from a list, or one answer for all; remembers what arrived."""

    arrived: list[Outgoing] = field(default_factory=list)
    script: list[Answer | Exception | Answers] = field(default_factory=list)
    otherwise: Answers = lambda outgoing: order_answer(**named(outgoing))
    before_write: Callable[[], None] = lambda: None

    async def send(self, outgoing: Outgoing, owner: str, gate: Gate) -> Answer:
        step = self.script.pop(0) if self.script else self.otherwise
        if isinstance(step, NotSent):
            raise step
        self.before_write()
        gate()
        self.arrived.append(outgoing)
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, Answer) else step(outgoing)

    def abort_unsent(self, owner: str) -> int:
        return 0

    @property
    def calls(self) -> list[str]:
        """What arrived, in words."""
        return [f"{outgoing.method} {outgoing.target.split('?')[0]}" for outgoing in self.arrived]

    def parameters(self, index: int = -1) -> dict[str, str]:
        """The parameters of one that arrived."""
        return parameters(self.arrived[index])


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms

    def exchange_us(self, exchange: str) -> int:
        return self.ms * 1000


class Tokens:
    """The live tokens; what controls restrict is remembered."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}
        self.restricted: list[tuple[str, Action]] = []

    def find(self, token_id: str) -> Token | None:
        return self.tokens.get(token_id)

    def is_other(self, token: Token, token_id: str, now_ms: int) -> bool:
        other = self.tokens.get(token_id)
        return other is not None and other.account == token.account and other.id != token.id

    def has_others(self, token: Token, now_ms: int) -> bool:
        return any(self.is_other(token, token_id, now_ms) for token_id in self.tokens)

    def restrict(self, token: Token, action: Action, until_ms: int | None, reason: str) -> None:
        self.restricted.append((token.name, action))
        self.change(token.id, state=TokenState.PAUSED)

    def change(self, token_id: str, **changes: object) -> None:
        token = self.tokens[token_id]
        self.tokens[token_id] = replace(token, generation=token.generation + 1, **changes)  # type: ignore[arg-type]


class Market:
    """One instrument with a price that is as old as it is told."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.price: Decimal | None = Decimal(50_000)
        self.age_ms = 0
        self.most = 4
        self.averaged = True
        self.while_refreshing: Callable[[], None] = lambda: None

    def lists(self, exchange: str, environment: str) -> bool:
        return True

    def instrument(self, exchange: str, environment: str, market_id: str) -> Instrument | None:
        if market_id != "BTCUSDT":
            return None
        return Instrument("binance", "BTCUSDT", "BTC/USDT", "spot", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"),
                          Decimal("0.001"))  # fmt: skip

    def reference(self, instrument: Instrument, environment: str, max_age_ms: int) -> Reference | None:
        return None if self.price is None else Reference(self.price, self.clock.ms - self.age_ms, "test")

    def most_sources(self, instrument: Instrument, environment: str) -> int:
        return self.most

    def averages(self, environment: str) -> bool:
        return self.averaged

    def last_good(
        self, instrument: Instrument, environment: str, sources: int, older_than_ms: int
    ) -> Reference | None:
        return None

    async def refresh(
        self, exchange: str, environment: str, market_id: str, max_age_ms: int, sources: int = 1
    ) -> None:
        self.while_refreshing()


class Accounts:
    def __init__(self) -> None:
        self.names = ["main"]

    def find(self, name: str) -> Account | None:
        return Account(name, "binance", "live", REAL.key_id, REAL.kind, NOW_MS) if name in self.names else None

    def all(self) -> list[Account]:
        return [account for name in self.names if (account := self.find(name))]


    def limits(self, name: str) -> AccountLimits | None:
        return self.account_limits

    account_limits: AccountLimits | None = None


class Policies:
    def __init__(self, text: str) -> None:
        self.policy = load(text, "test")

    def find(self, name: str) -> Policy:
        return self.policy


class Lender:
    def lend(self, account: str) -> "Lender":
        return self

    def __enter__(self) -> Credential:
        return REAL

    def __exit__(self, *_: object) -> None:
        return None


class Meter:
    def __init__(self) -> None:
        self.alarms: list[str] = []
        self.alerts: list[tuple[str, str]] = []
        self.unrecorded_count = 0
        self.decisions: list[tuple[str, str]] = []

    def unrecorded(self) -> None:
        self.unrecorded_count += 1

    def decided(self, exchange: str, verdict: str, code: str) -> None:
        self.decisions.append((verdict, code))

    def outcome(self, exchange: str, outcome: str) -> None: ...

    def alert(self, token: str, event: str, text: str) -> None:
        self.alerts.append((token, event))

    def alarmed(self, alarm: str) -> None:
        self.alarms.append(alarm)


@dataclass
class Connection:
    owner: str | None = None


class Disk(Room):
    """As full as a test wants."""

    full_for: frozenset[Need] = frozenset()

    def allows(self, need: Need) -> bool:
        return need not in self.full_for and super().allows(need)


class Roomy(AuditLog):
    """A log on such a disk, which may fail too."""

    fail_next = False

    def __init__(self, directory: Path, now_ms: Callable[[], int], **more: Any) -> None:
        self.disk = Disk(directory, Marks())
        super().__init__(directory, now_ms, room=self.disk, **more)

    @property
    def full_for(self) -> frozenset[Need]:
        return self.disk.full_for

    @full_for.setter
    def full_for(self, needs: frozenset[Need]) -> None:
        self.disk.full_for = needs

    def append(self, record: Record, sync: bool, need: Need = Need.EXIT) -> None:
        self._maybe_fail()
        super().append(record, sync, need)

    def note(self, body: Mapping[str, Any], sync: bool = False, need: Need = Need.EXIT) -> None:
        self._maybe_fail()
        super().note(body, sync, need)

    def _maybe_fail(self) -> None:
        if self.fail_next:
            self.fail_next = False
            raise NotSent("the disk failed")


class Gatehouse:
    """A pipeline with everything around it, and a bot's hand."""

    def __init__(self, directory: Path, policy: str = POLICY) -> None:
        self.clock = Clock()
        self.exchange = Exchange()
        self.tokens = Tokens()
        self.market = Market(self.clock)
        self.policies = Policies(policy)
        self.store = MemoryStore()
        self.accounts = Accounts()
        self.meter = Meter()
        self.audit = Roomy(directory / "audit", self.clock.now_ms)
        self.audit.append(self.audit.draft({"type": "init"}), sync=False)
        self._entropy = count()
        self.start()
        self.bot = self.token("bot")

    def start(self) -> None:
        """The process begins, or begins anew: what is kept is the store and the log, and what is outside."""
        self.ledger = Ledger.open(self.store)
        world = Surroundings(
            self.tokens, self.accounts, self.policies, self.ledger, self.audit, self.market, self.exchange, Lender(),
            self.clock, self.meter, lambda size: next(self._entropy).to_bytes(size),
        )  # fmt: skip
        self.sender = sender = Sender(self.clock, self.audit, world.lender, self.exchange)
        self.follower = Follower(world, sender, dict(EXCHANGES))
        self.silence = Silence(world, sender, dict(EXCHANGES), lambda: self.clock.ms / 1000)
        self.marker = Marker(world)
        self.pipeline = Pipeline(world, sender, self.follower.ready, self.silence.heard)
        self.pipeline.authenticator.start("binance")
        self.reconciler = Reconciler(world, sender, dict(EXCHANGES))

    def token(self, name: str, **changes: object) -> Token:
        """A live token."""
        key = VerifyKey(KeyKind.HMAC, Secret(f"secret of {name}"))
        token = Token(name, name.ljust(64, "x"), "binance", "main", "test", key, TokenState.ACTIVE, 1, NOW_MS, None, ())
        token = replace(token, **changes)  # type: ignore[arg-type]
        self.tokens.tokens[token.id] = token
        return token

    def request(
        self, method: str, path: str, parameters: str = "", token: Token | None = None, secret: bytes | None = None,
        at_ms: int | None = None, peer: str = "127.0.0.1",
    ) -> RawRequest:  # fmt: skip
        """A signed request as a bot makes it, everything in the query."""
        token = token or self.bot
        text = f"{parameters}&" if parameters else ""
        text += f"timestamp={at_ms or self.clock.ms}&recvWindow=5000"
        material = secret or token.key.material.reveal()
        signature = hmac.new(material, text.encode(), hashlib.sha256).hexdigest()
        headers = ((b"host", b"127.0.0.1:8381"), (b"x-mbx-apikey", token.id.encode()))
        target = f"{path}?{text}&signature={signature}".encode()
        return RawRequest(method.encode(), target, headers, b"", "binance", peer)

    async def ask(self, raw: RawRequest, connection: Connection | None = None) -> Answer:
        """What the bot gets back."""
        return await self.pipeline.handle(raw, connection or Connection())

    async def place(self, more: str = "", token: Token | None = None, **options: object) -> Answer:
        """A small limit buy."""
        usual = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000"
        return await self.ask(self.request("POST", "/api/v3/order", usual + more, token, **options))  # type: ignore[arg-type]

    def records(self) -> list[dict[str, object]]:
        """The whole log."""
        return [entry.fields for entry in self.audit.records()]

    def follow(self, seconds: float = 0) -> None:
        """Time passes, and the follower has its turn."""
        self.clock.ms += int(seconds * 1000)
        asyncio.run(self.follower.pass_once(self.clock.ms / 1000))

    def turnover(self, token: Token | None = None) -> Decimal:
        """What of the budget is used."""
        return self.ledger.usage((token or self.bot).id, self.clock.ms).turnover("USDT", 86_400_000)


def code(answer: Answer) -> int | None:
    """The exchange's error code of an answer, None for success."""
    told = json.loads(answer.body)
    return told.get("code") if isinstance(told, dict) else None


def message(answer: Answer) -> str:
    """The exchange's error text."""
    return str(json.loads(answer.body)["msg"])


def lost() -> NoAnswer:
    """Sent, no answer."""
    return NoAnswer("the connection broke")
