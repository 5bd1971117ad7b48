"""A whole gateway in one process for rehearsals: the real pipeline, ledger, market arithmetic and adapter under one
policy, a simulated exchange, and a token that was stolen. Nothing here listens, writes a file or sleeps.

Law: only what lies outside the gateway is played (``played.py``, ``belongings.py``).
"""

import hashlib
import hmac
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import count
from typing import Any, Final

from gateway.admin.policy_tools.belongings import (
    SECRET,
    Accounts,
    Hand,
    Holder,
    Paper,
    Policies,
    Tokens,
    Unmeasured,
)  # fmt: skip
from gateway.admin.policy_tools.played import EXCHANGE, Clock, Prices, Venue, Wire
from gateway.admin.policy_tools.rehearsed import covers, listed_by, market_list, quote_of
from gateway.admin.policy_tools.scratch import Scratch
from gateway.core.request import Answer, RawRequest
from gateway.core.secret import Secret
from gateway.core.snapshot import Usage
from gateway.core.token import Credential, KeyKind
from gateway.exchanges.registry import EXCHANGES
from gateway.ledger.ledger import Ledger
from gateway.pipeline import Pipeline
from gateway.policy.controls.budgets import Giveaway
from gateway.policy.controls.limited import Limited
from gateway.policy.controls.volumes import Turnover
from gateway.policy.document import Policy
from gateway.policy.limits import Limit
from gateway.ports import Surroundings
from gateway.simulator.core.instruments import Instrument as Listed
from gateway.simulator.core.orders import Fill
from gateway.simulator.keys import ALL_PERMISSIONS
from gateway.stages.follow import Follower
from gateway.stages.reconcile import Reconciler
from gateway.stages.send import Sender
from gateway.stages.silence import Silence

PURSE: Final = Decimal(1_000_000)
"""What the account owns of every asset, in the quote: more than any drain should reach."""
SECOND_MS: Final = 1_000
LOOKS: Final = 120
"""How often at most the dead man's switch looks in one pause: enough for every order that may work at once."""


