"""A running capture in front of a world, and mitmproxy to run it with."""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.peers.environment import mitmdump, newest_python
from tests.admin.capture.captured import Captured
from tests.world import World


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mitmdump 12 in an environment of its own; all workers share it."""
    if newest_python() == sys.executable and sys.version_info < (3, 12):
        pytest.skip("mitmproxy 12 needs Python 3.12 or newer, and there is none here")
    base = tmp_path_factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (run / "mitmproxy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return mitmdump()


@pytest.fixture(scope="session")
def capturing(program: Path) -> Iterator[Callable[..., Captured]]:
    """Begin a capture in front of a world; it ends with the session if it has not before."""
    with ExitStack() as stack:

        def begin(world: World, *words: str, within: Sequence[str] = (), **variables: str) -> Captured:
            captured = Captured(world, program, *words, within=within, **variables)
            stack.enter_context(captured.process)
            captured.await_ready()
            return captured

        yield begin


@pytest.fixture(scope="session")
def shared_capture(shared_world: World, capturing: Callable[..., Captured]) -> Captured:
    """One capture for tests that only send something through it."""
    return capturing(shared_world)
