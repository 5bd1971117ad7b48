"""Fixtures for every folder: worlds, and nothing else."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.world import World
from tests.world.home import Home

# A slow or busy machine is no failure: the first draw of a text alone builds hypothesis's tables of Unicode, which can
# take longer there than the health check or a deadline allows. All else stays as the profile in force has it.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def initialised_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One home that ``tradewarden init`` has made, to copy from; all workers of a run share it."""
    base = tmp_path_factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    place, whole = run / "initialised", run / "initialised.whole"
    with (run / "initialised.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if whole.exists():
            return Home(place)
        home = Home.initialised(place)
        whole.touch()
        return home


@pytest.fixture(scope="session")
def shared_world(tmp_path_factory: pytest.TempPathFactory, initialised_home: Home) -> Iterator[World]:
    """One running world per worker, for tests that only add to it: tokens of their own, orders of their own."""
    with World(tmp_path_factory.mktemp("world"), initialised_home) as world:
        yield world


@pytest.fixture
def world(tmp_path: Path, initialised_home: Home) -> Iterator[World]:
    """A running world for this test alone, to kill, restart and break."""
    with World(tmp_path, initialised_home) as world:
        yield world
