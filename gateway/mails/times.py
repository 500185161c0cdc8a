"""When a mail may go out, by the reader's own clock: not at night, and what can wait goes together at one hour."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

DAY = timedelta(days=1)


class Times(Struct, frozen=True, kw_only=True):
    """Hours of the day, 0 to 23, in a zone. `quiet_from` and `quiet_until` the same: no hour is quiet."""

    zone: str
    quiet_from: int
    quiet_until: int
    daily_at: int

    @property
    def is_ever_quiet(self) -> bool:
        return self.quiet_from != self.quiet_until

    def quiet_for(self, now: datetime) -> timedelta | None:
        """Say how long it is quiet from now on. None: it is not."""
        hour = now.astimezone(ZoneInfo(self.zone)).hour
        if self.quiet_from <= self.quiet_until:
            is_quiet = self.quiet_from <= hour < self.quiet_until
        else:
            is_quiet = hour >= self.quiet_from or hour < self.quiet_until
        return self._until(self.quiet_until, now) if is_quiet else None

    def daily_in(self, now: datetime) -> timedelta:
        """Say how long it is to the next daily mail."""
        return self._until(self.daily_at, now)

    def _until(self, hour: int, now: datetime) -> timedelta:
        """Count to the next such hour, also where clocks are put forward or back meanwhile."""
        zone = ZoneInfo(self.zone)
        day = now.astimezone(zone).date()
        at = datetime.combine(day, time(hour), zone)
        if at <= now:
            at = datetime.combine(day + DAY, time(hour), zone)
        return at.astimezone(now.tzinfo) - now
