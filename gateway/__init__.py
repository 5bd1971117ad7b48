"""tradewarden: a local signing proxy between trading bots and exchanges."""

__version__ = "0.1.0"
