"""The world of an end-to-end test: a simulated exchange, a gateway in front of it, and real processes everywhere."""

from tests.world.world import World

__all__ = ["World"]
