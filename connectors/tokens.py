"""A token store for one process. Losing it costs one more sign-in at the back office."""

from connectors.config import Secret
from connectors.contract import Token
from connectors.errors import NotAgreed

NOBODY_AGREED = "nobody has agreed yet that we may come in: an owner does it in the console"


class MemoryTokens:
    """A `TokenStore` for one source. It lends what it was given, as long as that is not refused."""

    def __init__(self, lent: Secret | None = None) -> None:
        self._tokens: dict[str, Token] = {}
        self._lent = lent

    async def get(self, name: str) -> Token | None:
        return self._tokens.get(name)

    async def put(self, name: str, token: Token) -> None:
        self._tokens[name] = token

    async def drop(self, name: str) -> None:
        self._tokens.pop(name, None)

    async def lend(self, refused: Secret | None = None) -> Secret:
        if self._lent is None or self._lent == refused:
            raise NotAgreed(NOBODY_AGREED)
        return self._lent
