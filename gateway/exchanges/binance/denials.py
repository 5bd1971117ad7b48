"""Denials in Binance's words: ``{"code", "msg"}``, chosen by what unmodified clients then do.

Rules: never -2015 (read as a ban after the first success), never 418, never 429 or 5xx for a final "no", never a
message that a client knows word for word (the suffix sees to that), never a word that a client searches a body for.
"Later" is -1001, not -1008, which clients behind another base URL do not know. Sources: the exchange's error list, and
each row's effect on ccxt, which tests/exchanges/binance/test_denials.py measures.
"""

import re
from typing import Final

import msgspec

from gateway.core.decision import DenyCode
from gateway.core.request import Answer
from gateway.exchanges.exchange import Denial

_ROWS: Final[dict[DenyCode, tuple[int, int, str]]] = {
    DenyCode.MALFORMED: (400, -1100, "Illegal characters found in the request."),
    DenyCode.PARAMETER: (400, -1130, "Data sent for a parameter is not valid."),
    DenyCode.UNKNOWN_ENDPOINT: (404, -1020, "This operation is not known."),
    DenyCode.FORBIDDEN: (401, -1002, "You are not authorized to execute this request."),
    DenyCode.UNSUPPORTED: (400, -1020, "This operation is not supported."),
    DenyCode.TOKEN: (401, -2014, "API-key not accepted."),
    DenyCode.SIGNATURE: (400, -1022, "Signature for this request is not valid."),
    DenyCode.TIMESTAMP: (400, -1021, "Timestamp for this request is not accepted."),
    DenyCode.REPLAY: (400, -2010, "Duplicate request."),
    DenyCode.STATE: (400, -2010, "This action is disabled for this API key."),
    DenyCode.NOT_GRANTED: (401, -1002, "You are not authorized to execute this request."),
    DenyCode.SYMBOL: (400, -2010, "Symbol not whitelisted for API key."),
    DenyCode.ORDER: (400, -2010, "This order is not allowed for this API key."),
    DenyCode.DUPLICATE: (400, -2010, "Duplicate order."),
    DenyCode.LIMIT: (400, -2010, "Order exceeds a limit of this API key."),
    DenyCode.RATE: (400, -1015, "Too many requests."),
    DenyCode.UNPRICED: (503, -1001, "No fresh price now; nothing was sent, try again."),
    DenyCode.NOT_READY: (503, -1001, "Not ready now; nothing was sent, try again."),
    DenyCode.UNKNOWN_OUTCOME: (504, -1007, "Timeout waiting for the exchange; execution status unknown."),
    DenyCode.BAD_GATEWAY: (503, -1001, "The exchange could not be reached; nothing was sent, try again."),
    DenyCode.INTERNAL: (503, -1001, "Internal error; nothing was sent."),
}

_SEARCHED: Final = re.compile(
    r"LOT_SIZE|PRICE_FILTER|MAX_POSITION|PERCENT_PRICE_BY_SIDE|Price \* QTY"
    r"|has no operation privilege|This order type is not possible"
)
"""Words that clients look for anywhere in an answer, and that a bot's own text could bring into a detail."""
_LONGEST: Final = 300


def deny(denial: Denial) -> Answer:
    """The exchange's own error; ``Retry-After`` in whole seconds where waiting helps."""
    status, code, text = _ROWS[denial.code]
    detail = _SEARCHED.sub("…", denial.detail[:_LONGEST])
    message = f"{text} {detail} [tradewarden:{denial.rule} d={denial.decision_id}]" if detail else (
        f"{text} [tradewarden:{denial.rule} d={denial.decision_id}]"
    )
    headers = [(b"content-type", b"application/json;charset=UTF-8")]
    if denial.retry_after_ms is not None:
        headers.append((b"retry-after", b"%d" % -(-denial.retry_after_ms // 1000)))
    return Answer(status, tuple(headers), msgspec.json.encode({"code": code, "msg": message}))
