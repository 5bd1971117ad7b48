"""The rehearsal's gateway: what a policy does by itself while time passes, and the sources that it asks for."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.admin.policy_tools.attack import play
from gateway.admin.policy_tools.house import House
from gateway.core.token import TokenState
from gateway.policy.document import load

POLICIES = Path(__file__).parents[3] / "policies"
GRID = (POLICIES / "grid.yaml").read_text()
FAR = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity={quantity}&price={price}"
TOO_LARGE = "0.005"
WINDOW_MS = 300_000


def house(more: str = "", text: str = GRID) -> House:
    return House(load(f"{text}\n{more}", "rehearsed"))


def working(rehearsal: House) -> int:
    """The token's orders at the exchange."""
    return len(rehearsal.venue.state.exchange.accounts["victim"].open_orders)


async def rest(rehearsal: House, quantity: str = "0.001") -> bool:
    """An order that rests, a hundredth below the fair price."""
    price = (rehearsal.fair("BTCUSDT") * Decimal("0.99")).quantize(Decimal("0.01"))
    return await rehearsal.ask("POST", "/api/v3/order", FAR.format(quantity=quantity, price=price))


def test_a_token_that_falls_silent_loses_its_orders() -> None:
    """At the moment when its policy says so, and every one of them."""

    async def story(rehearsal: House) -> None:
        for _ in range(25):
            assert await rest(rehearsal)
        await rehearsal.pass_time(89_999)
        assert (working(rehearsal), len(rehearsal.ledger.working("victim"))) == (25, 25)
        await rehearsal.pass_time(10_000)
        assert (working(rehearsal), rehearsal.ledger.working("victim")) == (0, [])
        assert await rest(rehearsal)

    asyncio.run(story(house("if_silent: 90s then cancel_orders")))


def test_every_request_puts_the_silence_off() -> None:
    """It is measured from the last one."""

    async def story(rehearsal: House) -> None:
        assert await rest(rehearsal)
        for _ in range(3):
            await rehearsal.pass_time(60_000)
            assert await rehearsal.ask("GET", "/api/v3/openOrders", "symbol=BTCUSDT")
        assert working(rehearsal) == 1
        began_ms = rehearsal.clock.ms
        await rehearsal.pass_time(86_400_000)
        assert (working(rehearsal), rehearsal.clock.ms - began_ms) == (0, 86_400_000)

    asyncio.run(story(house("if_silent: 90s then cancel_orders")))


def test_without_a_switch_orders_rest_for_ever() -> None:
    """Nothing else cancels them."""

    async def story(rehearsal: House) -> None:
        assert await rest(rehearsal)
        await rehearsal.pass_time(86_400_000)
        assert working(rehearsal) == 1

    asyncio.run(story(house()))


@pytest.mark.parametrize(
    ("action", "state"), [("cancel_only", TokenState.PAUSED), ("reduce_only", TokenState.REDUCE_ONLY)]
)
def test_what_a_control_took_for_its_window_comes_back(action: str, state: TokenState) -> None:
    """And is taken again by the next breach."""
    breaker = GRID.replace("if_denied: 200 per 5m then cancel_only", f"if_denied: 3 per 5m then {action}")

    async def story(rehearsal: House) -> None:
        for _ in range(2):
            for _ in range(3):
                assert not await rest(rehearsal, TOO_LARGE)
            assert not await rest(rehearsal)
            assert (rehearsal.refusal(), rehearsal.holder.token.state) == ("if_denied", state)
            await rehearsal.pass_time(WINDOW_MS - 1)
            assert not await rest(rehearsal)
            assert rehearsal.holder.token.state is state
            await rehearsal.pass_time(1 + WINDOW_MS // 60)  # the bucket that the denials are in
            assert rehearsal.holder.token.state is TokenState.ACTIVE
            assert await rest(rehearsal)
            await rehearsal.pass_time(WINDOW_MS)

    asyncio.run(story(house(text=breaker)))


def test_a_halt_stays() -> None:
    """No person is there to resume; not even a shorter restriction changes that."""
    halting = GRID.replace("if_denied: 200 per 5m then cancel_only", "if_denied: 1 per 5m then halt")

    async def story(rehearsal: House) -> None:
        assert not await rest(rehearsal, TOO_LARGE)
        assert not await rest(rehearsal)
        await rehearsal.pass_time(31 * 86_400_000)
        assert not await rest(rehearsal)
        assert (rehearsal.refusal(), rehearsal.holder.token.state) == ("state", TokenState.PAUSED)

    asyncio.run(story(house(text=halting)))


def sourced(sources: str) -> str:
    return GRID.replace("price:", f"price:\n  sources: {sources}")


@pytest.mark.parametrize(
    ("sources", "told", "buy", "sell"),
    [
        ("1 because this is a test", [102], 102, 102),
        ("2", [102, 100], 100, 102),
        ("3", [102, 100, 100], 100, 100),
        ("4", [102, 102, 100, 100], 100, 102),
    ],
)
def test_as_many_sources_tell_as_the_policy_asks_for(sources: str, told: list[int], buy: int, sell: int) -> None:
    """Half of them may lie as the thief's own book does; the others are honest. Numbers are hundredths of fair."""
    rehearsal = house(text=sourced(sources))
    fair, instrument = rehearsal.fair("BTCUSDT"), rehearsal.prices.instrument("binance", "live", "BTCUSDT")
    assert instrument is not None
    moved = fair * Decimal("1.02")
    rehearsal.venue.set_book("BTCUSDT", [(moved, Decimal(1))], [(moved + instrument.tick, Decimal(1))])
    reference = rehearsal.prices.reference(instrument, "live", 3_000)
    assert reference is not None
    shares = [(price / fair * 100).quantize(Decimal(1)) for _, price in reference.quoted]
    assert (sorted(shares), reference.sources) == (sorted(map(Decimal, told)), len(told))
    charged = [(price / fair * 100).quantize(Decimal(1)) for price in (reference.buy, reference.sell) if price]
    assert charged == [buy, sell]
    assert rehearsal.prices.most_sources(instrument, "live") == len(told)


@pytest.mark.parametrize("sources", ["3", "4"])
def test_attacks_are_played_with_every_number_of_sources(sources: str) -> None:
    """They trade, come near the drain, and do not pass it."""
    report = play(load(sourced(sources), "sourced"))
    assert report["ok"]
    losses = {row["attack"]: Decimal(row["loss"].split()[0]) for row in report["attacks"]}
    assert 45 < max(losses.values()) <= 50
    assert losses["walk-the-price"] > 45
    assert not any("price.sources" in row["refused_by"] for row in report["attacks"])


def test_attacks_are_played_under_a_dead_mans_switch_and_a_breaker_that_lifts() -> None:
    """The breaker stops an attack for a while, which then goes on; the bound holds."""
    text = GRID.replace("if_denied: 200 per 5m then cancel_only", "if_denied: 2 per 30s then cancel_only")
    report = play(load(f"{text}\nif_silent: 10s then cancel_orders\n", "switched"))
    assert report["ok"]
    odd = next(row for row in report["attacks"] if row["attack"] == "SYS")
    assert odd["passed"] > 0
    assert all(Decimal(row["loss"].split()[0]) <= 50 for row in report["attacks"])
