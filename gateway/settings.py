"""gateway.yaml as one frozen Settings. Every scalar is text in the file; its type is what this page says.

An unknown key, a duplicate, or a value of the wrong kind is an error with line and column.
"""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gateway.core.errors import Misuse
from gateway.policy.account import AccountLimits, load_account_limits
from gateway.policy.strict_yaml import DocumentError, Items, Mark, Node, Problem, Table, Text, read
from gateway.vault.hosts import checked_host

EXCHANGES: Final = ("binance", "coinbase", "bitget", "kraken")
_UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"([1-9][0-9]{0,8})(ms|s|m|h|d)", re.ASCII)
_HOST_PORT: Final = re.compile(r"(?:\[([0-9a-f:]+)\]|([a-z0-9.-]+)):([0-9]{1,5})", re.ASCII)


def parse_duration_ms(text: str) -> int:
    """``500ms 5s 1m 24h 90d`` to milliseconds. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise ValueError("a duration is written like 500ms, 5s, 1m, 24h or 90d")
    return int(found[1]) * _UNITS_MS[found[2]]


class Address(BaseModel):
    """A host and a port; an IPv6 host stands in brackets in the file."""

    model_config = ConfigDict(frozen=True)
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it. Only addresses tell; a name may mean anything tomorrow."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(value: object) -> Address:
    """``127.0.0.1:8377`` or ``[::1]:8377``. Raises ValueError."""
    found = _HOST_PORT.fullmatch(value) if isinstance(value, str) else None
    if not found or not 0 <= int(found[3]) <= 65535:
        raise ValueError("an address is written like 127.0.0.1:8377 or [::1]:8377")
    return Address(host=found[1] or found[2], port=int(found[3]))


def _duration(value: object) -> object:
    return parse_duration_ms(value) if isinstance(value, str) else value


def _nothing(value: object) -> object:
    """YAML's ``null`` is text to the strict reader; only where nothing is allowed does it mean nothing."""
    return None if value in ("null", "~", "") else value


def _exchange(name: str) -> str:
    if name not in EXCHANGES:
        raise ValueError(f"unknown exchange; known are {', '.join(EXCHANGES)}")
    return name


def _tls(value: object) -> object:
    if isinstance(value, str) and value != "local":
        raise ValueError("write local, or {cert: FILE, key: FILE}")
    return value


def _own_name(name: str) -> str:
    try:
        return checked_host(name)
    except Misuse as failure:
        raise ValueError(str(failure)) from None


def _host_port(text: str) -> str:
    parse_address(text)
    return text


def _tunnelled(text: str) -> str:
    try:
        checked_host(parse_address(text).host)
    except Misuse as failure:
        raise ValueError(str(failure)) from None
    return text


