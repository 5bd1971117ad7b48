"""Backups: a tar of the home with a consistent state.db. Everything secret in it is as sealed as at home."""

import os
import shutil
import tarfile
import time
from pathlib import Path
from typing import Any, Final

from gateway.admin.hardening import harden
from gateway.core.errors import Misuse
from gateway.home import Home, WriterLock

LEFT_OUT: Final = ("state.db", "state.db-wal", "state.db-shm", "serve.lock", "control.sock", "backup.tmp")
RESERVE: Final = "reserve"
"""The audit log's preallocated room; the next start makes it anew."""


def write_backup(home: Home, state: Path, target: Path) -> dict[str, Any]:
    """Write the archive; ``state`` is the consistent copy, which is removed. Raises Misuse if the file exists."""
    files = 0
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w:gz") as archive:
            archive.add(state, "state.db")
            for path in sorted(home.path.rglob("*")):
                name = path.relative_to(home.path).as_posix()
                if name not in LEFT_OUT and path.name != RESERVE and not _unfinished(path) and path.is_file():
                    archive.add(path, name)
                    files += 1
    except FileExistsError:
        raise Misuse(f"{target} exists", "a backup is never written over another") from None
    finally:
        state.unlink()
    return {"file": str(target), "files": files + 1, "bytes": target.stat().st_size}


def _unfinished(path: Path) -> bool:
    """A certificate's file that lives for a moment: it may be gone before it is copied."""
    return path.name.startswith(".") and path.suffix == ".new"


def restore_backup(home: Home, source: Path) -> dict[str, Any]:
    """Put the archive in the home's place, every token paused. Raises Misuse; then nothing has changed."""
    harden()
    building = Home(home.path.with_name(f".{home.path.name}.{os.getpid()}.restored"))
    building.path.mkdir(mode=0o700, parents=True)
    try:
        _unpack(source, building.path)
        building.require()
        paused = _pause_all(building)
        aside = _take_place(home, building)
    except BaseException:
        shutil.rmtree(building.path, ignore_errors=True)
        raise
    return {"home": str(home.path), "paused": paused, "moved_aside": str(aside) if aside else None}


def _unpack(source: Path, target: Path) -> None:
    try:
        with tarfile.open(source, "r:gz") as archive:
            archive.extractall(target, filter=_only_plain)  # noqa: S202 - the filter lets plain files only
    except (tarfile.TarError, OSError, EOFError) as failure:
        raise Misuse(f"{source} is no backup: {failure}", "nothing was changed") from failure
    for path in target.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


def _only_plain(member: tarfile.TarInfo, target: str) -> tarfile.TarInfo:
    """Plain files at plain places; nothing else was ever put into a backup."""
    if not (member.isfile() or member.isdir()):
        raise tarfile.TarError(f"{member.name} is no plain file")
    return tarfile.data_filter(member, target)


def _pause_all(home: Home) -> list[str]:
    """A backup knows nothing of what was revoked since: no token in it is trusted until a person resumes it."""
    from gateway.app import Desk
    from gateway.core.token import TokenState
    from gateway.settings import load_settings

    desk = Desk(home, load_settings(home.settings))
    try:
        live = [row.name for row in desk.store.tokens() if row.state is not TokenState.REVOKED]
        for name in live:
            desk.lifecycle.pause(name, "restored from a backup")
        desk.note({"type": "restored", "tokens": len(live)})
    finally:
        desk.close()
    return live


def _take_place(home: Home, building: Home) -> Path | None:
    if not home.path.exists():
        building.path.rename(home.path)
        return None
    lock = WriterLock(home)
    try:
        aside = home.path.with_name(f"{home.path.name}.before-restore-{time.time_ns() // 1_000_000_000}")
        home.path.rename(aside)
        building.path.rename(home.path)
    finally:
        lock.release()
    return aside
