"""No secret in a log, error, record, page, argv, core dump: each secret of a world is looked for wherever bytes end up.

A secret is also found when only 40 bytes of it are: nothing longer than a client order id is ever said back.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.attacks.thief import ORDER, Thief, pour, raw
from tests.world import World
from tests.world.home import PASSPHRASE, Home
from tests.world.processes import Process
from tests.world.settings import Addresses
from tests.world.world import ACCOUNT

NOBODY = 65534
CUT = 40
PEM = "-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----"
Place = tuple[str, bytes]


class Canaries:
    """A world with secrets in every place where one belongs, and a search for them in every place where none does."""

    def __init__(self, world: World) -> None:
        self.world = world
        credential = world.issue("canary")
        self.thief = Thief(credential.key, credential.secret)
        real = world.real_key
        self.secrets = {"real secret": real.secret, "real key": real.key, "token's secret": credential.secret,
                        "passphrase": PASSPHRASE}  # fmt: skip
        self.answers: list[Place] = []

    def ask(self, sent: bytes) -> None:
        """Send it to every port; what comes back is searched later."""
        addresses = self.world.addresses
        for port in (addresses.binance_port, addresses.shared_port, addresses.admin_port):
            self.answers.append((f"an answer to {sent[:60]!r}", pour(port, sent)))

    def run(self, *words: str, stdin: str = "") -> None:
        """A command, whatever it ends with; what it prints is searched later."""
        done = self.world.home.attempt(*words, stdin=stdin)
        self.answers.append((f"the output of {' '.join(words)}", (done.out + done.err).encode()))

    def places(self) -> Iterator[Place]:
        """Everything that can be read."""
        yield from self.answers
        yield from contents(self.world.home.path)
        yield from ((name, text) for name, text in self.world.printed() if not name.startswith("exchange"))
        yield from processes(own={self.world.running.pid})

    def found(self) -> list[str]:
        """Every secret that is where it should not be."""
        places = list(self.places())
        return [f"{what} in {name}" for what, secret in self.secrets.items() for name, text in places
                if any(part in text for part in parts(secret))]  # fmt: skip


def parts(secret: str) -> list[bytes]:
    """The secret's beginning, middle and end."""
    middle = max(0, len(secret) - CUT) // 2
    return [text.encode() for text in (secret[:CUT], secret[middle : middle + CUT], secret[-CUT:])]


def contents(directory: Path) -> Iterator[Place]:
    """Every file's bytes; the write-ahead log and the audit log are among them."""
    return (
        (str(path), path.read_bytes())
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "reserve"
    )


def processes(own: Iterable[int]) -> Iterator[Place]:
    """The command lines of all processes, and the environments of ours."""
    for directory in Path("/proc").iterdir():
        names = ["cmdline"] + (["environ"] if directory.name in map(str, own) else [])
        for name in names if directory.name.isdigit() else ():
            try:
                yield str(directory / name), (directory / name).read_bytes()
            except OSError:
                continue


@pytest.fixture
def canaries(world: World) -> Canaries:
    return Canaries(world)


def test_the_search_finds_what_is_there(canaries: Canaries) -> None:
    """The canaries do sing: a secret in a file of the home is found, whole or cut."""
    assert canaries.found() == []
    canaries.world.home.write("policies/note.txt", f"remember {canaries.thief.secret[:50]}")
    assert len(canaries.found()) == 1


