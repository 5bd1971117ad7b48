"""The price process goes to the venues' own hosts, by their own names, and nowhere else."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from gateway.market.going import session
from tests.market.venues import Venues


@pytest.fixture(scope="module")
def venues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venues]:
    with Venues(tmp_path_factory.mktemp("venues")) as made:
        yield made


def status(url: str, connect_to: dict[str, str], ca_file: Path | None) -> int:
    async def ask() -> int:
        async with session(connect_to, str(ca_file) if ca_file else None) as ours, ours.get(url) as answer:
            return answer.status

    return asyncio.run(ask())


KRAKEN = "https://api.kraken.com/0/public/AssetPairs"


def test_connect_to_changes_the_address_and_not_the_name(venues: Venues) -> None:
    """The server chooses its certificate by the name asked for; it would refuse 127.0.0.1."""
    assert status(KRAKEN, venues.connect_to, venues.ca_file) == 200


def test_a_certificate_of_an_unknown_authority_is_refused(venues: Venues) -> None:
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        status(KRAKEN, venues.connect_to, None)


def test_a_certificate_of_another_name_is_refused(venues: Venues) -> None:
    venues.certificates["api.kraken.com"] = "api.bitget.com"
    try:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            status(KRAKEN, venues.connect_to, venues.ca_file)
    finally:
        del venues.certificates["api.kraken.com"]


@pytest.mark.parametrize(
    "url",
    ["https://example.com/", "http://api.kraken.com/", "https://127.0.0.1/", "https://api.kraken.com.evil.test/"],
)
def test_any_other_host_is_refused_before_it_is_dialled(url: str, venues: Venues) -> None:
    with pytest.raises(aiohttp.ClientConnectionError, match="is no venue"):
        status(url, venues.connect_to, venues.ca_file)


def test_the_environment_has_no_say(venues: Venues, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a proxy nor another set of roots."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    assert status(KRAKEN, venues.connect_to, venues.ca_file) == 200


def test_a_redirect_elsewhere_is_not_followed(venues: Venues) -> None:
    venues["kraken"].redirect = "https://127.0.0.1:1/"
    try:
        with pytest.raises(aiohttp.ClientConnectionError, match="is no venue"):
            status(KRAKEN, venues.connect_to, venues.ca_file)
    finally:
        venues["kraken"].redirect = ""


def test_a_venue_that_asks_to_be_left_alone_is(venues: Venues) -> None:
    """The next request does not reach it, whatever path; another venue is asked on."""
    kraken, path = venues["kraken"], "/0/public/AssetPairs"
    kraken.leave_alone_s = 600

    async def story() -> None:
        async with session(venues.connect_to, str(venues.ca_file)) as ours:
            async with ours.get(KRAKEN) as answer:
                assert answer.status == 429
            before = kraken.asked[path]
            for url in (KRAKEN, "https://api.kraken.com/0/public/Ticker?pair=XXBTZUSD"):
                with pytest.raises(aiohttp.ClientConnectionError, match="left alone"):
                    await ours.get(url)
            assert (kraken.asked[path], kraken.asked["/0/public/Ticker"]) == (before, 0)
            async with ours.get("https://api.bitget.com/api/v2/spot/public/symbols") as answer:
                assert answer.status == 200

    try:
        asyncio.run(story())
    finally:
        kraken.leave_alone_s = 0
