"""The checks in their order, and how they are made: each alone, so that what one finds keeps no other from looking."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway.admin import looking
from gateway.admin.control import Silent, ask
from gateway.admin.doctor import exchanges, files, process, trust
from gateway.admin.doctor.finding import Check, Finding, Level, Patient, warning, wrong
from gateway.admin.passphrase import read_passphrase
from gateway.core.errors import GatewayError, Misuse
from gateway.home import Home, holder
from gateway.settings import Settings, load_settings

CHECKS: Final[dict[str, Check]] = {
    "home": files.modes,
    "settings": files.settings,
    "policies": files.policies,
    "disk": files.room,
    "gateway": process.runs,
    "ports": process.ports,
    "hardening": process.hardening,
    "bots": process.neighbours,
    "certificates": trust.authorities,
    "trust": trust.shown,
    "exchanges": exchanges.reached,
    "keys": exchanges.keys,
}

Report = list[tuple[str, Finding]]


def patient_of(home: Home, passphrase_file: Path | None) -> Patient:
    """What the checks share. Of all sources of a passphrase only the file named at this command counts: it is asked
    for nowhere, and a look at the home does not open the vault because the environment happens to let it."""
    running, trouble = _running(home)
    passphrase = None if passphrase_file is None else partial(read_passphrase, passphrase_file)
    return Patient(
        home, _settings(home), running, holder(home), lambda: looking.accounts(home), passphrase, trouble
    )


def examine(patient: Patient, checks: dict[str, Check] | None = None) -> Report:
    """All that the checks found, in their order."""
    return [(name, finding) for name, check in (checks or CHECKS).items() for finding in _made(check, patient)]


def _made(check: Check, patient: Patient) -> Iterator[Finding]:
    try:
        yield from check(patient)
    except Misuse as failure:
        yield warning(failure.message, failure.hint)
    except Exception as failure:
        what = f"this check itself failed: {type(failure).__name__}: {failure}"
        yield wrong(what, "look at it by hand, and tell us")


def is_sound(report: Report) -> bool:
    """Whether nothing is wrong."""
    return all(finding.level is not Level.WRONG for _, finding in report)


def document(report: Report) -> dict[str, Any]:
    """For programs."""
    return {"ok": is_sound(report), "findings": [{"check": name} | asdict(finding) for name, finding in report]}


def text(report: Report) -> str:
    """For a person: a line each, and below it what to do."""
    lines = []
    for name, finding in report:
        lines.append(f"{finding.level.value:<8} {name:<13} {finding.what}")
        if finding.next:
            lines.append(f"{'':<22} → {finding.next}")
    return "\n".join(lines)


def _settings(home: Home) -> Settings | None:
    try:
        return load_settings(home.settings)
    except GatewayError:
        return None  # the check of the settings says why


def _running(home: Home) -> tuple[dict[str, Any] | None, Misuse | None]:
    try:
        return ask(home, "status", {}), None
    except Silent:
        return None, None
    except Misuse as trouble:
        return {}, trouble
