"""The simulator shares no code with what it is used to test, and its core touches nothing outside itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import gateway.simulator

HOME = Path(gateway.simulator.__file__).parent
PURE = {"asyncio", "socket", "ssl", "os", "time", "random", "secrets", "logging", "sqlite3", "pathlib"}


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Every import of a file: how many packages it climbs, and the name."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


def test_nothing_of_the_gateway_is_imported() -> None:
    """Neither by name nor by climbing out of the package."""
    for file in HOME.rglob("*.py"):
        depth = len(file.relative_to(HOME).parts)
        for level, name in imports(file):
            assert level <= depth, file
            assert level or name.partition(".")[0] != "gateway", file


def test_the_core_is_pure() -> None:
    """No clock, no sockets, no chance; nothing above it."""
    for file in (HOME / "core").glob("*.py"):
        for level, name in imports(file):
            assert level <= 1, file
            assert name.partition(".")[0] not in PURE, file
