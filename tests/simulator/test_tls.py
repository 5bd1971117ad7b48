"""TLS with a throw-away CA that the strictest client accepts, for every name the exchange is called by."""

import asyncio
import ssl
from pathlib import Path

import pytest

from gateway.simulator import Options, Simulator
from gateway.simulator.certificates import NAMES
from tests.simulator.running import Client, plain, with_simulator


@pytest.mark.parametrize("name", [*NAMES, "127.0.0.1"])
def test_each_name_verifies_strictly(name: str, tmp_path: Path) -> None:
    """With the CA, and with OpenSSL's strict flag."""

    async def test(simulator: Simulator) -> None:
        assert simulator.ca_file == tmp_path / "sub" / "ca.pem"
        context = ssl.create_default_context(cafile=str(simulator.ca_file))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        client = await Client.to(simulator.url, ssl=context, server_hostname=name)
        assert await client.ask(plain("GET", "/api/v3/ping")) == (200, b"{}")
        await client.close()

    with_simulator(test, Options(port=0, control_port=0, directory=tmp_path / "sub"))


def test_other_names_and_other_authorities_do_not() -> None:
    """Wrong name, or no CA: no connection. Without a directory of its own the CA is gone at the end."""
    files: list[Path] = []

    async def test(simulator: Simulator) -> None:
        assert simulator.ca_file is not None
        files.append(simulator.ca_file)
        trusting = ssl.create_default_context(cafile=str(simulator.ca_file))
        for context, name in ((trusting, "example.com"), (ssl.create_default_context(), "api.binance.com")):
            with pytest.raises(ssl.SSLCertVerificationError):
                await Client.to(simulator.url, ssl=context, server_hostname=name)
        assert simulator.url.startswith("https://127.0.0.1:")
        await asyncio.sleep(0)

    with_simulator(test, Options(port=0, control_port=0))
    assert not files[0].exists()
