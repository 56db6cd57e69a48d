"""Runs the add-ons, in order, and refuses whenever one of them fails.

mitmproxy's own add-on manager logs an exception and lets the request pass. Here every exception ends in
a refusal of what the hook was about; no add-on needs to guard itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from mitmproxy.connection import Client
from mitmproxy.http import HTTPFlow

from ironcurtain_tui.policy.action import Tunnel
from ironcurtain_tui.proxy import refusal as answers
from ironcurtain_tui.proxy.addons.flow_recorder import FlowRecorder
from ironcurtain_tui.proxy.core import Reject
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.gate import Gate
from ironcurtain_tui.proxy.refusal import AskAgain, Refusal
from ironcurtain_tui.proxy.tunnel import Backlog, Tunnels

log = logging.getLogger(__name__)

DECIDING = {"http_connect", "requestheaders", "request"}
"""Hooks after which the core goes on unless there is a response; the first add-on that answers ends them."""


class HookChain:
    """The add-ons of the proxy, and what becomes of their refusals."""

    def __init__(self, addons: Sequence[object], tunnels: Tunnels, recorder: FlowRecorder, gate: Gate) -> None:
        self._addons = addons
        self._hooks: dict[str, list[Callable[[Any], Any]]] = {}
        """By name, in the order of the add-ons."""
        self._tunnels = tunnels
        self._recorder = recorder
        self._gate = gate

    def connected(self, client: Client, backlog: Backlog) -> None:
        """A connection of the agent begins."""
        self._tunnels.connect(client, backlog)

    def disconnected(self, client: Client) -> None:
        """A connection of the agent is over, with all that was on it."""
        self._recorder.abandon(client)
        self._tunnels.disconnect(client)

    async def unpaused(self) -> None:
        """Return when the doors are not paused."""
        await self._gate.unpaused()

    async def run(self, name: str, data: Any) -> bool:
        """Call hook ``name`` of every add-on that has it. False when the connection must be cut."""
        try:
            for hook in self._hooks_called(name):
                result = hook(data)
                if result is not None:
                    await result
                if name in DECIDING and data.response is not None:
                    break
        except AskAgain:
            Exchange.of(data).asks_again = True
        except Refusal as refused:
            return await self._refuse(name, data, refused)
        except Exception as error:
            # Only the type: the text of an exception may quote what was on the wire.
            log.error("hook %s failed: %s", name, type(error).__name__)
            return await self._refuse(name, data, Refusal(403, "it could not be checked"))
        return True

    def _hooks_called(self, name: str) -> list[Callable[[Any], Any]]:
        if name not in self._hooks:
            self._hooks[name] = [hook for each in self._addons if (hook := getattr(each, name, None)) is not None]
        return self._hooks[name]

    async def _refuse(self, name: str, data: Any, refused: Refusal) -> bool:
        match name:
            case "http_connect" | "requestheaders" | "request":
                await self._refuse_request(data, refused)
                return True
            case "responseheaders" | "response":
                self._recorder.failed(data, refused.reason)
                if data.killable:
                    data.kill()
                return True
            case "next_layer":
                data.layer = Reject(data.context)
                await self._refuse_connection(data.context.client, refused)
                return True
            case "tls_start_client":
                data.ssl_conn = None
                await self._refuse_connection(data.context.client, refused)
                return True
            case "tls_failed_client":
                await self._refuse_connection(data.context.client, refused)
                return True
            case "tls_start_server":
                data.ssl_conn = None
                return True
            case "server_connect":
                data.server.error = refused.reason
                return True
            case "malformed_request":
                await self._refuse_connection(data, refused)
                return True
            case _:
                return False

    async def _refuse_request(self, flow: HTTPFlow, refused: Refusal) -> None:
        exchange = self._recorder.exchange(flow)
        flow.request.stream = False
        if exchange.is_installers:
            flow.response = answers.to_installer(refused.status, refused.reason, close=not refused.recorded)
        else:
            content = answers.body(
                refused.status, refused.reason, exchange.provider, decision=refused.decision, retry=refused.retry
            )
            flow.response = answers.response(refused.status, content, close=not refused.recorded)
        if refused.no_way and exchange.intended:
            self._recorder.unreachable(exchange, refused, flow.response)
            return
        self._recorder.refused(exchange, refused, flow.response)
        await self._report(exchange, refused)

    async def _refuse_connection(self, client: Client, refused: Refusal) -> None:
        tunnel = self._tunnels.of(client)
        action = Tunnel(host=tunnel.host, port=tunnel.port) if tunnel else Tunnel(host="", port=0)
        exchange = self._recorder.begin(client, action, "TLS" if tunnel else "?")
        self._recorder.refused(exchange, refused)
        await self._report(exchange, refused)

    async def _report(self, exchange: Exchange, refused: Refusal) -> None:
        if refused.recorded:
            return
        try:
            if refused.tripwire:
                await self._gate.tripped(exchange.action, refused.reason)
            else:
                await self._gate.refused(exchange.action, refused.reason)
        except Exception as error:
            log.error("a refusal could not be recorded: %s", type(error).__name__)
