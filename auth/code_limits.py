"""How many codes may be asked for, and how many wrong ones are listened to. Whether an address is known plays no part.

Eight digits and five guesses for each code leave a stranger one chance in 20 million; what is here keeps the number of
codes small, and the number of mails that somebody can be sent by others.
"""

from hashlib import sha256

from auth.rate_limit import RateLimit
from cache.client import Client

HOUR = 60  # minutes
OF_CALLER = 60  # codes asked for in an hour from one network address: an office shares one
OF_BOTH = 5  # from there for the same e-mail address: so nobody alone keeps its owner out
OF_ADDRESS = 15  # for it from anywhere
WRONG_OF_CALLER = 50  # wrong codes in an hour from one network address; links in mails are taken all the same
WRONG = 300  # of all people together, without what one address has too many: so none alone shuts out everybody
EVERYBODY = "all"


class CodeLimits:
    """`a_minute` is how many codes go out in a minute at most, to all people together."""

    def __init__(self, redis: Client, a_minute: int) -> None:
        self._caller = RateLimit(redis, "codes of a caller", OF_CALLER, minutes=HOUR)
        self._both = RateLimit(redis, "codes of both", OF_BOTH, minutes=HOUR)
        self._address = RateLimit(redis, "codes of an address", OF_ADDRESS, minutes=HOUR)
        self._all = RateLimit(redis, "codes", a_minute)
        self._wrong_of_caller = RateLimit(redis, "wrong codes of a caller", WRONG_OF_CALLER, minutes=HOUR)
        self._wrong = RateLimit(redis, "wrong codes", WRONG, minutes=HOUR)

    async def allow(self, caller: str, address: str) -> bool:
        """Count that a code is asked for, and say whether it is one too many. Addresses are kept as hashes."""
        whom = sha256(address.encode()).hexdigest()
        return (
            await self._caller.allows(caller)
            and await self._both.allows(f"{caller} {whom}")
            and await self._address.allows(whom)
            and await self._all.allows(EVERYBODY)
        )

    async def listens(self, caller: str) -> bool:
        """Say whether codes that are typed there are listened to."""
        return await self._wrong_of_caller.is_open(caller) and await self._wrong.is_open(EVERYBODY)

    async def note_wrong(self, caller: str) -> None:
        if await self._wrong_of_caller.allows(caller):
            await self._wrong.allows(EVERYBODY)
