"""Making a home. Written whole in a directory beside it and then renamed: an init that fails leaves nothing."""

import os
import shutil
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from gateway.admin.hardening import harden
from gateway.admin.port import metrics_token
from gateway.app import Desk
from gateway.core.errors import Misuse
from gateway.core.secret import Secret
from gateway.home import Home
from gateway.settings import Settings
from gateway.store.sqlite import SqliteStore
from gateway.vault.anchor import TokensDigest
from gateway.vault.envelope import create

SETTINGS: Final = """\
# tradewarden's settings. Policies stand in policies/, one file each; this file says where to listen.
# Every value is text; an unknown key is an error.

listen:
  reverse: 127.0.0.1:8377      # any exchange, its host in the path: http://127.0.0.1:8377/api.binance.com/api/v3/…
  ports:                       # one exchange each, for bots that drop a path prefix
    binance: 127.0.0.1:8381
  forward: 127.0.0.1:8378      # for bots that only know HTTPS_PROXY, or `tradewarden exec`; null turns it off
  admin: 127.0.0.1:8379        # /healthz and /metrics (its bearer token is in metrics.token); never for bots
  # tls: local                 # for bots that speak TLS: local (by certs/listen-ca.pem), or {cert: FILE, key: FILE}
  # names: [host.docker.internal]   # what else they call these ports; then `tradewarden ca rotate listen`

upstream:
  timeout: {connect: 5s, response: 30s}
# connect_to: {"api.binance.com:443": "127.0.0.1:9443"}   # like curl --connect-to: dial elsewhere, check the name
# ca_file: simulator/ca.pem                               # one more CA that upstream certificates may come from

# tunnel: [api.telegram.org:443]   # what else bots may reach through the forward port, untouched; exchanges never

audit: {keep: 90d}
"""


def begin(home: Home, passphrase: Secret) -> dict[str, Any]:
    """Make the home. Raises Misuse if the directory holds anything."""
    harden()
    if home.path.exists() and any(home.path.iterdir()):
        raise Misuse(f"{home.path} is not empty", "choose another directory with --home")
    building = Home(home.path.with_name(f".{home.path.name}.{os.getpid()}.new"))
    building.path.mkdir(mode=0o700, parents=True)
    try:
        _fill(building, passphrase)
        if home.path.exists():
            home.path.rmdir()
        building.path.rename(home.path)
    except BaseException:
        shutil.rmtree(building.path, ignore_errors=True)
        raise
    return {"home": str(home.path), "policies": _names(home), "certs": str(home.certs)}


def _names(home: Home) -> list[str]:
    """The policies; their tests stand beside them."""
    return sorted(path.stem for path in home.policies.glob("*.yaml") if not path.name.endswith(".test.yaml"))


def _fill(home: Home, passphrase: Secret) -> None:
    home.settings.write_text(SETTINGS)
    home.policies.mkdir(mode=0o700)
    for source in _starters():
        (home.policies / source.name).write_bytes(source.read_bytes())
    metrics_token(home)
    store = SqliteStore.create(home.state)
    with store.transaction(None) as change:
        change.put_vault(create(passphrase, os.urandom))
    store.close()
    _first_record(home, passphrase)


def _first_record(home: Home, passphrase: Secret) -> None:
    """The log's beginning, the local CAs and the first anchor, made while the vault is open anyway."""
    desk = Desk(home, Settings())
    vault = desk.unlock(passphrase)
    desk.note({"type": "init"})
    desk.authorities_of(vault).complete()
    desk.lifecycle.unlocked(vault, TokensDigest.over(vault))
    desk.close()


def _starters() -> list[Traversable]:
    """The starter policies: inside an installed package, or at the root of a checkout."""
    installed = files("gateway.admin") / "starter_policies"
    folder: Traversable = installed if installed.is_dir() else Path(__file__).parents[2] / "policies"
    return sorted((entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda entry: entry.name)
