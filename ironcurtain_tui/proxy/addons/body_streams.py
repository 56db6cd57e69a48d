"""Bodies pass as they come, both ways, counted, their beginnings remembered; only what is held is collected."""

from __future__ import annotations

import logging
from collections.abc import Callable

from mitmproxy.http import HTTPFlow

from ironcurtain_tui.proxy.addons.flow_recorder import FlowRecorder
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.remembering import remember_response

log = logging.getLogger(__name__)

Stream = Callable[[bytes], list[bytes]]
"""Called by the core with each piece and at last with ``b""``. Empty pieces must not be passed on: to
HTTP/1.1 one would be the end of a chunked body."""


class BodyStreams:
    """Streams every admitted exchange."""

    def __init__(self, recorder: FlowRecorder) -> None:
        self._recorder = recorder

    def requestheaders(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        if not exchange.body_limit:
            flow.request.stream = self._upload(exchange)

    def responseheaders(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        if exchange.admitted and flow.response is not None:
            if exchange.capture is not None:
                remember_response(exchange.capture, flow.response)
            flow.response.stream = self._download(exchange)

    def _upload(self, exchange: Exchange) -> Stream:
        def passing(data: bytes) -> list[bytes]:
            exchange.bytes_up += len(data)
            if exchange.capture is not None:
                exchange.capture.request.feed(data)
            self._recorder.progressed(exchange)
            return [data] if data else []

        return passing

    def _download(self, exchange: Exchange) -> Stream:
        scrubber = exchange.scrubber
        if scrubber is None:
            raise RuntimeError("a response is streamed before it was cleaned")

        def passing(data: bytes) -> list[bytes]:
            exchange.bytes_down += len(data)
            _count(exchange, data)
            self._recorder.progressed(exchange)
            clean = scrubber.feed(data) if data else scrubber.end()
            if exchange.capture is not None:
                exchange.capture.response.feed(clean)
            return [clean] if clean else []

        return passing


def _count(exchange: Exchange, data: bytes) -> None:
    if exchange.tap is None:
        return
    try:
        if data:
            exchange.tap.feed(data)
        else:
            exchange.tap.end()
    except Exception as error:
        log.error("usage could not be counted: %s", type(error).__name__)
        exchange.tap = None