class House:
    """One rehearsal. ``sent`` and ``passed`` count what was asked with the stolen token, and what was let through;
    ``refusals`` counts the rules that stopped the rest, the exchange's own as an empty one.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.clock = Clock()
        self.venue = Venue(self.clock, market_list(policy))
        self.prices = Prices(self.clock, self.venue, policy.sources)
        self.holder = Holder(policy, self._victim(), self.clock)
        self.ledger = Ledger.open(Scratch())
        self.sent = self.passed = 0
        self.refusals: Counter[str] = Counter()
        self.last: Answer | None = None
        self.wire = wire = Wire(self.venue)
        tokens, accounts = Tokens(self.holder), Accounts(self.holder)
        world = Surroundings(
            tokens, accounts, Policies(self.holder), self.ledger, Paper(), self.prices, wire, self.holder,
            self.clock, Unmeasured(), _entropy(),
        )  # fmt: skip
        sender = Sender(self.clock, world.audit, self.holder, wire)
        self._follower = Follower(world, sender, dict(EXCHANGES))
        self._reconciler = Reconciler(world, sender, dict(EXCHANGES))
        self._silence = Silence(world, sender, dict(EXCHANGES), lambda: self.clock.ms / 1000)
        self._pipeline = Pipeline(world, sender, self._follower.ready, self._heard)
        self._pipeline.authenticator.start(EXCHANGE)
        self._hand, self._signed = Hand(), 0
        self._heard_ms = self.clock.ms
        self._began, self._began_ms = self.worth(), self.clock.ms

    def _victim(self) -> Credential:
        prices = self._in_quote()
        balances: dict[str, Decimal] = {}
        for listed in listed_by(self.venue.state):
            balances[listed.base] = PURSE / prices.get(listed.base, listed.start_price)
            balances.setdefault(listed.quote, PURSE / prices.get(listed.quote, Decimal(1)))
        key = self.venue.add_account("victim", {asset: f"{amount:.8f}" for asset, amount in balances.items()}, 1)
        self.venue.set_permissions(key["apiKey"], ALL_PERMISSIONS)
        return Credential(key["apiKey"], KeyKind.HMAC, Secret(key["secret"]))

    # -- what the thief does ------------------------------------------------------------------------------------

    @property
    def symbols(self) -> list[str]:
        """The markets that the policy lets the token trade, by the exchange's own names."""
        return [listed.symbol for listed in listed_by(self.venue.state) if covers(self.policy, listed)]

    @property
    def others(self) -> list[str]:
        """The markets that it does not."""
        return [listed.symbol for listed in listed_by(self.venue.state) if not covers(self.policy, listed)]

    def fair(self, symbol: str) -> Decimal:
        """The honest price."""
        return self.prices.fair[symbol]

    def listed(self, symbol: str) -> Listed:
        """A market as the exchange lists it."""
        return self.venue.state.exchange.markets[symbol].instrument

    async def ask(self, method: str, path: str, parameters: str = "", body: str = "") -> bool:
        """A request signed with the stolen secret; whether it was let through and done."""
        self._signed += 1
        stamp = self.clock.ms * 1000 + self._signed % 1000
        query = "&".join(filter(None, [parameters, f"timestamp={stamp}", "recvWindow=60000"]))
        payload = query + body
        signature = hmac.new(SECRET.reveal(), payload.encode(), hashlib.sha256).hexdigest()
        headers: list[tuple[bytes, bytes]] = [(b"host", b"127.0.0.1"), (b"x-mbx-apikey", self.holder.token.id.encode())]
        headers += [(b"content-type", b"application/x-www-form-urlencoded")] if body else []
        target = f"{path}?{query}&signature={signature}".encode()
        raw = RawRequest(method.encode(), target, tuple(headers), body.encode(), EXCHANGE, "127.0.0.1")
        self.last = await self._pipeline.handle(raw, self._hand)
        self.sent += 1
        if self.last.status < 400:
            self.passed += 1
            return True
        self.refusals[self.refusal()] += 1
        return False

    def _heard(self, token_id: str) -> None:
        self._heard_ms = self.clock.ms
        self._silence.heard(token_id)

    async def pass_time(self, ms: int) -> None:
        """The clock moves; once the token has been silent for too long, the gateway cancels what it left working."""
        end_ms, after_ms = self.clock.ms + ms, self.policy.silent_after_ms
        if after_ms is not None:
            self.clock.ms = max(self.clock.ms, min(end_ms, self._heard_ms + after_ms))
            await self._switch(end_ms, self._heard_ms + after_ms)
        self.clock.ms = end_ms

    async def _switch(self, end_ms: int, due_ms: int) -> None:
        """The dead man's switch looks once a second, while anything works."""
        for _ in range(LOOKS):
            if not due_ms <= self.clock.ms <= end_ms or not self.ledger.working_tokens():
                return
            await self._silence.pass_once()
            self.clock.ms += SECOND_MS

    async def learn(self, passes: int = 3) -> None:
        """The gateway asks the exchange what became of its orders."""
        for _ in range(passes):
            await self._follower.pass_once(self.clock.ms / 1000)
            await self._reconciler.pass_once(self.clock.ms / 1000)
            await self.pass_time(16_000)

    def left(self) -> Decimal | None:
        """What the policy still lets the token give away; he knows the policy, and counts. None: no limit."""
        return self._remaining(Giveaway, lambda usage, limit: usage.giveaway(limit.unit, limit.window_ms))

    def tradable(self) -> Decimal | None:
        """The same for what it still lets the token turn over."""
        return self._remaining(Turnover, lambda usage, limit: usage.turnover(limit.unit, limit.window_ms))

    def _remaining(self, kind: type[Limited], used: Callable[[Usage, Limit], Decimal]) -> Decimal | None:
        stated = self.policy.find(kind)
        if stated is None or not isinstance(stated.limit, Limit):
            return None
        return stated.limit.number - used(self.ledger.usage(self.holder.token.id, self.clock.ms), stated.limit)

    # -- what it cost -------------------------------------------------------------------------------------------

    def worth(self) -> Decimal:
        """All that the account owns, at honest prices, in the policy's quote; what was moved elsewhere is lost."""
        prices = self._in_quote()
        balances = self.venue.state.exchange.accounts["victim"].balances
        worth = (prices.get(asset, Decimal(0)) * (one.free + one.locked) for asset, one in balances.items())
        return sum(worth, Decimal(0))

    def lost(self) -> Decimal:
        """What the account lost since the rehearsal began; gains are no loss."""
        return max(Decimal(0), self._began - self.worth())

    def elapsed_ms(self) -> int:
        """How long the rehearsal has lasted."""
        return self.clock.ms - self._began_ms

    def given(self, window_ms: int | None = None) -> Decimal:
        """The most that orders filled within any such window gave away at honest prices; gains of one order are not
        set off against another's losses. It is never less than what was lost by trading.
        """
        fills = [(fill.time, fill.order.id, cost) for fill, cost in self._charged()]
        ends = [fills[-1][0]] if fills and window_ms is None else sorted({at for at, _, _ in fills})
        if fills and window_ms is not None and fills[-1][0] - fills[0][0] < window_ms:
            ends = ends[-1:]
        return max((_netted(fills, end, window_ms) for end in ends), default=Decimal(0))

    def _charged(self) -> Iterator[tuple[Fill, Decimal]]:
        prices = self._in_quote()
        for fill in self.venue.state.exchange.accounts["victim"].fills:
            market = fill.order.instrument
            base, quote = prices.get(market.base, Decimal(0)), prices.get(market.quote, Decimal(0))
            bought = fill.quantity * base - fill.quote * quote
            yield fill, (-bought if fill.order.side == "BUY" else bought) + fill.fee * prices[fill.fee_asset]

    @property
    def quote(self) -> str:
        """The currency that losses are told in."""
        return quote_of(self.policy)

    def _in_quote(self) -> dict[str, Decimal]:
        prices = {self.quote: Decimal(1)}
        for listed in sorted(listed_by(self.venue.state), key=lambda one: one.quote != self.quote):
            if listed.quote in prices and listed.base not in prices:
                prices[listed.base] = self.prices.fair[listed.symbol] * prices[listed.quote]
        return prices

    def refusal(self) -> str:
        """The rule that stopped the last request; empty if it passed."""
        text = self.last.body.decode() if self.last else ""
        return text.partition("[tradewarden:")[2].partition(" ")[0]

    def last_order(self) -> dict[str, Any]:
        """The exchange's last answer, as an object."""
        told = json.loads(self.last.body) if self.last else {}
        return told if isinstance(told, dict) else {}


def _netted(fills: Sequence[tuple[int, int, Decimal]], end: int, window_ms: int | None) -> Decimal:
    """What the orders filled within the window that ends then gave away, each order for itself."""
    orders: defaultdict[int, Decimal] = defaultdict(Decimal)
    for at, order, cost in fills:
        if at <= end and (window_ms is None or at > end - window_ms):
            orders[order] += cost
    return sum((cost for cost in orders.values() if cost > 0), Decimal(0))


def _entropy() -> Callable[[int], bytes]:
    """The same bytes in every rehearsal, and no two alike within one."""
    drawn = count()
    return lambda size: hashlib.shake_128(next(drawn).to_bytes(8)).digest(size)
