"""What ``token issue --for`` prints, taken apart by where it says that it belongs."""

from dataclasses import dataclass
from typing import Any

from tests.world import World

CODE = ("python", "js", "json")


@dataclass(frozen=True)
class Printed:
    """``issued`` is the whole document, ``blocks`` the texts to paste."""

    issued: dict[str, Any]
    blocks: tuple[dict[str, str], ...]

    @classmethod
    def by(cls, world: World, client: str, mode: str) -> "Printed":
        """Issues a token for it."""
        words = ("token", "issue", world.new_name(client), "--account", "main", "--policy", "trader")
        issued = world.home.run(*words, "--for", client, "--mode", mode, "--json").json()
        return cls(issued, tuple(issued["snippet"]))

    @property
    def code(self) -> str:
        """What is pasted into the bot."""
        [found] = [block["text"] for block in self.blocks if block["language"] in CODE]
        return found

    @property
    def shell(self) -> list[str]:
        """A command that starts another in a shell into which the rest was pasted."""
        lines = [block["text"] for block in self.blocks if block["language"] == "sh"]
        return ["sh", "-c", "\n".join([*lines, 'exec "$@"']), "sh"]
