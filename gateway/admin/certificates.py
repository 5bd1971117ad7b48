"""The local CAs as a person sees them, and how they are replaced."""

from typing import TYPE_CHECKING, Any, Final

from gateway.registry.certs import STEMS, CertsFolder
from gateway.vault.certificate import CaCertificate

if TYPE_CHECKING:
    from gateway.app import Gateway

View = dict[str, Any]
TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


def views(folder: CertsFolder) -> dict[str, View]:
    """Each CA by its purpose, as its certificate lies in the home. Raises Misuse for one that cannot be read."""
    return {purpose: _view(folder, purpose, folder.read(purpose)) for purpose in STEMS}


def rotate(gateway: "Gateway", purposes: list[str]) -> dict[str, View]:
    """New CAs. The names of the ports are read from the file: they may be why another CA is wanted."""
    from gateway.settings import load_settings

    names = load_settings(gateway.home.settings).listen.names
    folder = CertsFolder(gateway.home.certs)
    return {purpose: _view(folder, purpose, gateway.rotate_ca(purpose, names)) for purpose in purposes}


def text(purpose: str, view: View) -> str:
    """One CA in five lines."""
    addresses = ", ".join(view["networks"]) or "no IP address"
    lines = (
        f"{purpose}: {view['path']}",
        f"  SHA-256    {view['sha256']}",
        f"  signs for  {', '.join(view['names'])} and every name below; {addresses}",
        f"  name       {view['name']}",
        f"  valid      {view['not_before']} to {view['not_after']}",
    )
    return "\n".join(lines)


def _view(folder: CertsFolder, purpose: str, ca: CaCertificate) -> View:
    return {
        "path": str(folder.certificate(purpose)),
        "name": ca.name,
        "sha256": ca.fingerprint,
        "names": list(ca.constraints.names),
        "networks": [str(network) for network in ca.constraints.networks],
        "not_before": ca.x509.not_valid_before_utc.strftime(TIME),
        "not_after": ca.x509.not_valid_after_utc.strftime(TIME),
    }
