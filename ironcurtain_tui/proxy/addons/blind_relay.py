"""What passes unread is counted, at least."""

from __future__ import annotations

from mitmproxy.tcp import TCPFlow

from ironcurtain_tui.events import FlowState
from ironcurtain_tui.proxy.addons.flow_recorder import FlowRecorder
from ironcurtain_tui.proxy.tunnel import BlindTunnel, Tunnels


class BlindRelay:
    """Counts the bytes of blind tunnels and keeps none of them."""

    def __init__(self, tunnels: Tunnels, recorder: FlowRecorder) -> None:
        self._tunnels = tunnels
        self._recorder = recorder

    def tcp_message(self, flow: TCPFlow) -> None:
        exchange = self._tunnel(flow).exchange
        for message in flow.messages:
            if message.from_client:
                exchange.bytes_up += len(message.content)
            else:
                exchange.bytes_down += len(message.content)
        flow.messages.clear()
        if exchange.bytes_down and exchange.first_byte_ms is None:
            exchange.first_byte_ms = exchange.elapsed_ms()
            exchange.state = FlowState.STREAMING
        self._recorder.progressed(exchange)

    def tcp_end(self, flow: TCPFlow) -> None:
        self._recorder.finish(self._tunnel(flow).exchange, FlowState.DONE)

    def tcp_error(self, flow: TCPFlow) -> None:
        exchange = self._tunnel(flow).exchange
        exchange.reason = exchange.reason or "the connection ended early"
        self._recorder.finish(exchange, FlowState.ERROR)

    def _tunnel(self, flow: TCPFlow) -> BlindTunnel:
        tunnel = self._tunnels.of(flow.client_conn)
        if not isinstance(tunnel, BlindTunnel):
            raise LookupError("bytes outside a blind tunnel")
        return tunnel
