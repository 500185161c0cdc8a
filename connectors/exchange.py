"""What passes between us and a back office, whatever carries it: checked on the way out, bounded on the way in."""

import httpx

from connectors.addresses import AddressPolicy
from connectors.answers import question, wire_errors
from connectors.bodies import Body, async_stream
from connectors.errors import BadResponse

MAX_BYTES = 10_000_000  # of a body, decoded or not, unless the request says otherwise


class Exchange(httpx.AsyncBaseTransport):
    """Lets out only what the policy allows, and in only bodies that stay small."""

    def __init__(self, transport: httpx.AsyncBaseTransport, policy: AddressPolicy) -> None:
        self._transport = transport
        self._policy = policy

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._policy.check_url(request.url)
        with wire_errors(request):
            response = await self._transport.handle_async_request(request)
        try:
            return _bounded(response, request)
        except BaseException:
            await response.aclose()
            raise

    async def aclose(self) -> None:
        await self._transport.aclose()


def _bounded(response: httpx.Response, request: httpx.Request) -> httpx.Response:
    """Put a `Body` in place of the raw one, and take away the headers that httpx would act on."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise BadResponse(f"{question(request)}: answered in an encoding that we did not ask for")
    headers = response.headers.copy()
    gzipped = encoding != "identity"
    if gzipped:
        headers.pop("Content-Encoding")
        headers.pop("Content-Length", None)
    extensions: dict[str, str] = {}
    if response.is_redirect:
        extensions["location"] = headers.pop("Location", "")  # httpx would parse it; only `connectors.downloads` may
    max_bytes = request.extensions.get("max_bytes", MAX_BYTES)
    body = Body(async_stream(response), request, gzipped=gzipped, max_bytes=max_bytes)
    return httpx.Response(response.status_code, headers=headers, stream=body, extensions=extensions)
