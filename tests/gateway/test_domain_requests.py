from __future__ import annotations

import jsonschema
import pytest
from mcp.types import TextContent

from ironcurtain_tui.gateway.domain_requests import DomainRequests
from ironcurtain_tui.gateway.tools import CannotServe


async def report(progress: float, total: float | None, message: str | None) -> None:
    raise AssertionError("nothing takes long here")


async def test_it_lists_what_can_be_reached_now() -> None:
    hosts = ["api.example.com"]
    server = DomainRequests(lambda: hosts)
    hosts.append("GET, HEAD https://docs.example.org/")
    (content,) = (await server.call("request_domain", {"host": "docs.example.org", "reason": "r"}, report)).content
    assert isinstance(content, TextContent)
    assert content.text == (
        "docs.example.org is open now. What can be reached:\napi.example.com\nGET, HEAD https://docs.example.org/"
    )


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost", "a.internal", "HTTPS://x.org"])
async def test_what_can_never_be_opened_is_refused_before_anybody_is_asked(host: str) -> None:
    with pytest.raises(CannotServe):
        await DomainRequests(lambda: ()).complete("request_domain", {"host": host, "reason": "r"})


async def test_its_arguments_are_described() -> None:
    request, listing = await DomainRequests(lambda: ()).tools()
    jsonschema.validate({"host": "a.org", "reason": "r", "methods": ["POST"]}, request.inputSchema)
    for bad in ({"host": "a.org"}, {"host": "a.org", "reason": ""}, {"host": "a.org", "reason": "r", "methods": ["X"]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, request.inputSchema)
    assert listing.name == "list_domains"
