"""The grammar: what it reads, exactly; what it does not; and that it prints what it reads."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decision import Action
from gateway.core.money import plain
from gateway.policy import grammar, limits
from gateway.policy.grammar import MAX_WINDOW_MS, BadValue
from gateway.policy.limits import Limit, Scope, Shape, Unlimited

ORDER = Shape("500 USDT", money=True)
COUNT = Shape("20", scoped=True)
BUDGET = Shape("50_000 USDT per 24h", money=True, windowed=True)
PACE = Shape("10 per 1s", windowed=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("500", "500"),
        ("50_000", "50000"),
        ("1_000.5", "1000.5"),
        ("0.05", "0.05"),
        ("1.50", "1.5"),
        ("0.000_001", "0.000001"),
        ("999999999999999999.999999999999999999", "999999999999999999.999999999999999999"),
    ],
)
def test_a_number_is_read_exactly(text: str, value: str) -> None:
    """Every digit counts, and a separator counts for nothing."""
    assert grammar.number(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 5",
        "5 ",
        "+5",
        "-5",
        "1e3",
        "1E3",
        "NaN",
        "nan",
        "Infinity",
        "inf",
        ".5",
        "5.",
        "_5",
        "5_",
        "1__0",
        "1._5",
        "1_.5",
        "05",
        "00",
        "0x10",
        "1,000",
        "1 000",
        "\uff11\uff12",
        "\u0665",
        "²",
        "1\n",
        "½",
        "1000000000000000000",
    ],
)
def test_nothing_else_is_a_number(text: str) -> None:
    """What Decimal or another parser would take, or read differently, is refused."""
    with pytest.raises(BadValue):
        grammar.number(text)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("500ms", 500),
        ("1s", 1_000),
        ("5m", 300_000),
        ("24h", 86_400_000),
        ("7d", 604_800_000),
        ("31d", MAX_WINDOW_MS),
    ],
)
def test_a_window_is_read_and_printed(text: str, ms: int) -> None:
    """Reading and printing agree on the usual windows."""
    assert grammar.window(text) == ms
    assert grammar.window(grammar.window_text(ms)) == ms


@pytest.mark.parametrize(
    "text", ["", "5", "s", "0s", "00s", "01s", "1.5h", "-1s", "1 s", "1S", "1w", "1s ", "\uff11s", "32d", "5m5s"]
)
def test_nothing_else_is_a_window(text: str) -> None:
    """No zero, sign, fraction, other unit, or more than 31 days."""
    with pytest.raises(BadValue):
        grammar.window(text)


@pytest.mark.parametrize("text", ["BTC/USDT", "*/USDT", "BTC/*", "1INCH/USDT", "1000SATS/USDT", "00/USD"])
def test_a_symbol_or_a_glob_of_one_whole_side(text: str) -> None:
    """Unified spot symbols pass as they are."""
    assert grammar.symbol(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "*/*",
        "**/USDT",
        "B*/USDT",
        "BTC/US*",
        "BTC/USDT:USDT",
        "btc/usdt",
        "BTCUSDT",
        "/USDT",
        "BTC/",
        "BTC/USDT ",
        "BTC/USDT\n",
        "\uff22\uff34\uff23/USDT",
        "BTC//USDT",
        "BTC/USDT/EUR",
    ],
)
def test_nothing_else_is_a_symbol(text: str) -> None:
    """No glob inside a name, no derivative, no foreign letters."""
    with pytest.raises(BadValue):
        grammar.symbol(text)


@pytest.mark.parametrize(
    ("text", "shape", "limit"),
    [
        ("500 USDT", ORDER, Limit(Decimal(500), "USDT")),
        ("500  USDT", ORDER, Limit(Decimal(500), "USDT")),
        ("500 USDT then halt", ORDER, Limit(Decimal(500), "USDT", action=Action.HALT)),
        ("500 USDT then deny", ORDER, Limit(Decimal(500), "USDT")),
        ("20", COUNT, Limit(Decimal(20), scope=Scope.IN_ALL)),
        ("20 in all", COUNT, Limit(Decimal(20), scope=Scope.IN_ALL)),
        ("20 each", COUNT, Limit(Decimal(20), scope=Scope.EACH)),
        (
            "50_000 USDT per 24h then cancel_only",
            BUDGET,
            Limit(Decimal(50_000), "USDT", window_ms=86_400_000, action=Action.CANCEL_ONLY),
        ),
        ("10 per 1s", PACE, Limit(Decimal(10), window_ms=1_000)),
    ],
)
def test_a_limit_is_read(text: str, shape: Shape, limit: Limit) -> None:
    """Each part of the grammar lands in its field."""
    assert limits.limit(text, shape) == limit


def test_a_limit_is_lifted_only_for_a_reason() -> None:
    """unlimited because <reason>, and the reason is kept."""
    lifted = limits.limit_or_unlimited("unlimited because it is a testnet", ORDER)
    assert lifted == Unlimited("it is a testnet")
    assert str(lifted) == "unlimited because it is a testnet"
    for text in (
        "unlimited",
        "unlimited because",
        "unlimited because  ",
        "Unlimited because x",
        "unlimited x",
        "unlimited because a\nb",
    ):
        with pytest.raises(BadValue):
            limits.limit_or_unlimited(text, ORDER)


numbers = st.decimals(min_value=0, max_value=10**17, allow_nan=False, places=18)


@given(numbers)
def test_numbers_round_trip_with_and_without_separators(value: Decimal) -> None:
    """A number reads back as itself."""
    text = plain(value)
    assert grammar.number(text) == value
    whole, _, fraction = text.partition(".")
    grouped = f"{int(whole):_}" + (f".{fraction}" if fraction else "")
    assert grammar.number(grouped) == value


@st.composite
def shaped(draw: st.DrawFn) -> tuple[Limit, Shape]:
    """A limit together with a shape that it has."""
    money, scoped, windowed = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    number = draw(numbers.filter(bool)) if money else Decimal(draw(st.integers(1, 10**17)))
    unit = draw(st.from_regex(r"[A-Z][A-Z0-9]{0,9}", fullmatch=True)) if money else ""
    scope = draw(st.sampled_from(Scope)) if scoped else None
    window = draw(st.integers(1, MAX_WINDOW_MS)) if windowed else 0
    actions = [Action.DENY, Action.HALT, *([Action.CANCEL_ONLY] if windowed else [])]
    shape = Shape("x", money=money, scoped=scoped, windowed=windowed)
    return Limit(number, unit, scope, window, draw(st.sampled_from(actions))), shape


@given(shaped())
def test_limits_round_trip(case: tuple[Limit, Shape]) -> None:
    """Every limit prints as a text that reads back as the same limit: the digest stands on this."""
    limit, shape = case
    assert limits.limit(str(limit), shape) == limit


@given(numbers.filter(lambda value: 0 < value < 100))
def test_percentages_round_trip(value: Decimal) -> None:
    """A percentage becomes an exact fraction and back."""
    fraction = grammar.percent(f"{plain(value)}%")
    assert fraction * 100 == value
    assert grammar.percent(grammar.percent_text(fraction)) == fraction


@given(st.text(st.sampled_from("0159_.+-eE%/*: USDTBCperthnaliucksmh\uff11\n"), max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """The grammar raises BadValue and nothing else."""
    for shape in (ORDER, COUNT, BUDGET, PACE):
        with suppress(BadValue):
            value = limits.limit_or_unlimited(text, shape)
            assert isinstance(value, Unlimited) or value.number > 0
