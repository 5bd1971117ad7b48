"""Every denial, as unmodified clients take it: measured with the real ccxt, behind both kinds of base URL."""

import json
from typing import Any

import ccxt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.decision import DenyCode
from gateway.exchanges.binance.denials import deny
from gateway.exchanges.exchange import Denial

RAISED = {
    DenyCode.MALFORMED: ccxt.BadRequest,
    DenyCode.PARAMETER: ccxt.BadRequest,
    DenyCode.UNKNOWN_ENDPOINT: ccxt.BadRequest,
    DenyCode.FORBIDDEN: ccxt.AuthenticationError,
    DenyCode.UNSUPPORTED: ccxt.BadRequest,
    DenyCode.TOKEN: ccxt.AuthenticationError,
    DenyCode.SIGNATURE: ccxt.AuthenticationError,
    DenyCode.TIMESTAMP: ccxt.InvalidNonce,
    DenyCode.REPLAY: ccxt.InvalidOrder,
    DenyCode.STATE: ccxt.InvalidOrder,
    DenyCode.NOT_GRANTED: ccxt.AuthenticationError,
    DenyCode.SYMBOL: ccxt.InvalidOrder,
    DenyCode.ORDER: ccxt.InvalidOrder,
    DenyCode.DUPLICATE: ccxt.InvalidOrder,
    DenyCode.LIMIT: ccxt.InvalidOrder,
    DenyCode.RATE: ccxt.RateLimitExceeded,
    DenyCode.UNPRICED: ccxt.OperationFailed,
    DenyCode.NOT_READY: ccxt.OperationFailed,
    DenyCode.UNKNOWN_OUTCOME: ccxt.RequestTimeout,
    DenyCode.BAD_GATEWAY: ccxt.OperationFailed,
    DenyCode.INTERNAL: ccxt.OperationFailed,
}
RETRIED = {
    DenyCode.TIMESTAMP, DenyCode.RATE, DenyCode.UNPRICED, DenyCode.NOT_READY, DenyCode.UNKNOWN_OUTCOME,
    DenyCode.BAD_GATEWAY, DenyCode.INTERNAL,
}
URLS = ("https://api.binance.com/api/v3/order", "http://127.0.0.1:8377/api.binance.com/api/v3/order")
SEARCHED = ("LOT_SIZE", "PRICE_FILTER", "MAX_POSITION", "PERCENT_PRICE_BY_SIDE", "has no operation privilege")


@pytest.fixture(scope="module", params=[False, True], ids=["first call", "after a success"])
def client(request: pytest.FixtureRequest) -> Any:
    """ccxt's Binance, before and after its first authenticated success (it remembers)."""
    exchange = ccxt.binance()
    exchange.options["hasAlreadyAuthenticatedSuccessfully"] = request.param
    return exchange


def denied(code: DenyCode, detail: str = "the numbers of the rule", **more: Any) -> Any:
    return deny(Denial(code, "limits.order", detail, "01JABC", **more))


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("code", DenyCode)
def test_ccxt_raises_the_fitting_exception(client: Any, code: DenyCode, url: str) -> None:
    """Final for what policy refuses, retryable for what time mends, RequestTimeout for an unknown outcome."""
    answer = denied(code)
    body = answer.body.decode()
    with pytest.raises(ccxt.BaseError) as raised:
        client.handle_errors(answer.status, "", url, "POST", {}, body, json.loads(body), {}, "")
    assert type(raised.value) is RAISED[code]
    assert isinstance(raised.value, ccxt.OperationFailed) == (code in RETRIED)


@pytest.mark.parametrize("code", DenyCode)
def test_a_denial_is_the_exchanges_error_and_says_who_denied(code: DenyCode) -> None:
    """``code`` and ``msg`` only; the message ends in the rule and the decision."""
    answer = denied(code)
    error = json.loads(answer.body)
    assert error.keys() == {"code", "msg"}
    assert error["code"] < 0
    assert error["code"] != -2015
    assert error["msg"].endswith(" [tradewarden:limits.order d=01JABC]")
    assert "the numbers of the rule" in error["msg"]
    assert answer.status not in (418, 429)
    assert dict(answer.headers)[b"content-type"].startswith(b"application/json")
    assert (answer.status >= 500) == (code in RETRIED - {DenyCode.TIMESTAMP, DenyCode.RATE})


WAITS = [(0, b"0"), (1, b"1"), (1000, b"1"), (1001, b"2"), (86_400_000, b"86400")]


@pytest.mark.parametrize(("milliseconds", "seconds"), WAITS)
def test_waiting_is_said_in_whole_seconds_rounded_up(milliseconds: int, seconds: bytes) -> None:
    """A client that waits as long as it was told is not denied again for coming early."""
    assert dict(denied(DenyCode.RATE, retry_after_ms=milliseconds).headers)[b"retry-after"] == seconds


def test_nothing_is_said_about_waiting_where_it_does_not_help() -> None:
    """No Retry-After without a time."""
    assert b"retry-after" not in dict(denied(DenyCode.LIMIT).headers)


@given(st.text(max_size=400) | st.sampled_from(SEARCHED) | st.builds("a{}b".format, st.sampled_from(SEARCHED)))
@settings(max_examples=200, deadline=None)
def test_a_hostile_detail_stays_text(detail: str) -> None:
    """Quotes, control characters and words that clients search for cannot change what the answer means."""
    answer = denied(DenyCode.PARAMETER, detail.encode("utf-8", "replace").decode())
    error = json.loads(answer.body)
    assert error["code"] == -1130
    assert not any(word in error["msg"] for word in SEARCHED)
    assert error["msg"].endswith("d=01JABC]")
