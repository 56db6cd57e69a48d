"""Pages of the public web, as text."""

from __future__ import annotations

import ipaddress
import socket
from html.parser import HTMLParser
from typing import Annotated
from urllib.parse import SplitResult, urljoin, urlsplit

import anyio.to_thread
import httpx
from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from ironcurtain_tui import __version__

server = FastMCP("fetch", log_level="WARNING")

LARGEST_PAGE = 4 << 20
"""Bytes of a page, unpacked, that are read; the rest is left."""
MOST_REDIRECTS = 5
SECONDS = 30.0
WHOLE_SECONDS = 120.0

_HEADERS = {"User-Agent": f"ironcurtain-tui/{__version__}", "Accept": "text/html, text/*, application/json, */*;q=0.1"}
_SILENT = frozenset({"script", "style", "noscript", "template", "svg", "head"})
_BLOCKS = frozenset({"p", "div", "section", "article", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "pre"})


@server.tool(annotations=ToolAnnotations(readOnlyHint=True, openWorldHint=True), structured_output=False)
async def http_fetch(
    url: Annotated[str, Field(description="http or https.")],
    max_length: Annotated[int, Field(ge=1, le=200_000, description="Characters to return at most.")] = 20_000,
    start_index: Annotated[int, Field(ge=0, description="Character to start at, to read on.")] = 0,
    raw: Annotated[bool, Field(description="The page as it is, without turning HTML into text.")] = False,
) -> str:
    """Fetch a page with GET. Redirects to another host are reported, not followed: ask for the new address."""
    with anyio.fail_after(WHOLE_SECONDS):
        status, content_type, body, cut = await _get(url)
    text = body.decode(_charset(content_type), "replace")
    if not raw and "html" in content_type.lower():
        text = as_text(text)
    part = text[start_index : start_index + max_length]
    rest = len(text) - start_index - len(part)
    notes = [f"[status {status}]"] if status >= httpx.codes.BAD_REQUEST else []
    if rest > 0:
        notes.append(f"[{rest} more characters; go on with start_index={start_index + len(part)}]")
    if cut:
        notes.append(f"[the page is longer than {LARGEST_PAGE} bytes; the rest was left]")
    return "\n".join([*notes, part])


async def _get(url: str) -> tuple[int, str, bytes, bool]:
    """Status, content type, body and whether it was cut."""
    first = _checked(url)
    limits = httpx.Timeout(SECONDS)
    for _ in range(MOST_REDIRECTS + 1):
        parts = _checked(url)
        if parts.hostname != first.hostname:
            raise ToolError(f"it redirects to {url}; ask for that if you need it")
        address = await _public_address(str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80))
        async with (
            httpx.AsyncClient(transport=_Pinned(address), timeout=limits, trust_env=False) as client,
            client.stream("GET", url, headers=_HEADERS) as response,
        ):
            if response.is_redirect:
                url = urljoin(url, response.headers["location"])
                continue
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST_PAGE:
                    break
            content_type = response.headers.get("content-type", "")
            return response.status_code, content_type, bytes(body[:LARGEST_PAGE]), len(body) > LARGEST_PAGE
    raise ToolError("it redirects in circles")


class _Pinned(httpx.AsyncHTTPTransport):
    """Connects to one address, whatever a name resolves to by then; TLS still checks the name."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = request.url.host
        request.extensions["sni_hostname"] = name
        request.url = request.url.copy_with(host=self._address)
        try:
            return await super().handle_async_request(request)
        except httpx.HTTPError as error:
            raise ToolError(f"{name} cannot be reached: {type(error).__name__}") from None


async def _public_address(host: str, port: int) -> str:
    """An address of ``host``. ToolError unless all of them are public: one private answer spoils the name."""
    try:
        found = await anyio.to_thread.run_sync(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except OSError as error:
        raise ToolError(f"{host} is not known: {error.strerror}") from None
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not is_public(address):
            raise ToolError(f"{host} leads to {address}, which is not an address of the public web")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether ``address`` is of the public internet: not private, local, link-local (metadata), reserved, multicast."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if parsed in _NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return parsed.is_global and not parsed.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ToolError(f"{url!r} is no URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or port == 0:
        raise ToolError(f"{url!r}: only http and https, with a host and without a user name")
    return parts


def _charset(content_type: str) -> str:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            try:
                "".encode(value.strip("\"' "))
            except LookupError:
                break
            return value.strip("\"' ")
    return "utf-8"


def as_text(html: str) -> str:
    """What a page says: no markup, one line a block, links with their addresses."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).splitlines())
    return "\n".join(line for line in lines if line)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BLOCKS:
            self.parts.append("\n")
        elif tag == "a":
            self._links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS:
            self.parts.append("\n")
        elif tag == "a" and self._links:
            target = self._links.pop()
            if target.startswith(("http://", "https://", "/")):
                self.parts.append(f" ({target})")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def main() -> None:
    """Serve on standard input and output, until the input ends."""
    server.run()


if __name__ == "__main__":
    main()
