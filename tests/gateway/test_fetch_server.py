"""Fetching, from a server of the test's own that stands in for the web."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.server.fastmcp.exceptions import ToolError

from ironcurtain_tui.gateway.servers import fetch
from ironcurtain_tui.gateway.servers.fetch import as_text, http_fetch, is_public

PAGE = (
    "<html><head><title>no</title><style>p{}</style></head><body><h1>Title &amp; more</h1>"
    "<p>Some <b>bold</b> text with a <a href='https://example.org/x'>link</a>.</p><script>evil()</script>"
    "<ul><li>one</li><li>two</li></ul></body></html>"
)


@asynccontextmanager
async def web(*answers: bytes) -> AsyncIterator[tuple[int, list[str]]]:
    """Answers one request after the other; the port and the requests' first lines."""
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        seen.append(head)
        writer.write(answers[min(len(seen), len(answers)) - 1])
        try:
            await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


def answer(body: str | bytes, *headers: str, status: str = "200 OK") -> bytes:
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + data


@pytest.fixture
def loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "is_public", lambda address: address == "127.0.0.1" or is_public(address))


@pytest.mark.usefixtures("loopback_is_public")
async def test_a_page_becomes_text() -> None:
    async with web(answer(PAGE, "Content-Type: text/html")) as (port, seen):
        url = f"http://127.0.0.1:{port}/a?b=c"
        text = "Title & more\nSome bold text with a link (https://example.org/x).\none\ntwo"
        assert await http_fetch(url) == text
        assert await http_fetch(url, raw=True) == PAGE
        assert (
            await http_fetch(url, max_length=5) == f"[{len(text) - 5} more characters; go on with start_index=5]\nTitle"
        )
        assert await http_fetch(url, start_index=len(text) - 3) == "two"
    assert seen[0].startswith("GET /a?b=c HTTP/1.1\r\n")
    assert f"host: 127.0.0.1:{port}" in seen[0].lower()


@pytest.mark.usefixtures("loopback_is_public")
async def test_other_charsets_and_errors() -> None:
    async with web(
        answer("Grüße".encode("latin-1"), 'Content-Type: text/plain; charset="iso-8859-1"'),
        answer(b"\xff?", "Content-Type: text/plain; charset=nonsense"),
        answer("gone", status="404 Not Found"),
    ) as (port, _):
        url = f"http://127.0.0.1:{port}/"
        assert [await http_fetch(url) for _ in range(3)] == ["Grüße", "\ufffd?", "[status 404]\ngone"]


@pytest.mark.usefixtures("loopback_is_public")
async def test_a_redirect_is_checked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def to(where: str) -> bytes:
        return answer("", f"Location: {where}", status="302 Found")

    async with web(to("/next"), answer("arrived")) as (port, seen):
        assert await http_fetch(f"http://127.0.0.1:{port}/") == "arrived"
        assert seen[1].startswith("GET /next ")
    for where, reason in (
        ("http://169.254.169.254/latest/meta-data", "redirects to http://169.254.169.254"),
        ("file:///etc/passwd", "only http and https"),
        ("http://user:password@127.0.0.1/", "without a user name"),
        ("/again", "circles"),
    ):
        async with web(to(where)) as (port, _):
            with pytest.raises(ToolError, match=reason):
                await http_fetch(f"http://127.0.0.1:{port}/")


@pytest.mark.usefixtures("loopback_is_public")
async def test_a_page_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LARGEST_PAGE", 1000)
    async with web(answer("x" * 5000)) as (port, _):
        text = await http_fetch(f"http://127.0.0.1:{port}/")
    assert text.startswith("[the page is longer than 1000 bytes")
    assert text.count("x") == 1000


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://2130706433/", "http://0x7f.1/",
        "http://169.254.169.254/", "http://[::ffff:169.254.169.254]/", "http://[fe80::1]/", "http://10.0.0.1/",
        "http://[fd00::1]/", "http://0.0.0.0/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
        "http://192.168.1.1:8080/", "http://224.0.0.1/", "http://100.64.0.1/",
    ],
)  # fmt: skip
async def test_addresses_that_are_not_of_the_web_are_refused(url: str) -> None:
    with pytest.raises(ToolError, match="not an address of the public web"):
        await http_fetch(url)


@pytest.mark.parametrize("url", ["ftp://x/", "file:///etc/passwd", "http:///x", "x", "http://a@b/", "http://h:99999/"])
async def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ToolError):
        await http_fetch(url)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_a_private_address_is_private_however_it_is_written(address: object) -> None:
    for spelling in (f"{address}", f"::ffff:{address}", f"64:ff9b::{address}"):
        assert not is_public(spelling)


@given(st.text())
def test_no_page_breaks_the_reader(page: str) -> None:
    assert "<script" not in as_text(f"<script>{page.replace('<', '')}</script>")
    as_text(page)
