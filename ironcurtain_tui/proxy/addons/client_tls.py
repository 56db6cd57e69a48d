"""TLS towards the agent, with a certificate of our own authority."""

from __future__ import annotations

import time
from typing import Any

from mitmproxy.tls import TlsData
from OpenSSL import SSL

from ironcurtain_tui.proxy.authority import CertificateAuthority
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.tunnel import Tunnels

_LIFETIME = 24 * 3600.0
"""Seconds after which a context gets a fresh leaf."""
_KEPT = 256
"""Hosts whose contexts are kept; the agent may name any number."""


class ClientTls:
    """Shakes hands as the host of the CONNECT; the name in the handshake must be the same."""

    def __init__(self, authority: CertificateAuthority, tunnels: Tunnels) -> None:
        self._authority = authority
        self._tunnels = tunnels
        self._contexts: dict[str, tuple[SSL.Context, float]] = {}

    def tls_start_client(self, data: TlsData) -> None:
        tunnel = self._tunnels.of(data.context.client)
        if tunnel is None:
            raise Refusal(403, "nothing may be said here before a CONNECT")
        name = data.context.client.sni
        if name is None or name.lower() != tunnel.host:
            raise Refusal(421, f"the TLS handshake does not name {tunnel.host}, which the CONNECT was for")
        connection = SSL.Connection(self._context(tunnel.host))
        connection.set_accept_state()
        data.ssl_conn = connection

    def tls_failed_client(self, data: TlsData) -> None:
        error = data.conn.error or ""
        if error.startswith("connection closed"):
            return  # by the agent, or by a refusal that has been told already
        if data.ssl_conn is None:
            raise Refusal(400, "the TLS handshake cannot be read")
        raise Refusal(400, "the TLS handshake failed; perhaps the client does not trust IronCurtain's certificate")

    def _context(self, host: str) -> SSL.Context:
        context, expires = self._contexts.get(host, (None, 0.0))
        if context is None or expires < time.monotonic():
            context = self._new_context(host)
            if len(self._contexts) >= _KEPT:
                del self._contexts[next(iter(self._contexts))]
            self._contexts[host] = context, time.monotonic() + _LIFETIME
        return context

    def _new_context(self, host: str) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE)
        context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20")
        context.set_session_id(b"ironcurtain")
        context.set_alpn_select_callback(_select_http1)
        context.use_certificate(self._authority.leaf(host))
        context.use_privatekey(self._authority.leaf_key)
        return context


def _select_http1(_connection: SSL.Connection, offers: list[bytes]) -> Any:
    return b"http/1.1" if b"http/1.1" in offers else SSL.NO_OVERLAPPING_PROTOCOLS
