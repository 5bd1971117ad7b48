"""Bots trade with the lines that ``token issue --for`` prints, pasted as they stand, in either mode.

In forward mode a client uses the exchange's own addresses, sends CONNECT, and trusts the CA of the home.
"""

import pytest

from tests.clients.checks import check_arrivals, check_refusals, check_trading
from tests.clients.clients import CLIENTS, Client
from tests.clients.pasting import Printed
from tests.clients.running import live
from tests.world import World


@pytest.mark.timeout(180)
@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_bot_trades_with_the_lines_as_printed(client: Client, mode: str, shared_world: World) -> None:
    """Start-up, balances, orders, cancel; and its library's own final exceptions for the rest."""
    printed = Printed.by(shared_world, client.snippet, mode)
    before = shared_world.exchange.mark()
    assignment = {**client.assignment("nowhere", "", ""), "snippet": printed.code}
    told = live(client.environment, client.script, assignment, under=printed.shell)
    check_trading(client, told)
    check_refusals(client, told)
    check_arrivals(shared_world, shared_world.exchange.arrivals(before))
