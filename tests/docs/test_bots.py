"""docs/bots.md is what the command line prints, its links lead to its sections, and it shows no secret."""

import re

from gateway.admin.pointing.clients import CLIENTS, Proof
from gateway.admin.pointing.place import Mode
from tests.clients.clients import CLIENTS as TRIED
from tests.docs import bots_page
from tests.world.home import ROOT

WHOLE_BOTS = {"freqtrade"}
"""What test_freqtrade.py runs."""


def test_the_page_is_current() -> None:
    """`make docs` writes it."""
    assert bots_page.PAGE.read_text() == bots_page.page()


def test_what_is_called_run_is_run() -> None:
    """A client is said to have been run if and only if a test trades with it as pasted."""
    run = {client.name for client in CLIENTS.values() if client.proof is Proof.RUN}
    assert run == {client.snippet for client in TRIED} | WHOLE_BOTS


def test_the_versions_are_those_that_are_run() -> None:
    """Each is pinned for the tests."""
    pinned = "".join(path.read_text() for path in (ROOT / "constraints" / "clients").rglob("*.*"))
    shown = [client.version for client in CLIENTS.values() if client.proof is not Proof.READ]
    assert [version for version in shown if f"=={version} " not in pinned and f'"{version}"' not in pinned] == []


def test_links_lead_to_sections() -> None:
    """Every client's row leads to its lines."""
    page = bots_page.page()
    titles = re.findall(r"^### (.+)$", page, re.MULTILINE)
    headings = {re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\(#([^)]+)\)", page)) == headings
    assert len(headings) == len(CLIENTS)


def test_no_text_puts_a_credential_into_a_url() -> None:
    """A proxy's URL is seen by every process of the machine."""
    for client in CLIENTS.values():
        for mode in Mode:
            if mode is Mode.FORWARD or client.reverse:
                texts = [block.text for block in client.way(mode)(bots_page.PLACE)]
                assert not any(re.search(r"//[^/\s'\"]*@", text) for text in texts)
