"""`token`: what a bot holds. Narrowing works at any time; widening asks for the passphrase unless the gateway runs."""

import ipaddress
import re
import time
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from gateway.admin.desk import asker, operate
from gateway.admin.pointing.place import Block, Blocks, Mode, Place
from gateway.admin.terminal import HomeOption, JsonOption, PassphraseOption, existing, reachable, say, show, table
from gateway.core.errors import Misuse

app = typer.Typer(no_args_is_help=True)

COLUMNS = ("name", "state", "account", "policy", "kind", "expires", "addresses", "issued")
NameArgument = Annotated[str, typer.Argument(help="The token's name.")]
ClientOption = Annotated[str | None, typer.Option("--for", help="Also print how to point this bot.")]
ModeOption = Annotated[Mode | None, typer.Option("--mode", help="With --for: which way. Else the client's first.")]
UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Kind(StrEnum):
    """How the bot signs."""

    HMAC = "hmac"
    ED25519 = "ed25519"
    RSA = "rsa"
    ECDSA = "ecdsa"


@app.command()
def issue(
    name: NameArgument,
    account: Annotated[str, typer.Option("--account", help="The account it trades on.")],
    policy: Annotated[str, typer.Option("--policy", help="The policy it obeys: a file's stem in policies/.")],
    expires: Annotated[str | None, typer.Option("--expires", help="How long it lives: 12h, 30d.")] = None,
    allow_ip: Annotated[list[str] | None, typer.Option("--allow-ip", help="Where it may be used from.")] = None,
    kind: Annotated[Kind, typer.Option("--kind", help="How the bot signs.")] = Kind.HMAC,
    client: ClientOption = None,
    mode: ModeOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Issue a token; its secret is shown once, now."""
    where = existing(home)
    pointing = _pointing(client, mode)
    given = {
        "name": name,
        "account": account,
        "policy": policy,
        "expires_at": _expiry(expires),
        "addresses": [_network(text) for text in allow_ip or ()],
        "kind": kind.value,
    }
    issued = operate(where, "token.issue", given, asker(where, passphrase_file))
    _told(issued, json, pointing)


@app.command()
def rotate(
    name: NameArgument,
    client: ClientOption = None,
    mode: ModeOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
    passphrase_file: PassphraseOption = None,
) -> None:
    """A new secret for the same token; the old one is worthless at once. Budgets are not refilled."""
    where = existing(home)
    pointing = _pointing(client, mode)
    _told(operate(where, "token.rotate", {"name": name}, asker(where, passphrase_file)), json, pointing)


@app.command("list")
def list_(home: HomeOption = None, json: JsonOption = False) -> None:
    """All tokens, revoked ones included."""
    from gateway.admin import looking

    seen = looking.all_tokens(reachable(home))
    show(seen, json, table(COLUMNS, seen) if seen else "no tokens yet: `tradewarden token issue`")


@app.command("show")
def show_(name: NameArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """One token."""
    from gateway.admin import looking

    found = [token for token in looking.all_tokens(reachable(home)) if token["name"] == name]
    if not found:
        raise Misuse(f"there is no token {name!r}", "`tradewarden token list` shows them")
    live = [token for token in found if token["state"] != "revoked"]
    chosen = (live or found)[-1]
    show(chosen, json, "\n".join(f"{key}: {value}" for key, value in chosen.items()))


@app.command()
def pause(name: NameArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """Cancels and reads only, until resumed."""
    show(operate(reachable(home), "token.pause", {"name": name}), json, f"token {name} paused: cancels and reads only")


@app.command()
def resume(
    name: NameArgument, home: HomeOption = None, json: JsonOption = False, passphrase_file: PassphraseOption = None
) -> None:
    """Active again. Budgets are not refilled."""
    where = existing(home)
    result = operate(where, "token.resume", {"name": name}, asker(where, passphrase_file))
    show(result, json, f"token {name} is active")


@app.command()
def revoke(
    names: Annotated[list[str] | None, typer.Argument(help="The tokens' names.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every token.")] = False,
    cancel_orders: Annotated[bool, typer.Option("--cancel-orders", help="Then cancel the orders they placed.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Final. When this returns no later byte leaves with the token."""
    if bool(names) == every:
        raise typer.BadParameter("name the tokens, or say --all")
    where = reachable(home)
    given = {"names": names or [], "all": every}
    result = operate(where, "token.revoke", given)
    revoked = result["revoked"] + result["already_revoked"]
    for unknown in result["unknown"]:
        say(f"error: there is no token {unknown!r}; `tradewarden token list` shows them")
    if cancel_orders and revoked:
        result |= _cancelled(where, revoked, passphrase_file)
    show(result, json, revocation_text(result))
    fail_on(result)
    if result["unknown"]:
        raise typer.Exit(1)


def _cancelled(where: Any, names: list[str], passphrase_file: Any) -> dict[str, Any]:
    """Cancelling needs the open vault, and so comes second: whatever becomes of it, the tokens stay revoked."""
    given = {"names": names}
    try:
        cancelled: dict[str, Any] = operate(where, "token.cancel_orders", given, asker(where, passphrase_file))
    except Misuse as failure:
        return {"cancelled": 0, "cancel_failures": [str(failure)]}
    return cancelled


def revocation_text(result: dict[str, Any]) -> str:
    """What a revocation did, for a person."""
    lines = [f"revoked {name}; {count} of its orders still work" for name, count in result["working_orders"].items()]
    lines += [f"{name} was revoked before" for name in result.get("already_revoked", ())]
    if "cancelled" in result:
        lines.append(f"cancelled {result['cancelled']} orders")
    return "\n".join(lines) or "there was no live token"


def fail_on(result: dict[str, Any]) -> None:
    """Exit 1 if orders could not be cancelled; the tokens stay revoked."""
    failures = result.get("cancel_failures", ())
    for failure in failures:
        say(f"error: not cancelled: {failure}")
    if failures:
        raise typer.Exit(1)


def _pointing(client: str | None, mode: Mode | None) -> tuple[Mode, Blocks] | None:
    """How that client is pointed; looked up before anything is done. Raises Misuse for one that is not known."""
    from gateway.admin.pointing.clients import chosen

    return None if client is None else chosen(client, mode)


def _told(issued: dict[str, Any], json: bool, pointing: tuple[Mode, Blocks] | None) -> None:
    from gateway.admin import radius
    from gateway.admin.pointing.clients import text

    if (unmet := issued.pop("warning", None)) is not None:
        say(f"warning: {'; '.join(unmet)}")
    say(f"the worst this token can do\n{radius.text(issued.pop('blast_radius'))}")
    blocks = _blocks(issued, pointing)
    if json:
        show(issued | ({"snippet": [asdict(block) for block in blocks]} if pointing else {}), True, "")
        return
    say("the secret is shown only now")
    print("\n".join(f"{key}: {value}" for key, value in issued.items() if value is not None))
    if blocks:
        print("\n" + text(blocks))


def _blocks(issued: dict[str, Any], pointing: tuple[Mode, Blocks] | None) -> tuple[Block, ...]:
    """What to paste. A token that was issued is told in any case, so what is missing for this is only a note."""
    if pointing is None:
        return ()
    mode, way = pointing
    if mode is Mode.FORWARD and issued["forward"] is None:
        say("note: listen.forward is null in gateway.yaml, so nothing can be pointed at it")
        return ()
    return way(Place.of(issued))


def _expiry(text: str | None) -> int | None:
    if text is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", text, re.ASCII)
    if not found:
        raise typer.BadParameter("write a lifetime like 90m, 12h or 30d", param_hint="--expires")
    return time.time_ns() // 1_000_000 + int(found[1]) * UNITS_MS[found[2]]


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as failure:
        raise typer.BadParameter(str(failure), param_hint="--allow-ip") from None
