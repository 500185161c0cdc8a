"""Dates relative to now, so that what is seven days overdue in the seed is seven days overdue every day.

`"-7d"` is a date, `"-7d 09:12"` and `"-40m"` are instants in UTC; `m` is minutes, `h` hours and `d` days.
"""

import re
from datetime import UTC, date, datetime, time, timedelta

_RELATIVE = re.compile(r"([+-])(\d+)([mhd])(?: (\d\d):(\d\d))?")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

Json = str | int | float | bool | date | datetime | list["Json"] | dict[str, "Json"] | None


def resolve(value: Json, now: datetime) -> Json:
    """Replace every relative date in a tree of JSON."""
    if isinstance(value, dict):
        return {key: resolve(item, now) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, now) for item in value]
    if isinstance(value, str) and (match := _RELATIVE.fullmatch(value)):
        return _moment(match, now)
    return value


def _moment(match: re.Match[str], now: datetime) -> date:
    sign, count, unit, hour, minute = match.groups()
    moment = now + timedelta(**{_UNITS[unit]: int(f"{sign}{count}")})
    if hour is not None:
        return datetime.combine(moment.date(), time(int(hour), int(minute)), UTC)
    return moment.date() if unit == "d" else moment
