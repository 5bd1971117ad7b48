"""Which exchange a request is for: exact names only. Spellings of hosts are vectors (binance/tricks/host_*)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.decision import DenyCode
from gateway.core.errors import Refused
from gateway.core.request import RawRequest
from gateway.exchanges.exchange import Denial, Exchange
from gateway.exchanges.registry import EXCHANGES, UNROUTABLE, by_host, locate


def raw(target: bytes, port: str | None = None) -> RawRequest:
    return RawRequest(b"GET", target, (), b"", port, "127.0.0.1")


@pytest.mark.parametrize("host", list(EXCHANGES["binance"].hosts))
def test_every_declared_host_is_found_in_both_spellings(host: str) -> None:
    """``/<host>/…`` and ``/https://<host>/…`` mean the same, and the prefix is gone from the target."""
    for prefix in (f"/{host}", f"/https://{host}", f"/{host}:443"):
        assert locate(raw(f"{prefix}/a?b=c".encode())) == (EXCHANGES["binance"], host, b"/a?b=c")
    assert by_host(host) is EXCHANGES["binance"]


def test_an_exchanges_own_port_names_no_host() -> None:
    """The target is left as it is; the path decides which of its hosts is meant."""
    assert locate(raw(b"/api/v3/time", "binance")) == (EXCHANGES["binance"], None, b"/api/v3/time")


@given(st.binary(max_size=80))
@settings(max_examples=300, deadline=None)
def test_anything_else_is_refused(target: bytes) -> None:
    """Arbitrary bytes are no exchange, and raise nothing but Refused."""
    with pytest.raises(Refused) as refused:
        locate(raw(target))
    assert refused.value.code is DenyCode.UNKNOWN_ENDPOINT


@given(st.sampled_from(list(EXCHANGES["binance"].hosts)), st.integers(0, 40), st.characters(codec="latin-1"))
@settings(max_examples=300, deadline=None)
def test_a_host_with_one_letter_changed_is_another_host(host: str, at: int, letter: str) -> None:
    """No spelling near a declared host is taken for it."""
    near = host[: at % len(host)] + letter + host[at % len(host) + 1 :]
    if near in EXCHANGES["binance"].hosts or "/" in near:
        return
    with pytest.raises(Refused):
        locate(raw(f"/{near}/api/v3/time".encode("latin-1")))
    assert by_host(near) is None


def test_an_unroutable_request_still_gets_an_answer() -> None:
    """Its shape is that of UNROUTABLE."""
    answer = UNROUTABLE.deny(Denial(DenyCode.UNKNOWN_ENDPOINT, "endpoint", "no such host", "01J"))
    assert answer.status == 404
    assert b'"code":-1020' in answer.body


def test_every_adapter_is_registered_under_its_own_name() -> None:
    """And keeps the protocol, as the type checker sees to."""
    adapters: dict[str, Exchange] = EXCHANGES
    assert all(adapter.name == name for name, adapter in adapters.items())