def test_no_secret_is_found_after_an_ordinary_day(canaries: Canaries) -> None:
    """Orders, reads, cancels, denials, a restart, every command that shows something, a revocation."""
    world, thief = canaries.world, canaries.thief
    for request in (thief.order(extra="&newClientOrderId=one"), thief.order(quantity="1"),
                    thief.request("GET", "/api/v3/account"),
                    thief.request("DELETE", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=one"),
                    thief.request("POST", "/sapi/v1/capital/withdraw/apply", "coin=BTC"),
                    thief.request("GET", "/sapi/v1/account/apiRestrictions")):  # fmt: skip
        canaries.ask(request)
    world.kill()
    world.start()
    canaries.ask(thief.order())
    bearer = (world.home.path / "metrics.token").read_text().strip()
    canaries.ask(
        raw("GET", "/metrics", more=(f"Authorization: Bearer {bearer}",)).replace(
            b"127.0.0.1", f"127.0.0.1:{world.addresses.admin_port}".encode(), 1
        )
    )
    for words in ("status", "token list", "token show canary", f"account show {ACCOUNT}", "account list", "audit tail",
                  "audit tail --json", "audit verify", "audit search canary", "token pause canary",
                  "token revoke canary"):  # fmt: skip
        canaries.run(*words.split())
    assert canaries.found() == []


def test_no_signature_of_the_real_key_stays_anywhere(canaries: Canaries) -> None:
    """A signed request could be sent again to another endpoint: it is in no answer, log or file."""
    for request in (canaries.thief.order(), canaries.thief.request("GET", "/api/v3/account")):
        canaries.ask(request)
    journal = canaries.world.exchange.control("journal")
    signatures = re.findall(r"signature=([0-9a-f]{64})", json.dumps(journal))
    assert len(signatures) >= 2
    texts = list(canaries.places())
    assert [name for one in signatures for name, text in texts if one.encode() in text] == []


def misplaced(secret: str, thief: Thief) -> Iterator[bytes]:
    """Requests of a bot that mixes everything up: a secret wherever a request has room for one."""
    yield raw("GET", "/api/v3/account", "", secret)
    yield thief.request("POST", f"/api/v3/{secret}")
    yield thief.request("POST", f"/{secret}/api/v3/order")
    yield raw("GET", f"/https://{secret}@api.binance.com/api/v3/time")
    yield raw(
        "GET", "/api/v3/time", "", None, (f"Authorization: Bearer {secret}", f"Cookie: a={secret}", f"{secret}: x")
    )
    yield raw(secret[:16].upper(), "/api/v3/time")
    yield raw("GET", "/api/v3/time", "", None, (f"Content-Encoding: {secret}", f"X-MBX-TIME-UNIT: {secret}"))
    yield f"GET /api/v3/time HTTP/1.1\r\nHost: {secret}\r\n\r\n".encode()
    yield f"{secret}\r\n\r\n".encode()
    yield f"GET /{secret} HTTP/1.0\r\n\r\n".encode()
    order = ORDER.format(quantity="0.001", price="40000")
    for name in ("symbol", "side", "type", "quantity", "price", "timeInForce", "newClientOrderId", "recvWindow",
                 "timestamp", "signature", "secret", "newOrderRespType", "strategyId"):  # fmt: skip
        kept = "&".join(pair for pair in order.split("&") if not pair.startswith(f"{name}="))
        yield thief.request("POST", "/api/v3/order", f"{kept}&{name}={secret}")
        yield raw("POST", "/api/v3/order", f"{kept}&{name}={secret}&timestamp=1&signature=x", thief.key)
    for text in (
        f"{secret}=1",
        f"a{secret}=1",
        f"{secret}",
        f"x=%00{secret}",
        f"a{secret}=1&a{secret}=2",
        f"a{secret}=%ff",
    ):
        yield thief.request("POST", "/api/v3/order", f"{order}&{text}")
        yield thief.request("GET", "/api/v3/account", text)
    yield thief.request("DELETE", "/api/v3/order", f"symbol=BTCUSDT&orderId={secret}")
    yield thief.request("DELETE", "/api/v3/order", f"symbol={secret}&orderId=1")
    yield raw("POST", "/api/v3/order", json.dumps({"apiKey": secret, "secret": secret}), thief.key)


def test_a_secret_in_the_wrong_place_is_not_said_back(canaries: Canaries) -> None:
    """A bot's own blunders end in no answer and no log: neither the token's secret nor a real one pasted by mistake."""
    for secret in (canaries.thief.secret, canaries.world.real_key.secret):
        for request in misplaced(secret, canaries.thief):
            canaries.ask(request)
    assert canaries.found() == []


def test_commands_that_fail_say_no_secret(canaries: Canaries) -> None:
    """Broken credentials, a key that the exchange refuses, a wrong passphrase, a name that is a secret."""
    real = canaries.world.real_key
    wrong = {"apiKey": real.key, "secret": real.secret[::-1]}
    canaries.secrets["refused secret"] = wrong["secret"]
    add = ("account", "add", "second", "--exchange", "binance", "--credentials", "-")
    whole = json.dumps({"apiKey": real.key, "secret": real.secret})
    for text in (whole[:-3], f"[{whole}]", whole.replace('"secret"', '"privateKey"'), whole.replace("apiKey", "key"),
                 json.dumps(wrong), json.dumps({"apiKey": real.secret, "secret": real.key}),
                 whole.replace(real.secret, PEM.format(real.secret))):  # fmt: skip
        canaries.run(*add, stdin=text)
    canaries.run(*add, "--no-check", "--json", stdin=json.dumps(wrong))
    assert canaries.found() == []


def test_a_pasted_passphrase_is_not_echoed(initialised_home: Home, tmp_path: Path) -> None:
    """A wrong passphrase is refused without being said."""
    home = initialised_home.copied(tmp_path)
    home.passphrase_file.write_text("another passphrase altogether, and quite a long one\n")
    refused = home.attempt("serve")
    assert refused.code == 1
    assert "another passphrase" not in refused.out + refused.err
    assert len(refused.err.strip().splitlines()) == 1


@pytest.fixture
def nobodys_home(initialised_home: Home) -> Iterator[Home]:
    """A home that belongs to another user, in a place that this user can reach."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    with tempfile.TemporaryDirectory() as place:
        home = initialised_home.copied(Path(place) / "of-nobody")
        Path(place).chmod(0o755)
        for path in (home.path.parent, *home.path.parent.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        yield home


class AsNobody(Process):
    """A process of a user without rights; the law of ``Process`` holds."""

    def __init__(self, home: Home, logs: Path, *words: str) -> None:
        switch = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        super().__init__(words[0], [*switch, *home.command(*words)], logs, home.environment)


def open_to_its_own_user(pid: int) -> list[str]:
    """What another process of the same user could see of it; a core counts too."""
    look = "import sys; open(sys.argv[1], 'rb').read(1)"
    seen = []
    for name in ("mem", "environ", "maps"):
        switch = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        words = [*switch, sys.executable, "-c", look, f"/proc/{pid}/{name}"]
        done = subprocess.run(words, capture_output=True, check=False, cwd="/")
        if b"PermissionError" not in done.stderr:
            seen.append(f"{name}: {done.stderr.decode()}")
    limits = Path(f"/proc/{pid}/limits").read_text()
    return seen if re.search(r"Max core file size +0 +0 ", limits) else [*seen, "core"]


def test_the_gateways_memory_is_closed_even_to_its_own_user(nobodys_home: Home, tmp_path: Path) -> None:
    """No core, no /proc/PID/mem, no environment for a bot that runs, wrongly, under the gateway's user."""
    ports = Addresses()
    nobodys_home.write(
        "gateway.yaml",
        f"listen:\n  reverse: 127.0.0.1:{ports.shared_port}\n  admin: 127.0.0.1:{ports.admin_port}\n"
        'upstream:\n  connect_to: {"api.binance.com:443": "127.0.0.1:9"}\n',
    )
    with AsNobody(nobodys_home, tmp_path, "serve") as gateway:
        gateway.until(lambda: "ready" in gateway.err.read_text(), 30, "readiness")
        assert open_to_its_own_user(gateway.pid) == []


def test_a_commands_memory_is_closed_while_it_holds_a_key(nobodys_home: Home, tmp_path: Path) -> None:
    """A command that waits for a real key on its standard input is as closed as the gateway."""
    fifo = nobodys_home.path.parent / "credentials"
    os.mkfifo(fifo)
    os.chown(fifo, NOBODY, NOBODY)
    words = ("account", "add", "x", "--exchange", "binance", "--credentials", str(fifo), "--no-check")
    with AsNobody(nobodys_home, tmp_path, *words) as command, fifo.open("w") as credentials:
        assert open_to_its_own_user(command.pid) == []
        credentials.write("{}")
