"""A week of a market for honest bots: prices that wander, the same everywhere, through the gateway's own arithmetic.

Law: chance comes from one seed, and amounts are Decimals, so a week is the same week every time. The market answers
as the Market of ports must: with what the venues that are heard quote, and with the last price that enough agreed on.
"""

import json
import random
from collections import deque
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from gateway.admin.policy_tools.house import House
from gateway.core.snapshot import Instrument, Reference
from gateway.market.quotes import Quote, Quotes, Slow, combine
from gateway.market.venues import RATES, pairs_of
from gateway.policy.document import load

D = Decimal
MINUTE_MS: Final = 60_000
WEEK_MINUTES: Final = 7 * 24 * 60
DAY_MINUTES: Final = 24 * 60
POLICIES: Final = Path(__file__).parents[2] / "policies"
_CALM_PPM, _WILD_PPM = 1_800, 7_000
"""The most that the price moves in a minute, in millionths: that makes about 2 % a day, and 1.6 % in one wild hour."""
_WILD_HOURS_A_DAY: Final = 2
_PULL: Final = 4_000
"""How slowly, in minutes, the price is drawn back to where it began: no week's walk leads to nowhere."""
_SEEN_AFTER_MS: Final = 700
_VOLUME_24H, _VOLUME_1H = D(900_000_000), D(30_000_000)
_DOLLAR: Final = D("0.9996")
_LEAN: Final = {"coinbase": D("1.0003"), "bitget": D("0.9999"), "kraken": D("0.9998"), "binance": D(1)}
"""Where each venue stands to the price: they never quite agree."""

ALL_VENUES: Final = frozenset(_LEAN)


class Walk:
    """The price of one market, minute by minute, and its average of the last day."""

    def __init__(self, start: Decimal, tick: Decimal, chance: random.Random) -> None:
        self.price = self._start = start
        self._tick, self._chance = tick, chance
        self._day: deque[Decimal] = deque([start], DAY_MINUTES)
        self._sum = start
        self._wild: frozenset[int] = frozenset()

    @property
    def average(self) -> Decimal:
        """Of the last 24 hours."""
        return self._sum / len(self._day)

    def step(self, minute: int) -> None:
        """One minute later."""
        if minute % DAY_MINUTES == 0:
            self._wild = frozenset(self._chance.sample(range(24), _WILD_HOURS_A_DAY))
        most = _WILD_PPM if minute // 60 % 24 in self._wild else _CALM_PPM
        drawn = D(sum(self._chance.randint(-most, most) for _ in range(4))) / 4_000_000
        moved = self.price * (1 + drawn) + (self._start - self.price) / _PULL
        self.price = moved.quantize(self._tick)
        if len(self._day) == DAY_MINUTES:
            self._sum -= self._day[0]
        self._day.append(self.price)
        self._sum += self.price


class Street:
    """A house under one starter policy, its token in honest hands, and the prices around it."""

    def __init__(self, policy: str, seed: int) -> None:
        self.house = House(load((POLICIES / f"{policy}.yaml").read_text(), policy))
        chance = random.Random(seed)
        self.walks = {name: self._walk(name, chance) for name in self.house.symbols}
        self.heard = ALL_VENUES
        self.denials: list[str] = []
        self._quotes, self._good = Quotes(), dict[tuple[str, int], Reference]()
        self.house.prices.reference = self.reference  # type: ignore[method-assign]
        self.house.prices.last_good = self.last_good  # type: ignore[method-assign]
        self._show()

    def _walk(self, name: str, chance: random.Random) -> Walk:
        listed = self.house.listed(name)
        return Walk(listed.start_price, listed.tick, chance)

    # -- the market -----------------------------------------------------------------------------------------------

    def minute(self, minute: int) -> None:
        """The prices of the next minute, everywhere at once."""
        for walk in self.walks.values():
            walk.step(minute)
        self._show()

    def _show(self) -> None:
        for name, walk in self.walks.items():
            tick = self.house.listed(name).tick
            depth = (40_000 / walk.price).quantize(self.house.listed(name).step)
            self.house.prices.fair[name] = walk.price
            bids = [[walk.price - tick * near, depth] for near in (1, 5, 20)]
            self.house.venue.set_book(name, bids, [[walk.price + tick * near, depth] for near in (1, 5, 20)])

    def best(self, name: str) -> tuple[Decimal, Decimal]:
        """The best bid and the best ask of the venue traded on."""
        book = self.house.venue.book(name, 1)
        return D(book["bids"][0][0]), D(book["asks"][0][0])

    def reference(self, instrument: Instrument, environment: str, max_age_ms: int) -> Reference | None:
        """What the gateway takes for the price: of venues that are heard, and None where none is."""
        self._hear(instrument)
        told = combine(self._quotes, instrument, self.house.clock.ms, max_age_ms)
        if told is not None:
            self._good[instrument.market_id, told.sources] = told
        return told

    def most_sources(self, instrument: Instrument, environment: str) -> int:
        return 4

    def averages(self, environment: str) -> bool:
        return True

    def last_good(self, instrument: Instrument, environment: str, sources: int, older_than_ms: int) -> Reference | None:
        """The last one that so many agreed on, once it is no longer fresh."""
        known = [one for (name, _), one in self._good.items() if name == instrument.market_id]
        good = max((one for one in known if one.sources >= sources), key=lambda one: one.at_ms, default=None)
        return good if good is not None and self.house.clock.ms - good.at_ms > older_than_ms else None

    def _hear(self, instrument: Instrument) -> None:
        at_ms, walk = self.house.clock.ms - _SEEN_AFTER_MS, self.walks[instrument.market_id]
        for venue, base, quote in (pair for pairs in RATES.values() for pair in pairs if pair[0] in self.heard):
            self._quotes.put(Quote(venue, base, quote, _DOLLAR, _DOLLAR, at_ms))
        for pair in pairs_of("binance", instrument.base, instrument.quote):
            if pair[0] not in self.heard:
                continue
            lean = _LEAN[pair[0]] * (_DOLLAR if pair[2] == "USD" else 1)
            bid, ask = self.best(instrument.market_id) if pair[0] == "binance" else (walk.price, walk.price)
            self._quotes.put(Quote(*pair, bid * lean, ask * lean, at_ms))
            self._quotes.put_slow(pair, Slow(walk.average * lean, _VOLUME_24H, _VOLUME_1H, at_ms))

    # -- the bot's hand -------------------------------------------------------------------------------------------

    async def ask(self, method: str, path: str, parameters: str = "", *, in_body: bool = False) -> bool:
        """A request, and the moment that it takes; a denial by the gateway is remembered."""
        await self.house.pass_time(80)
        sent = ("", parameters) if in_body else (parameters, "")
        passed = await self.house.ask(method, path, *sent)
        if not passed and (rule := self.house.refusal()):
            self.denials.append(f"{method} {path} {parameters}: {rule}")
        return passed

    def told(self) -> Any:
        """The last answer."""
        assert self.house.last is not None
        return json.loads(self.house.last.body)

    def position(self, name: str) -> Decimal:
        """What the gateway's ledger takes for the token's own net fills."""
        return self.house.ledger.usage(self.house.holder.token.id, self.house.clock.ms).position(name)

    def traded(self, name: str) -> Decimal:
        """The same by the exchange's list of trades."""
        fills = [one for one in self.house.venue.trades("victim") if one["symbol"] == name]
        return sum((D(one["qty"]) * (1 if one["isBuyer"] else -1) for one in fills), D(0))
