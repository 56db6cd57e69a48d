"""Requests to a package registry: only what an installer needs, rebuilt from what was understood of it."""

from __future__ import annotations

import re

import msgspec
from mitmproxy.http import Headers, HTTPFlow

from ironcurtain_tui.packages.package import File, place_of
from ironcurtain_tui.policy.action import HttpRequest
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.gate import Gate
from ironcurtain_tui.proxy.lookup import look_up
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.registries import Inquiry, Registries
from ironcurtain_tui.proxy.registry_client import USER_AGENT
from ironcurtain_tui.proxy.tunnel import Tunnels

_RANGE = re.compile(r"bytes=(?:\d{1,15}-\d{0,15}|-\d{1,15})(?:,\s*(?:\d{1,15}-\d{0,15}|-\d{1,15})){0,15}")
_KEY = "ironcurtain.inquiry"


class PackageRequests:
    """Finds out which package is asked for and how old it is, so that the policy can decide on that.

    What is sent has nothing of the agent's own but the name of a file that the registry told of, and a range of it.
    """

    def __init__(self, registries: Registries, tunnels: Tunnels, gate: Gate) -> None:
        self._registries = registries
        self._tunnels = tunnels
        self._gate = gate

    async def requestheaders(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        tunnel = self._tunnels.of(flow.client_conn)
        asked = exchange.action
        if tunnel is None or not isinstance(asked, HttpRequest):
            raise Refusal(403, "only HTTPS through a CONNECT is let through")
        if tunnel.destination.provider is not None:
            return
        target = flow.request.data.path.decode("ascii")
        place = place_of(tunnel.host, tunnel.port)
        inquiry = self._registries.read(place, target, flow.request.headers.get("accept", ""))
        if inquiry is None:
            if sentence := self._registries.unserved(place, target):
                exchange.is_installers = True
                raise Refusal(403, sentence)
            if self._registries.owns(place, target):
                exchange.is_installers = True
                raise Refusal(403, "a package registry is asked for packages only, and only in the way installers do")
            return
        exchange.is_installers = True
        methods = ("GET", "HEAD") if isinstance(inquiry.asked, File) else ("GET",)
        if asked.method not in methods or asked.content_length != 0:
            raise Refusal(403, "a package registry is only read from")
        flow.metadata[_KEY] = inquiry
        flow.request.data.headers = _headers(place, flow.request.data.headers, inquiry)
        exchange.stripped = ()
        if self._registries.needs_metadata(inquiry):
            await look_up(self._gate, self._registries, inquiry.metadata)
        exchange.action = msgspec.structs.replace(asked, package=self._registries.package(inquiry))

    def responseheaders(self, flow: HTTPFlow) -> None:
        inquiry = inquiry_of(flow)
        if inquiry is None or flow.response is None or not Exchange.of(flow).admitted:
            return
        location = flow.response.headers.get("location")
        if 300 <= flow.response.status_code < 400 and location and isinstance(inquiry.asked, File):
            self._registries.redirected(inquiry, location)


def inquiry_of(flow: HTTPFlow) -> Inquiry | None:
    """What ``flow`` asks of a registry; None when it is no such request."""
    inquiry = flow.metadata.get(_KEY)
    return inquiry if isinstance(inquiry, Inquiry) else None


def _headers(place: str, headers: Headers, inquiry: Inquiry) -> Headers:
    fields = [
        (b"Host", place.encode()),
        (b"Accept", b"*/*"),
        (b"Accept-Encoding", b"identity"),
        (b"User-Agent", USER_AGENT.encode()),
    ]
    wanted = headers.get("range", "")
    if isinstance(inquiry.asked, File) and _RANGE.fullmatch(wanted):
        fields.append((b"Range", wanted.encode()))
    return Headers(fields)
