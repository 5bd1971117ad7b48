"""What may be shown of a real key's id."""


def masked(key_id: str) -> str:
    """Enough of it to tell it from others, in listings, columns and the log."""
    return f"{key_id[:6]}…" if len(key_id) > 8 else "…"
