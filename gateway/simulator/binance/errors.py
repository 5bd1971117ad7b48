"""Every error the simulated Binance answers with: status, code and message, as one table."""

from ..core.refusals import Reason


class BinanceError(Exception):
    """An answer of Binance's that says no."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    @property
    def body(self) -> dict[str, object]:
        return {"code": self.code, "msg": self.message}


#        name                     status  code   message
_TABLE = {
    "UNAUTHORIZED":               (401, -1002, "You are not authorized to execute this request."),
    "TOO_MUCH_WEIGHT":            (429, -1003, "Too much request weight used; current limit is {} request weight "
                                               "per 1 MINUTE. Please use WebSocket Streams for live updates to avoid "
                                               "polling the API."),
    "TOO_MANY_ORDERS":            (429, -1015, "Too many new orders; current limit is {} orders per 10 SECOND."),
    "UNKNOWN_PATH":               (404, -1020, "This operation is not supported."),
    "STALE_TIMESTAMP":            (400, -1021, "Timestamp for this request is outside of the recvWindow."),
    "EARLY_TIMESTAMP":            (400, -1021, "Timestamp for this request was 1000ms ahead of the server's time."),
    "BAD_SIGNATURE":              (400, -1022, "Signature for this request is not valid."),
    "ILLEGAL":                    (400, -1100, "Illegal characters found in parameter '{}'; legal range is '{}'."),
    "ILLEGAL_ENCODING":           (400, -1100, "Illegal characters found in a parameter."),
    "TOO_MANY_PARAMETERS":        (400, -1101, "Too many parameters; expected '{}' and received '{}'."),
    "DUPLICATE_PARAMETER":        (400, -1101, "Duplicate values for parameter '{}' detected."),
    "MISSING":                    (400, -1102, "Mandatory parameter '{}' was not sent, was empty/null, or malformed."),
    "MISSING_EITHER":             (400, -1102, "Param '{}' or '{}' must be sent, but both were empty/null!"),
    "WINDOW_TOO_LARGE":           (400, -1131, "recvWindow must be less than 60000."),
    "UNREAD":                     (400, -1104, "Not all sent parameters were read; read '{}' parameter(s) but was "
                                               "sent '{}'."),
    "EMPTY":                      (400, -1105, "Parameter '{}' was empty."),
    "NOT_REQUIRED":               (400, -1106, "Parameter '{}' sent when not required."),
    "OVERFLOW":                   (400, -1108, "Parameter '{}' overflowed."),
    "TOO_PRECISE":                (400, -1111, "Parameter '{}' has too much precision."),
    "BAD_TIME_IN_FORCE":          (400, -1115, "Invalid timeInForce."),
    "BAD_TYPE":                   (400, -1116, "Invalid orderType."),
    "BAD_SIDE":                   (400, -1117, "Invalid side."),
    "BAD_INTERVAL":               (400, -1120, "Invalid interval."),
    "BAD_SYMBOL":                 (400, -1121, "Invalid symbol."),
    "TOO_LONG_A_SPAN":            (400, -1127, "More than {} hours between startTime and endTime."),
    "BAD_COMBINATION":            (400, -1128, "Combination of optional parameters invalid."),
    "BAD_VALUE":                  (400, -1130, "Data sent for parameter '{}' is not valid."),
    "BAD_STRATEGY_TYPE":          (400, -1134, "strategyType was less than 1000000."),
    "BAD_CANCEL_RESTRICTIONS":    (400, -1145, "Invalid cancelRestrictions"),
    "DUPLICATE_SYMBOLS":          (400, -1151, "Symbol is present multiple times in the list."),
    "BAD_ORDER_COMBINATION":      (400, -2010, "Unsupported order combination"),
    "PEGGED":                     (400, -2010, "Pegged orders are not supported for this symbol."),
    "UNKNOWN_ORDER":              (400, -2011, "Unknown order sent."),
    "CANCEL_RESTRICTED":          (400, -2011, "Order was not canceled due to cancel restrictions."),
    "NO_SUCH_ORDER":              (400, -2013, "Order does not exist."),
    "BAD_KEY_FORMAT":             (401, -2014, "API-key format invalid."),
    "REJECTED_KEY":               (401, -2015, "Invalid API-key, IP, or permissions for action."),
    "NO_FUNDS_TO_WITHDRAW":       (400, -4026, "User has insufficient balance"),
    "NO_FUNDS_TO_TRANSFER":       (400, -5013, "Asset transfer failed: insufficient balance"),
    "NO_SUCH_ASSET":              (400, -9000, "Invalid asset."),
}  # fmt: skip

_INSUFFICIENT = "Account has insufficient balance for requested action."
_REASONS = {
    Reason.INSUFFICIENT:          (-2010, _INSUFFICIENT),
    Reason.DUPLICATE_ID:          (-2010, "Duplicate order sent."),
    Reason.WOULD_TAKE:            (-2010, "Order would immediately match and take."),
    Reason.WOULD_TRIGGER:         (-2010, "Order would trigger immediately."),
    Reason.NO_LIQUIDITY:          (-2010, "Order book liquidity is less than symbol minimum quantity."),
    Reason.ICEBERG_TOO_LARGE:     (-2010, "IcebergQty exceeds QTY."),
    Reason.UNKNOWN_ORDER:         (-2011, "Unknown order sent."),
    Reason.NO_INCREASE:           (-2038, "Order amend (quantity increase) is not supported."),
    Reason.NO_CHANGE:             (-2038, "The requested action would change no state; rejecting."),
}  # fmt: skip


def error(name: str, *words: object) -> BinanceError:
    """The error of that name, its blanks filled in."""
    status, code, message = _TABLE[name]
    return BinanceError(code, message.format(*words), status)


def refusal(reason: Reason) -> BinanceError:
    """The core's reason in Binance's words; a filter is told by its own name."""
    code, message = _REASONS.get(reason, (-1013, f"Filter failure: {reason.name}"))
    return BinanceError(code, message)
