"""A token store for one process. Losing it costs one more sign-in at the back office."""

from connectors.contract import Token


class MemoryTokens:
    """A `TokenStore` for one source."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    async def get(self, name: str) -> Token | None:
        return self._tokens.get(name)

    async def put(self, name: str, token: Token) -> None:
        self._tokens[name] = token

    async def drop(self, name: str) -> None:
        self._tokens.pop(name, None)