Where = Annotated[Address, BeforeValidator(parse_address)]
Milliseconds = Annotated[int, BeforeValidator(_duration)]
ExchangeName = Annotated[str, AfterValidator(_exchange)]
OwnName = Annotated[str, AfterValidator(_own_name)]
HostPort = Annotated[str, AfterValidator(_host_port)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class TlsFiles(_Part):
    """A certificate of the operator's own."""

    cert: Path
    key: Path


class Listen(_Part):
    """Where bots and the operator reach the gateway. An address that is not loopback needs ``tls`` written out."""

    reverse: Where = Address(host="127.0.0.1", port=8377)
    ports: dict[ExchangeName, Where] = Field(default_factory=dict)
    forward: Annotated[Where | None, BeforeValidator(_nothing)] = Address(host="127.0.0.1", port=8378)
    admin: Where = Address(host="127.0.0.1", port=8379)
    tls: Annotated[TlsFiles | str | None, BeforeValidator(_tls)] = None
    """``local``: a certificate of the CA for the ports, as if absent; only files are another."""
    names: tuple[OwnName, ...] = ()
    """What else the ports are called, in certificates of that CA."""


class Timeouts(_Part):
    """How long an exchange may take, in ms."""

    connect: Milliseconds = 5_000
    response: Milliseconds = 30_000


class UpstreamSettings(_Part):
    """How exchanges are reached. ``connect_to``: ``host:port`` of the exchange to ``host:port`` to dial."""

    connect_to: dict[HostPort, HostPort] = Field(default_factory=dict)
    ca_file: Annotated[Path | None, BeforeValidator(_nothing)] = None
    timeout: Timeouts = Timeouts()


class AuditSettings(_Part):
    """How long the log is kept, in ms."""

    keep: Milliseconds = 90 * 86_400_000


class Settings(_Part):
    """The whole file, with the defaults of whatever it leaves out."""

    listen: Listen = Listen()
    store: str = "sqlite"
    counters: str = "memory"
    upstream: UpstreamSettings = UpstreamSettings()
    tunnel: tuple[Annotated[HostPort, AfterValidator(_tunnelled)], ...] = ()
    audit: AuditSettings = AuditSettings()
    accounts: dict[str, AccountLimits] = Field(default_factory=dict)
    """Limits over all tokens of an account, by the account's name."""


def load_settings(path: Path) -> Settings:
    """The settings in force; defaults if there is no file. Raises DocumentError with every problem."""
    if not path.exists():
        return Settings()
    return parse_settings(path.read_bytes(), path.name)


def parse_settings(source: str | bytes, name: str) -> Settings:
    """Settings from the text of a gateway.yaml. Raises DocumentError."""
    tree = read(source, name)
    marks: dict[tuple[str | int, ...], Mark] = {}
    tree, accounts = _accounts(tree, name)
    try:
        settings = Settings.model_validate(_plain(tree, (), marks)).model_copy(update={"accounts": accounts})
    except ValidationError as failure:
        raise DocumentError(name, _problems(failure, marks)) from None
    _check_served(settings, name, marks)
    return settings


def _accounts(tree: Node, name: str) -> tuple[Node, dict[str, AccountLimits]]:
    """The tree without ``accounts``, and what stood there. Raises DocumentError."""
    if not isinstance(tree, Table):
        return tree, {}
    stated = next((value for key, value in tree.entries if key.text == "accounts"), None)
    rest = Table(tuple(entry for entry in tree.entries if entry[0].text != "accounts"), tree.mark)
    if stated is None:
        return rest, {}
    if not isinstance(stated, Table):
        raise DocumentError(name, (Problem(*_at(stated), "accounts", "accounts maps names to their limits"),))
    return rest, {key.text: _limits(key.text, value, name) for key, value in stated.entries}


def _limits(account: str, node: Node, name: str) -> AccountLimits:
    if not isinstance(node, Table) or [key.text for key, _ in node.entries] != ["limits"]:
        message = f"accounts.{account} holds one key: limits"
        raise DocumentError(name, (Problem(*_at(node), f"accounts.{account}", message),))
    try:
        return load_account_limits(node.entries[0][1], account)
    except DocumentError as failure:
        raise DocumentError(name, failure.problems) from None


def _at(node: Node) -> tuple[int, int]:
    return node.mark.line, node.mark.column


def _check_served(settings: Settings, name: str, marks: dict[tuple[str | int, ...], Mark]) -> None:
    """Later versions serve these; until then they are errors that say so, never silently ignored."""
    later = (
        (settings.store != "sqlite", "store", "only sqlite is supported yet"),
        (settings.counters != "memory", "counters", "only memory is supported yet"),
    )
    problems = tuple(
        Problem(marks[key,].line, marks[key,].column, key, message, "remove the key")
        for wrong, key, message in later
        if wrong
    )
    if problems:
        raise DocumentError(name, problems)


def _plain(node: Node, path: tuple[str | int, ...], marks: dict[tuple[str | int, ...], Mark]) -> object:
    """The tree as plain Python, remembering where each value stood."""
    marks[path] = node.mark
    match node:
        case Text():
            return node.text
        case Items():
            return [_plain(item, (*path, index), marks) for index, item in enumerate(node.items)]
        case Table():
            return {key.text: _plain(value, (*path, key.text), marks) for key, value in node.entries}


def _problems(failure: ValidationError, marks: dict[tuple[str | int, ...], Mark]) -> tuple[Problem, ...]:
    problems = []
    for error in failure.errors():
        location = error["loc"]
        while location not in marks:
            location = location[:-1]
        mark = marks[location]
        path = ".".join(str(part) for part in error["loc"])
        unknown = error["type"] == "extra_forbidden"
        message = f"unknown key '{path}'" if unknown else f"{path}: {error['msg'].removeprefix('Value error, ')}"
        problems.append(Problem(mark.line, mark.column, path, message))
    return tuple(problems)
