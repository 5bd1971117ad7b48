"""Secrets that cannot be shown by accident: no repr, str, format, pickle or copy reveals them."""

from typing import Final, NoReturn

MASK: Final = "[secret]"


class Secret:
    """Bytes that leave only through :meth:`reveal`, which is easy to find with grep."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes | str) -> None:
        self._value = value.encode() if isinstance(value, str) else bytes(value)

    def reveal(self) -> bytes:
        """The bytes themselves; call it only where they are used."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        raise TypeError("secrets are compared with hmac.compare_digest on reveal()")

    __hash__ = None  # type: ignore[assignment]

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("a secret is not copied, pickled or serialised")

    __reduce__ = _refuse
    __reduce_ex__ = _refuse
    __getstate__ = _refuse
    __copy__ = _refuse
    __deepcopy__ = _refuse
