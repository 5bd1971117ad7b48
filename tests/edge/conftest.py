"""Fixtures of the edge: one certificate authority for a run, and TLS for the exchange's name."""

import ssl

import pytest

from tests.edge.exchange import HOST, Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def tls(authority: Authority) -> ssl.SSLContext:
    return authority.server_context(HOST)
