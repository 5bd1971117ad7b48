"""The tables of orders hold every parameter that the exchange's SDK knows, or refuse it by name."""

import json

import pytest

from gateway.core.errors import Refused
from gateway.core.intent import OrderKind
from gateway.exchanges.binance import orders
from tests.exchanges.binance.cases import VECTORS

KNOWN = json.loads((VECTORS / "parameters.json").read_text())["names"]
STAMP = {"recvWindow"}
PEGGED = {"pegPriceType", "pegOffsetValue", "pegOffsetType"}
TABLES = {
    "POST /api/v3/order": orders.PLACE_NAMES | orders.EXTRAS.keys(),
    "POST /api/v3/order/test": orders.PLACE_NAMES | orders.TEST_EXTRAS.keys(),
    "DELETE /api/v3/order": orders.CANCEL_NAMES | orders.CANCEL_EXTRAS.keys(),
    "DELETE /api/v3/openOrders": orders.CANCEL_ALL_NAMES,
}


@pytest.mark.parametrize("call", TABLES)
def test_every_parameter_of_a_state_changing_call_is_known_by_name(call: str) -> None:
    """The tables and the SDK name the same parameters; pegged prices are the one thing left out, on purpose."""
    assert TABLES[call] == set(KNOWN[call]) - STAMP - PEGGED


@pytest.mark.parametrize("name", sorted(orders.GRANTED_BY_NAME))
def test_what_needs_a_grant_is_known_and_shapes_no_order(name: str) -> None:
    """A policy lets through by name only what moves no value."""
    assert name in orders.EXTRAS
    assert name not in orders.PLACE_NAMES


def test_every_order_type_has_a_kind_of_its_own() -> None:
    """Types and kinds map both ways, so that an order leaves as the type it came as."""
    assert {orders.TYPE_OF[row.kind] for row in orders.TYPES.values()} == orders.TYPES.keys()
    assert len({row.kind for row in orders.TYPES.values()}) == len(orders.TYPES)


@pytest.mark.parametrize("name", orders.TYPES)
@pytest.mark.parametrize("extra", sorted(orders.SHAPE))
def test_a_type_takes_only_what_its_row_names(name: str, extra: str) -> None:
    """Every shape-giving parameter on every type: allowed by the row, or refused by name."""
    values = {"timeInForce": "GTC", "trailingDelta": "100"}
    row = orders.TYPES[name]
    sent = {"symbol": "BTCUSDT", "side": "BUY", "type": name}
    sent |= {needed: values.get(needed, "1") for needed in row.needs}
    if row.trigger:
        sent["stopPrice"] = "1"
    if row.kind is OrderKind.MARKET and extra not in row.names:
        sent["quantity"] = "1"
    sent[extra] = values.get(extra, "1")
    if extra in row.names:
        assert orders.place(sent, test=False).kind is row.kind
        return
    with pytest.raises(Refused, match=f"takes no {extra}"):
        orders.place(sent, test=False)


@pytest.mark.parametrize("name", orders.TYPES)
def test_a_type_needs_what_its_row_names(name: str) -> None:
    """Leaving out any needed parameter is refused by its name."""
    for missing in orders.TYPES[name].needs:
        sent = {needed: "GTC" if needed == "timeInForce" else "1" for needed in orders.TYPES[name].needs - {missing}}
        with pytest.raises(Refused, match=missing):
            orders.place({"symbol": "BTCUSDT", "side": "BUY", "type": name, "stopPrice": "1"} | sent, test=False)


@pytest.mark.parametrize("text", ["BTCUSDT", "1INCHUSDT", "币安人生USDT", "这是测试币456"])
def test_symbols_of_the_exchange_pass(text: str) -> None:
    """ASCII capitals and digits, and letters without case."""
    assert orders.symbol(text) == text


@pytest.mark.parametrize("text", [
    "", "A", "btcusdt", "BTC-USDT", "BTC USDT", "A" * 21, "BTCUSDT\n",
    "\uff22\uff34\uff23USDT", "\u0412TCUSDT", "BTC\u00dcSDT", "BTC\u200bUSDT", "BTC\u0301USDT", "\u2460\u2461",
    "BTC\uff11", "\uf900USDT",
], ids=ascii)
def test_symbols_that_somebody_could_read_as_another_are_refused(text: str) -> None:
    """Other scripts' capitals, combining and invisible letters, compatibility forms."""
    with pytest.raises(Refused):
        orders.symbol(text)
