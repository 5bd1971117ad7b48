"""One request in, one answer out: finds the endpoint, authenticates, lets it answer, counts the weight."""

from dataclasses import dataclass
from typing import Any

import msgspec

from ..core.refusals import Refused
from ..keys import Key
from ..messages import Reply, Request
from .endpoints import ENDPOINTS, Endpoint
from .errors import BinanceError, error, refusal
from .parameters import Parameters
from .signing import check_signature, check_time, find_key
from .state import MINUTE, Asked, State

_JSON = "application/json;charset=UTF-8"
_encode = msgspec.json.Encoder().encode
# On the matching engine's endpoints a placed or cancelled order weighs nothing; a refused one weighs in full.
_FREE = ("POST", "DELETE", "PUT")


@dataclass(slots=True)
class Outcome:
    """What the journal wants to know besides the answer."""

    reply: Reply
    account: str | None = None
    code: int | None = None


def answer(state: State, request: Request, now: int) -> Outcome:
    """Handles a request; `now` is the exchange's clock in microseconds."""
    outcome = Outcome(Reply(200, b""))
    endpoint = ENDPOINTS.get((request.method, request.path))
    headers = outcome.reply.headers
    headers["Content-Type"] = _JSON
    try:
        if endpoint is None:
            raise error("UNKNOWN_PATH")
        _check_weight(state, request, endpoint, now // 1000)
        found = _ask(state, request, endpoint, now, outcome)
    except BinanceError as problem:
        _refuse(outcome, problem)
    except Refused as problem:
        _refuse(outcome, refusal(problem.reason))
    else:
        outcome.reply.body = _encode(found)
    _count_weight(state, request, endpoint, outcome, now // 1000)
    return outcome


def _ask(state: State, request: Request, endpoint: Endpoint, now: int, outcome: Outcome) -> Any:
    body = request.body.decode("latin-1") if request.method != "GET" else ""
    key = None
    if endpoint.permission is None:
        parameters = Parameters(request.query, body)
    else:
        key = find_key(state.keys, request.headers.get("x-mbx-apikey"), request.peer)
        parameters = _authenticate(key, request, body, now)
        outcome.account = key.account.name
        if not key.permissions[endpoint.permission]:
            raise error("REJECTED_KEY" if request.path.startswith("/api/") else "UNAUTHORIZED")
    asked = Asked(state, parameters, now // 1000, key, outcome.reply.headers)
    found = endpoint.answer(asked)
    if request.method == "GET" and request.path.startswith("/api/"):
        parameters.refuse_unread()
    return found


def _authenticate(key: Key, request: Request, body: str, now: int) -> Parameters:
    parameters = Parameters(request.query, body)
    check_time(parameters, now)
    spot = request.path.startswith("/api/")
    check_signature(key, request.query, body, must_be_encoded=spot)
    return parameters


def _refuse(outcome: Outcome, problem: BinanceError) -> None:
    outcome.code = problem.code
    outcome.reply.status = problem.status
    outcome.reply.body = _encode(problem.body)


def _check_weight(state: State, request: Request, endpoint: Endpoint, now: int) -> None:
    limit = state.weight_limit
    if limit is not None and state.weight.add(request.peer, 0, now) + endpoint.weight > limit:
        problem = error("TOO_MUCH_WEIGHT", limit)
        raise problem


def _count_weight(state: State, request: Request, endpoint: Endpoint | None, outcome: Outcome, now: int) -> None:
    free = outcome.code is None and request.method in _FREE and request.path.startswith("/api/v3/o")
    weight = 1 if endpoint is None else endpoint.weight
    used = state.weight.add(request.peer, 0 if free else weight, now)
    headers = outcome.reply.headers
    if request.path.startswith("/sapi/"):
        headers["X-SAPI-USED-IP-WEIGHT-1M"] = str(used)
    else:
        headers["X-MBX-USED-WEIGHT"] = headers["X-MBX-USED-WEIGHT-1M"] = str(used)
    if outcome.reply.status == 429 and "Retry-After" not in headers:
        headers["Retry-After"] = str((MINUTE - now % MINUTE) // 1000 + 1)
