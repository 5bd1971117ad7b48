"""When orders may be placed, by a clock on the wall somewhere. Cancels and reads pass at every hour."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self, assert_never
from zoneinfo import ZoneInfo

from gateway.core.decision import DenyCode, Finding
from gateway.core.intent import Cancel, CancelAll, Forbidden, Place, Public, Read
from gateway.core.request import Call
from gateway.core.snapshot import Snapshot
from gateway.policy.controls.control import ORDERS, BadSetting, Fault, Key, Setting, Valued
from gateway.policy.controls.reading import listing, one_of, scalar, table
from gateway.policy.grammar import BadValue
from gateway.policy.strict_yaml import Node, Table

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = {day: index for index, day in enumerate(_DAYS)}
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}", re.ASCII)
_KEYS: Final = {"days": "[mon, tue]", "from": '"08:00"', "to": '"20:00"', "zone": "Europe/Berlin"}
_MIDNIGHT: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Shift:
    """From minute ``start`` of the day until before ``end``, begun on ``days``; an earlier end is the next day's."""

    days: frozenset[int]
    start: int
    end: int
    zone: ZoneInfo

    def __str__(self) -> str:
        days = ", ".join(_DAYS[day] for day in sorted(self.days))
        return f"{days} {_clock(self.start)} to {_clock(self.end)} {self.zone.key}"

    def holds(self, now_ms: int) -> bool:
        """Whether this moment lies within."""
        local = datetime.fromtimestamp(now_ms / 1000, self.zone)
        minute = local.hour * 60 + local.minute
        if self.start < self.end:
            return local.weekday() in self.days and self.start <= minute < self.end
        if minute >= self.start:
            return local.weekday() in self.days
        return minute < self.end and (local - timedelta(days=1)).weekday() in self.days


@dataclass(frozen=True, slots=True)
class Hours(Setting):
    """Orders only while every one of the ``shifts`` holds; a parent's stand beside the policy's own."""

    ordered = False
    concerns = ORDERS
    rule = "hours"
    key = Key(
        "hours",
        "mapping of days, from, to and zone",
        '{days: [mon, tue, wed, thu, fri], from: "08:00", to: "20:00", zone: Europe/Berlin}',
        "When it may place orders; cancels and reads pass always. `days` are all by default and name the day it "
        "begins; `from` and `to`, in quotes, are the whole day by default and run over midnight where `to` is earlier.",
        {
            "type": "object",
            "required": ["zone"],
            "additionalProperties": False,
            "properties": {
                "days": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"enum": list(_DAYS)}},
                "from": {"type": "string", "pattern": f"^({_TIME.pattern})$"},
                "to": {"type": "string", "pattern": f"^({_TIME.pattern})$"},
                "zone": {"type": "string", "pattern": f"^{_ZONE.pattern}$"},
            },
        },
    )
    shifts: frozenset[Shift]

    @classmethod
    def read(cls, node: Node) -> Self:
        values = table(node, _part, cls.key.example)
        if isinstance(node, Table) and (fault := _incomplete(values, node)):
            raise BadSetting(fault)
        zone = values["zone"]
        assert isinstance(zone, ZoneInfo)
        days, start, end = values.get("days", frozenset(_DAY.values())), values.get("from", 0), values.get("to")
        assert isinstance(days, frozenset)
        assert isinstance(start, int)
        return cls(frozenset({Shift(days, start, end if isinstance(end, int) else _MIDNIGHT, zone)}))

    @property
    def text(self) -> str:
        return "; ".join(sorted(str(shift) for shift in self.shifts))

    def under(self, parent: Self) -> Self:
        """Both hold. Whether one hour lies within others of another zone changes with the seasons: none is looser."""
        return type(self)(self.shifts | parent.shifts)

    def check(self, call: Call, snapshot: Snapshot, valued: Valued) -> Finding:
        intent = call.intent
        match intent:
            case Place():
                if all(shift.holds(snapshot.now_ms) for shift in self.shifts):
                    return self.granted
                return self.fails(DenyCode.LIMIT, f"orders are placed {self.text} only", self.text)
            case Read() | Public() | Cancel() | CancelAll() | Forbidden():
                return self.silent
            case _:
                assert_never(intent)


_Part = frozenset[int] | int | ZoneInfo


def _part(key: str, node: Node) -> _Part:
    if key == "days":
        return frozenset(_days(node))
    if key in ("from", "to"):
        return scalar(node, _minutes, _KEYS[key])
    if key == "zone":
        return scalar(node, _zone, _KEYS[key])
    raise BadValue(f"unknown key {key[:40]!r}", f"known: {', '.join(_KEYS)}")


def _days(node: Node) -> list[int]:
    days = listing(node, one_of({day: day for day in _DAYS}), _KEYS["days"])
    if not days:
        raise BadSetting(Fault(node.mark, "no day is named", "leave days out for all of them"))
    return [_DAY[day] for day in days]


def _incomplete(values: dict[str, _Part], node: Table) -> Fault | None:
    if "zone" not in values:
        return Fault(node.mark, "'zone' is missing", "add zone: Europe/Berlin, or zone: UTC")
    if ("from" in values) is not ("to" in values):
        return Fault(node.mark, "'from' and 'to' come together", "add the other one")
    if "from" in values and values["from"] == values["to"]:
        return Fault(node.mark, "'from' and 'to' are the same time", "leave both out for the whole day")
    return None


def _minutes(text: str) -> int:
    if not _TIME.fullmatch(text):
        raise BadValue(f"{text[:40]!r} is not a time of day", 'write it like "08:00"')
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def _zone(text: str) -> ZoneInfo:
    try:
        if _ZONE.fullmatch(text):
            return ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        pass
    raise BadValue(f"{text[:40]!r} is no time zone known here", "write one like Europe/Berlin or UTC")


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
