"""Pure. No clock, no I/O, no randomness of its own; an adapter knows nothing of policies or of other exchanges."""
