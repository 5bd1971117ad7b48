"""Where a tunnel may lead: to what an exchange serves, to what is listed, and nowhere else."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.admin.guarding import PortGuard
from gateway.edge.forward import Lead
from gateway.settings import parse_settings

LISTED = "tunnel: ['api.telegram.org:443', 'api.binance.com:8443', '192.0.2.7:443']\n"
"""A list that `serve` refuses; the guard does not go by that."""


@pytest.mark.parametrize(
    ("host", "number", "lead"),
    [
        ("api.binance.com", 443, Lead.EXCHANGE), ("stream.binance.com", 9443, Lead.EXCHANGE),
        ("api.binance.com", 9443, Lead.NOWHERE), ("api.binance.com", 8443, Lead.NOWHERE),
        ("api.telegram.org", 443, Lead.LISTED), ("api.telegram.org", 80, Lead.NOWHERE),
        ("telegram.org", 443, Lead.NOWHERE), ("192.0.2.7", 443, Lead.LISTED), ("example.com", 443, Lead.NOWHERE),
    ],
)  # fmt: skip
def test_a_tunnel_leads_where_it_may(host: str, number: int, lead: Lead) -> None:
    """No port of an exchange's host is led to untouched, whatever is listed."""
    gateway = SimpleNamespace(settings=parse_settings(LISTED, "g"))
    assert PortGuard(cast("Any", gateway)).lead(host, number) is lead
