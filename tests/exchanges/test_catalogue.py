"""The table: exact, whole, and every private read in exactly one of the names that a policy can grant."""

import re
import time

import pytest

from gateway.core.decision import DenyCode
from gateway.core.intent import ReadName
from gateway.core.request import Endpoint, EndpointClass, Security
from gateway.exchanges.catalogue import VALUE_MOVING, Catalogue, load, refusal

BINANCE = load("gateway.exchanges.binance")
ROWS = list(BINANCE)
READS = [row for row in ROWS if row.kind is EndpointClass.ACCOUNT_READ]
PLACE = Endpoint("POST", "api.binance.com", "/api/v3/order", EndpointClass.ORDER_PLACE, Security.SIGNED, None, "place")


def test_the_whole_surface_of_the_exchange_is_known() -> None:
    """1113 rows: every REST, WebSocket and FIX call of the published lists, not only what is served."""
    assert len(BINANCE) == 1113
    assert {row.method for row in ROWS} == {"GET", "POST", "PUT", "DELETE", "WS", "FIX"}


def test_lookup_is_exact_in_method_host_and_path() -> None:
    """A neighbour of a row is no row."""
    assert BINANCE.find("POST", "api.binance.com", "/api/v3/order") == PLACE
    for near in (("post", PLACE.host, PLACE.path), ("POST", "api1.binance.com", PLACE.path),
                 ("POST", PLACE.host, "/api/v3/order/"), ("POST", PLACE.host, "/API/v3/order"),
                 ("PUT", PLACE.host, PLACE.path)):
        assert BINANCE.find(*near) is None


@pytest.mark.parametrize("row", READS, ids=str)
def test_every_private_read_has_exactly_one_name(row: Endpoint) -> None:
    """What ``allow.reads`` governs is said row by row."""
    assert isinstance(row.read, ReadName)
    assert row.security is not Security.NONE


def test_nothing_but_a_private_read_has_a_read_name() -> None:
    """A name on anything else would let a policy of reads grant it."""
    assert [row for row in ROWS if row.read is not None and row.kind is not EndpointClass.ACCOUNT_READ] == []


CHANGES = re.compile(
    r"/asyn(/id)?$|histDataLink|soft-staking/set|get-quote|getQuote|/deposit/(address|subAddress)"
    r"|apiKey|api-key-list|subAccountApi$|ipRestriction/thirdPartyList|/(apply|create|set|redeemCode)$"
)
"""Paths that start a job, answer with a link or a key, or change something, whatever their method."""


def test_calls_that_change_something_are_not_reads() -> None:
    """GETs that set, create, start a job or return a signed link carry no read name."""
    found = [str(row) for row in READS if CHANGES.search(row.path)]
    assert found == []


def test_reads_by_another_method_than_get_are_exactly_these() -> None:
    """Every POST that counts as a read was looked at by a person."""
    posts = {row.path for row in READS if row.method not in ("GET", "WS")}
    w3w = "/sapi/v1/w3w/wallet/prediction/otc/blocktrade/"
    assert posts == {
        "/sapi/v1/asset/dust-btc", "/sapi/v1/asset/dust-convert/query-convertible-assets",
        "/sapi/v1/asset/get-funding-asset", "/sapi/v3/asset/getUserAsset",
        *(w3w + name for name in ("detail", "events", "list", "preview", "reserved-balances")),
    }


@pytest.mark.parametrize(("path", "name"), [
    ("/api/v3/account", "balances"), ("/api/v3/openOrders", "orders"), ("/api/v3/myTrades", "trades"),
    ("/api/v3/account/commission", "instruments"), ("/sapi/v1/capital/config/getall", "instruments"),
    ("/sapi/v1/asset/tradeFee", "instruments"), ("/sapi/v1/margin/allPairs", "instruments"),
    ("/sapi/v1/account/apiRestrictions", "account"), ("/sapi/v1/capital/withdraw/history", "history"),
    ("/sapi/v1/capital/withdraw/address/list", "account"), ("/sapi/v1/sub-account/list", "account"),
    ("/sapi/v1/simple-earn/flexible/position", "balances"), ("/sapi/v1/margin/interestHistory", "history"),
])
def test_read_names_mean_what_they_say(path: str, name: str) -> None:
    """A sample of every name, by hand."""
    row = BINANCE.find("GET", "api.binance.com", path)
    assert row is not None
    assert row.read == name


def test_deposit_addresses_are_never_served() -> None:
    """Asking for a deposit address may create one."""
    rows = [row for row in ROWS if row.kind is EndpointClass.DEPOSIT_ADDRESS]
    assert len(rows) == 8
    assert all(not row.decoder and row.read is None for row in rows)


@pytest.mark.parametrize("row", [row for row in ROWS if row.kind in VALUE_MOVING], ids=str)
def test_value_moving_rows_are_forbidden_and_never_decoded(row: Endpoint) -> None:
    """No policy and no decoder reaches a class by which value leaves the account."""
    assert not row.decoder
    assert row.read is None
    assert refusal(row)[0] is DenyCode.FORBIDDEN


def test_other_rows_without_a_decoder_are_unsupported() -> None:
    """Known, harmless to name, and not served yet."""
    rows = [row for row in ROWS if not row.decoder and row.kind not in VALUE_MOVING]
    assert len(rows) > 700
    assert {refusal(row)[0] for row in rows} == {DenyCode.UNSUPPORTED}


def test_decoders_stand_only_on_the_classes_they_are_for() -> None:
    """A decoder's name on a row of another class would open it."""
    allowed = {
        "public": {EndpointClass.MARKET}, "read": {EndpointClass.ACCOUNT_READ},
        "query_order": {EndpointClass.ACCOUNT_READ}, "open_orders": {EndpointClass.ACCOUNT_READ},
        "all_orders": {EndpointClass.ACCOUNT_READ}, "place": {EndpointClass.ORDER_PLACE},
        "test": {EndpointClass.ORDER_TEST}, "cancel": {EndpointClass.ORDER_CANCEL},
        "cancel_all": {EndpointClass.ORDER_CANCEL},
    }
    assert all(row.kind in allowed[row.decoder] for row in ROWS if row.decoder)
    changing = {str(row) for row in ROWS if row.decoder in ("place", "test", "cancel", "cancel_all")}
    assert changing == {
        "POST /api/v3/order", "POST /api/v3/order/test", "DELETE /api/v3/order", "DELETE /api/v3/openOrders",
    }


def test_a_row_that_stands_twice_stops_the_load() -> None:
    """Two rows for one call could say two things."""
    with pytest.raises(ValueError, match="twice"):
        Catalogue(iter([PLACE, Endpoint(PLACE.method, PLACE.host, PLACE.path, PLACE.kind, PLACE.security, None, "")]))


def test_loading_is_quick() -> None:
    """The table costs a start less than 10 ms (measured 3; the bound leaves room for a busy machine)."""
    spent = []
    for _ in range(5):
        begun = time.perf_counter()
        load("gateway.exchanges.binance")
        spent.append(time.perf_counter() - begun)
    assert min(spent) < 0.010
