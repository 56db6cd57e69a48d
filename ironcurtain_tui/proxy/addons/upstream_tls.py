"""TLS towards the provider: always verified, always for the host of the CONNECT."""

from __future__ import annotations

import certifi
from cryptography import x509
from mitmproxy.tls import TlsData
from OpenSSL import SSL, crypto

from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.tunnel import Tunnels


class UpstreamTls:
    """Trusts the public roots and ``extra_ca``; for a server of somebody's own, only the authority it came with."""

    def __init__(self, tunnels: Tunnels, extra_ca: bytes = b"") -> None:
        """``extra_ca``: PEM of further authorities, such as the one of a proxy that reads what passes."""
        self._tunnels = tunnels
        self._extra_ca = extra_ca
        self._contexts: dict[bytes, SSL.Context] = {}
        """As many as there are authorities in the configuration, and one."""

    def tls_start_server(self, data: TlsData) -> None:
        tunnel = self._tunnels.of(data.context.client)
        if tunnel is None:
            raise Refusal(403, "nothing may be said here before a CONNECT")
        only = tunnel.destination.ca_pem
        if only not in self._contexts:
            self._contexts[only] = _context(only, self._extra_ca)
        connection = SSL.Connection(self._contexts[only])
        name = tunnel.host.encode("ascii")
        connection.set_tlsext_host_name(name)
        _verify_name(connection, name)
        connection.set_alpn_protos([b"http/1.1"])
        connection.set_connect_state()
        data.conn.sni = tunnel.host
        data.conn.alpn_offers = (b"http/1.1",)
        data.ssl_conn = connection


def _context(only: bytes, extra_ca: bytes) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    context.set_verify(SSL.VERIFY_PEER, None)
    if not only:
        context.load_verify_locations(certifi.where())
    trusted = only or extra_ca
    store = context.get_cert_store()
    assert store is not None  # noqa: S101 (for the type checker: a new context has one)
    for certificate in x509.load_pem_x509_certificates(trusted) if trusted else ():
        store.add_cert(crypto.X509.from_cryptography(certificate))
    return context


def _verify_name(connection: SSL.Connection, name: bytes) -> None:
    """Make the handshake fail unless the certificate is for ``name``. pyOpenSSL has no call for this yet."""
    library = SSL._lib  # type: ignore[attr-defined]
    parameters = library.SSL_get0_param(connection._ssl)
    library.X509_VERIFY_PARAM_set_hostflags(parameters, library.X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
    if library.X509_VERIFY_PARAM_set1_host(parameters, name, len(name)) != 1:
        raise Refusal(502, "the server's name cannot be verified")
