"""The files in ``certs/``: certificates to hand out, and their keys as sealed boxes. Read without the vault."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import certifi

from gateway.core.errors import Misuse
from gateway.vault.certificate import CaCertificate

TUNNELS: Final = "tunnels"
LISTEN: Final = "listen"
STEMS: Final = {TUNNELS: "ca", LISTEN: "listen-ca"}
"""The CAs by what they are for, and how their files are named."""


@dataclass(frozen=True, slots=True)
class CertsFolder:
    """Where everything of the CAs lies."""

    path: Path

    def certificate(self, purpose: str) -> Path:
        """The certificate that bots are given."""
        return self.path / f"{STEMS[purpose]}.pem"

    def box(self, purpose: str) -> Path:
        """Key and certificate, sealed."""
        return self.path / f"{STEMS[purpose]}.sealed"

    @property
    def bundle(self) -> Path:
        """The public roots and both certificates, for clients that take one file."""
        return self.path / "bundle.pem"

    def has(self, purpose: str) -> bool:
        """Whether this CA was ever made: a file that was taken away is damage, no reason to make another."""
        return self.certificate(purpose).exists() or self.box(purpose).exists()

    def read(self, purpose: str) -> CaCertificate:
        """The certificate as it lies there, which anyone who may write here may have put. Raises Misuse."""
        path = self.certificate(purpose)
        try:
            return CaCertificate(path.read_bytes())
        except FileNotFoundError:
            raise Misuse(f"{path} is not there", "`tradewarden serve` makes it") from None
        except Misuse as failure:
            raise Misuse(f"{path}: {failure}", "`tradewarden serve` writes it anew") from None

    def seen(self, purpose: str) -> CaCertificate | None:
        """The same, or None if there is none to be read."""
        try:
            return self.read(purpose)
        except (Misuse, OSError):
            return None

    def write(self, path: Path, content: bytes) -> None:
        """Whole or not at all, readable by the owner alone."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def write_bundle(self) -> bool:
        """The bundle from the public roots of this version; whether it had to be written."""
        if self.is_bundled():
            return False
        self.write(self.bundle, self._bundled())
        return True

    def is_bundled(self) -> bool:
        """Whether the bundle is what it should be."""
        return self.bundle.exists() and self.bundle.read_bytes() == self._bundled()

    def _bundled(self) -> bytes:
        ours = [ca for ca in map(self.seen, STEMS) if ca is not None]
        parts = [Path(certifi.where()).read_bytes().rstrip(), *(f"# {ca.name}\n".encode() + ca.pem for ca in ours)]
        return b"\n\n".join(part.rstrip() for part in parts) + b"\n"
