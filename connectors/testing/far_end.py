"""The far end of a connector: it gives the recorded answers, to the recorded requests only, or breaks on purpose."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import httpx

from connectors.testing.recordings import Exchange, RecordedRequest

Breakage = Callable[[httpx.Request, Exchange], httpx.Response]  # may also raise what httpx's transports raise


class FarEnd(httpx.AsyncBaseTransport):
    """A transport that answers from a recording.

    From the answer number `broken_from` on it gives what `breakage` makes of each. Unless `strict`, the requests may
    differ from the recorded ones, and the last answer is repeated for as long as there are any.
    """

    def __init__(
        self,
        base_url: str,
        exchanges: Sequence[Exchange],
        *,
        strict: bool = True,
        broken_from: int = 0,
        breakage: Breakage | None = None,
    ) -> None:
        self._base = httpx.URL(base_url)
        self._exchanges = exchanges
        self._strict = strict
        self._broken_from = broken_from
        self._breakage = breakage
        self.asked: list[httpx.Request] = []
        self.given: list[httpx.Response] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        place = len(self.asked)
        self.asked.append(request)
        if self._breakage and place >= self._broken_from:
            return self._give(self._breakage(request, self._exchanges[self._broken_from]))
        if self._strict:
            assert place < len(self._exchanges), f"not recorded: {request.method} {request.url}"
            self._compare(request, body, self._exchanges[place].request)
        recorded = self._exchanges[min(place, len(self._exchanges) - 1)].response
        return self._give(answer(recorded.status, recorded.headers, recorded.content))

    def _give(self, response: httpx.Response) -> httpx.Response:
        self.given.append(response)
        return response

    def _compare(self, request: httpx.Request, body: bytes, recorded: RecordedRequest) -> None:
        url, base = request.url, httpx.URL(recorded.origin) if recorded.origin else self._base
        assert (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
        assert f"{request.method} {url.path}" == f"{recorded.method} {recorded.path}"
        assert sorted(url.params.multi_items()) == sorted(recorded.params)
        assert {name: request.headers.get(name) for name in recorded.headers} == recorded.headers
        assert (json.loads(body) if body else None) == recorded.body


def answer(status: int, headers: dict[str, str], content: bytes) -> httpx.Response:
    return httpx.Response(status, headers=headers, stream=Pieces(iter([content])))


class Pieces(httpx.AsyncByteStream):
    """A body that comes piece by piece, and counts those that were taken."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            self.taken += 1
            yield piece
