"""gateway.yaml: every value is what its key says, and every mistake is told with its place."""

from pathlib import Path

import pytest

from gateway.policy.strict_yaml import DocumentError
from gateway.settings import Address, Settings, parse_settings
from tests.world.home import Home

WRONG = {
    "listen:\n  revers: 127.0.0.1:1\n": "g:2:11: unknown key 'listen.revers'",
    "listen:\n  admin: 8379\n": "g:2:10: listen.admin: an address is written like 127.0.0.1:8377 or [::1]:8377",
    "listen:\n  admin: 127.0.0.1:70000\n": "g:2:10: listen.admin: an address is written like",
    "listen:\n  ports: {okx: 127.0.0.1:1}\n": "unknown exchange",
    "listen:\n  reverse: 127.0.0.1:1\n  reverse: 127.0.0.1:2\n": "g:3:3: duplicate key 'reverse'",
    "store: postgresql://db\n": "g:1:8: only sqlite is supported yet; remove the key",
    "counters: redis://db\n": "g:1:11: only memory is supported yet; remove the key",
    "tunnel: [a..b:443]\n": "is no host name or IP address",
    "tunnel: [api.telegram.org]\n": "an address is written like 127.0.0.1:8377",
    "upstream:\n  timeout: {connect: 5}\n": "a duration is written like",
    "upstream:\n  timeout: {connect: 1e3s}\n": "a duration is written like",
    "upstream:\n  connect_to: {api.binance.com: 127.0.0.1:1}\n": "an address is written like",
    "audit: {keep: NO}\n": "a duration is written like",
    "accounts: {main: {limits: {turnovr: 5 USDT per 1h}}}\n": "did you mean turnover?",
    "accounts: {main: {limit: {}}}\n": "accounts.main holds one key: limits",
    "accounts: []\n": "accounts maps names to their limits",
    "hello\n": "g:1:1",
    "a: &x 1\nb: *x\n": "g:1:4: an anchor",
}


@pytest.mark.parametrize(("text", "told"), WRONG.items(), ids=[str(n) for n in range(len(WRONG))])
def test_a_wrong_file_is_told_where_and_what(text: str, told: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_settings(text, "g")
    assert told in str(caught.value)


def test_what_is_absent_has_its_default() -> None:
    settings = parse_settings("audit: {keep: 30d}\n", "g")
    assert settings.listen == Settings().listen
    assert str(settings.listen.reverse) == "127.0.0.1:8377"
    assert settings.listen.ports == {}
    assert settings.audit.keep == 30 * 86_400_000


def test_the_whole_contract_is_read() -> None:
    text = """
listen:
  reverse: "[::1]:8377"
  ports: {binance: 127.0.0.1:8381, kraken: 127.0.0.1:8384}
  forward: null
  admin: 127.0.0.1:8379
  tls: {cert: /c.pem, key: /k.pem}
  names: [host.docker.internal]
store: sqlite
counters: memory
upstream:
  connect_to: {"api.binance.com:443": "127.0.0.1:9443"}
  ca_file: /ca.pem
  timeout: {connect: 500ms, response: 1m}
accounts: {main: {limits: {turnover: 5 USDT per 1h}}}
"""
    settings = parse_settings(text, "g")
    assert settings.listen.reverse == Address(host="::1", port=8377)
    assert settings.listen.forward is None
    assert settings.upstream.timeout.response == 60_000
    assert [control.rule for control in settings.accounts["main"].controls] == ["limits.turnover"]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("0.0.0.0", False), ("localhost", False),
     ("192.168.1.2", False), ("::", False)],
)  # fmt: skip
def test_only_addresses_that_cannot_leave_the_machine_are_loopback(host: str, loopback: bool) -> None:
    assert Address(host=host, port=1).is_loopback is loopback


@pytest.mark.parametrize("words", [("serve",), ("account", "add", "x", "--exchange", "binance", "--credentials", "-")])
def test_a_wrong_file_is_one_line_at_every_command(
    tmp_path: Path, initialised_home: Home, words: tuple[str, ...]
) -> None:
    """With its place, and no traceback."""
    home = initialised_home.copied(tmp_path)
    home.write("gateway.yaml", "listen:\n  reverse: nonsense\n")
    done = home.attempt(*words, stdin='{"apiKey": "k", "secret": "s"}')
    assert done.code == 1
    assert done.err.startswith("error: gateway.yaml:2:12: listen.reverse: an address is written like")
    assert "Traceback" not in done.err
