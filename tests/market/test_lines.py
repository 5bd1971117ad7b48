"""The price process parses foreign bytes all day: what it says is judged strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.market import lines
from gateway.market.lines import LINE_LIMIT, Begin, Garbled, QuoteLine, SlowLine, TroubleLine, Want

PAIR = ("kraken", "BTC", "USD")


@pytest.mark.parametrize(
    "said",
    [
        QuoteLine(PAIR, "64000.1", "64000.2", 12),
        SlowLine(PAIR, "63000", "1", "0", 12),
        TroubleLine("kraken", "ExchangeNotAvailable: kraken GET …"),
    ],
)
def test_what_the_process_says_is_heard_as_it_was_said(said: lines.Told) -> None:
    assert lines.told(lines.line(said)) == said


def test_what_the_gateway_says_is_heard_as_it_was_said() -> None:
    begin, want = Begin({"api.kraken.com:443": "127.0.0.1:9"}, None), Want((PAIR,), (), 1000)
    assert lines.begin(lines.line(begin)) == begin
    assert lines.want(lines.line(want)) == want


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"nonsense",
        b'{"type":"quote"}',
        b'{"type":"quote","pair":["kraken","BTC","USD"],"bid":64000.1,"ask":"64000.2","asked_us":1}',
        b'{"type":"quote","pair":["kraken","BTC"],"bid":"1","ask":"2","asked_us":1}',
        b'{"type":"quote","pair":["kraken","BTC","USD"],"bid":"1","ask":"2","asked_us":1,"more":1}',
        b'{"type":"unheard","venue":"kraken","why":"x"}',
        b'{"type":"trouble","venue":"\xff","why":"x"}',
    ],
)
def test_anything_else_is_garbled(wire: bytes) -> None:
    """A number that is no text, an unknown field, a missing one, another type, no UTF-8, no JSON."""
    with pytest.raises(Garbled):
        lines.told(wire)


@given(wire=st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_heard_or_be_garbled(wire: bytes) -> None:
    try:
        lines.told(wire)
    except Garbled:
        return


def test_a_line_that_is_too_long_is_never_said() -> None:
    with pytest.raises(Garbled):
        lines.line(TroubleLine("kraken", "x" * LINE_LIMIT))
