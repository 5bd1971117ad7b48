"""What holds signed bytes shows none of them."""

from collections.abc import Callable

import pytest
from rich.pretty import pretty_repr

from gateway.core.intent import Public
from gateway.core.request import Call, Endpoint, EndpointClass, Outgoing, Proof, Security

CANARY = "canary-5f1e"
HEAD = (("X-MBX-APIKEY", CANARY),)
OUTGOING = Outgoing("api.binance.com", "GET", f"/x?signature={CANARY}", HEAD, CANARY.encode(), True)
PROOF = Proof("id", CANARY.encode(), CANARY, 1, 2)
ENDPOINT = Endpoint("GET", "api.binance.com", "/x", EndpointClass.MARKET, Security.NONE, None, "public")
CALL = Call(ENDPOINT, Public(), proof=PROOF)


@pytest.mark.parametrize("show", [repr, str, "{}".format, pretty_repr])
@pytest.mark.parametrize("thing", [OUTGOING, PROOF, CALL], ids=lambda one: type(one).__name__)
def test_a_signature_is_not_shown(thing: object, show: Callable[[object], str]) -> None:
    """However it is asked; what tells nothing is."""
    assert CANARY not in show(thing)
    assert "api.binance.com" in show(thing) or "id" in show(thing)
