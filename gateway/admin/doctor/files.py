"""The home: who can look into it, whether its files say what they should, and what room they have."""

import shutil
from collections.abc import Iterator
from typing import Final

from gateway.admin.doctor.finding import Finding, Patient, ok, refusal, warning, wrong
from gateway.admin.hardening import check_home
from gateway.admin.serve import check_addresses
from gateway.audit.room import Marks
from gateway.core.errors import Misuse
from gateway.policy.document import load
from gateway.policy.strict_yaml import DocumentError
from gateway.registry.policies import beside
from gateway.settings import load_settings

_MIB: Final = 1 << 20
COMFORTABLE: Final = 1024 * _MIB
"""Room for months of records."""


def modes(patient: Patient) -> Iterator[Finding]:
    """Directories 0700, files 0600, all the owner's."""
    try:
        check_home(patient.home.path)
    except Misuse as failure:
        yield refusal(failure)
    else:
        yield ok(f"{patient.home.path} is closed to others")


def settings(patient: Patient) -> Iterator[Finding]:
    """gateway.yaml, and whether a gateway would start with it."""
    path = patient.home.settings
    try:
        unserved = check_addresses(load_settings(path))
    except DocumentError as failure:
        yield wrong(_line(failure), f"correct {path}")
    except Misuse as failure:
        yield refusal(failure)
    else:
        yield from (warning(what, "remove it, or wait for a version that has it") for what in unserved)
        yield ok(f"{path.name} loads" if path.exists() else f"there is no {path.name}: the defaults hold")


def policies(patient: Patient) -> Iterator[Finding]:
    """Each file, under its parents as they are now."""
    parents = beside(patient.home.policies)
    paths = [path for path in sorted(patient.home.policies.glob("*.yaml")) if not path.name.endswith(".test.yaml")]
    for path in paths:
        try:
            load(path.read_bytes(), path.stem, parents)
        except (DocumentError, OSError) as failure:
            yield wrong(f"policies/{path.name} cannot be taken: {_line(failure)}", f"tradewarden policy check {path}")
    yield ok(f"{len(paths)} policies were read")


def room(patient: Patient) -> Iterator[Finding]:
    """On the disk of the home: without room nothing can be recorded, and then nothing is signed."""
    free = shutil.disk_usage(patient.home.path).free
    told = f"{free // _MIB} MiB are free on the disk of {patient.home.path}"
    if free < Marks().order:
        yield wrong(f"{told}: new orders stop", "make room; cancels keep what was allocated for them")
    elif free < COMFORTABLE:
        yield warning(told, f"make room: below {Marks().order // _MIB} MiB new orders stop")
    else:
        yield ok(told)


def _line(failure: Exception) -> str:
    return "; ".join(str(failure).splitlines())
