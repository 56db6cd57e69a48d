# ruff: noqa: E501 (tables: one attack a line)
"""Attacks on the proxy, as data. Each was let through by stock mitmproxy, by a naive add-on, or by a careless rewrite.

Whatever an entry says besides, of every attack it is checked that the real key never reaches the agent, that the
sentinel never reaches the provider, that nothing reaches the provider unless ``forwarded``, and that every
refusal of the agent's doing is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

from .stage import HOST, REAL_KEY, SENTINEL, reply, request

KEY = REAL_KEY.encode()
FOREIGN = "sk-ant-api03-somebody-elses-key-000000000000"


@dataclass(frozen=True)
class Attack:
    name: str
    sent: bytes
    status: int | None
    """Of the answer; None when the connection is closed without one."""
    forwarded: bool = False
    hidden_from_provider: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class BadAnswer:
    """What a provider that cannot be trusted sends back."""

    name: str
    answer: bytes
    status: int | None
    hidden: tuple[bytes, ...] = ()
    """From the agent, besides the key."""
    shown: tuple[bytes, ...] = ()
    pieces: int = 1
    """Into how many parts the answer is cut on the wire."""


def connect(authority: str, *headers: str) -> bytes:
    return "\r\n".join([f"CONNECT {authority} HTTP/1.1", *headers, "", ""]).encode("latin-1")


OUTSIDE = [
    Attack("connect another host", connect("example.org:443"), 403),
    Attack("connect a subdomain", connect(f"x.{HOST}:443"), 403),
    Attack("connect a longer name", connect(f"{HOST}.example.org:443"), 403),
    Attack("connect another port", connect(f"{HOST}:22"), 403),
    Attack("connect port 80", connect(f"{HOST}:80"), 403),
    Attack("connect without port", connect(HOST), 400),
    Attack("connect port 65979 (443 mod 65536)", connect(f"{HOST}:65979"), 400),
    Attack("connect port 0443", connect(f"{HOST}:0443"), 403),
    Attack("connect port +443", connect(f"{HOST}:+443"), 400),
    Attack("connect port 443abc", connect(f"{HOST}:443abc"), 400),
    Attack("connect port 0", connect(f"{HOST}:0"), 400),
    Attack("connect with user", connect(f"user@{HOST}:443"), 400),
    Attack("connect with user of another host", connect(f"{HOST}:443@example.org:443"), 400),
    Attack("connect trailing dot", connect(f"{HOST}.:443"), 403),
    Attack("connect with path", connect(f"{HOST}:443/x"), 400),
    Attack("connect ipv4", connect("127.0.0.1:443"), 403),
    Attack("connect metadata address", connect("169.254.169.254:443"), 403),
    Attack("connect decimal ipv4", connect("2130706433:443"), 403),
    Attack("connect hexadecimal ipv4", connect("0x7f000001:443"), 403),
    Attack("connect ipv6", connect("[::1]:443"), 403),
    Attack("connect mapped ipv6", connect("[::ffff:127.0.0.1]:443"), 403),
    Attack("connect localhost", connect("localhost:443"), 403),
    Attack("connect empty host", connect(":443"), 400),
    Attack("connect underscore", connect("api_anthropic.com:443"), 403),
    Attack("connect non-ascii", connect("api.anthropi\xe7.com:443"), 400),
    Attack("connect the real key", connect(f"{REAL_KEY}.example.org:443"), 400),
    Attack("connect mitm.it", connect("mitm.it:443"), 403),
    Attack("connect with body", connect(f"{HOST}:443", "Content-Length: 4") + b"GET ", 400),
    Attack("connect chunked", connect(f"{HOST}:443", "Transfer-Encoding: chunked"), 400),
    Attack("connect http/1.0", b"CONNECT example.org:443 HTTP/1.0\r\n\r\n", 403),
    Attack("connect http/1.2", f"CONNECT {HOST}:443 HTTP/1.2\r\n\r\n".encode(), 505),
    Attack("connect lower case", f"connect {HOST}:443 HTTP/1.1\r\n\r\n".encode(), 400),
    Attack("connect with header of control characters", connect("example.org:443", "X: a\x00b"), 403),
    Attack("plain http to the provider", f"GET http://{HOST}/v1/messages HTTP/1.1\r\nHost: {HOST}\r\nx-api-key: {SENTINEL}\r\n\r\n".encode(), 403),
    Attack("https in absolute form", f"GET https://{HOST}/v1/messages HTTP/1.1\r\nHost: {HOST}\r\nx-api-key: {SENTINEL}\r\n\r\n".encode(), 403),
    Attack("plain http elsewhere", b"GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n", 403),
    Attack("origin form without tunnel", request(), 403),
    Attack("ftp", b"GET ftp://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n", 400),
    Attack("mitm.it", b"GET http://mitm.it/cert/pem HTTP/1.1\r\nHost: mitm.it\r\n\r\n", 403),
    Attack("tls to the proxy itself", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n", 400),
    Attack("http/0.9", b"GET /\r\n\r\n", 400),
    Attack("http/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    Attack("socks5", b"\x05\x01\x00\r\n\r\n", 400),
    Attack("empty lines first", b"\r\n\r\n" + connect(f"{HOST}:443"), 400),
    Attack("head without end", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000, 431),
    Attack("line without end", b"A" * 100_000, 431),
]  # fmt: skip

IN_TUNNEL = [
    Attack("plaintext request", request(), None),
    Attack("ssh banner", b"SSH-2.0-OpenSSH_9.9\r\n", None),
    Attack("two bytes, then plaintext", b"\x16\x03GET / HTTP/1.1\r\n\r\n", None),
    Attack("sslv2 hello", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", None),
    Attack("broken ClientHello", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\xff", None),
    Attack("endless ClientHello", b"\x16\x03\x01\xff\xff\x01\xff\xff\xff" + b"x" * 200_000, None),
    Attack("alert first", b"\x15\x03\x01\x00\x02\x02\x28", None),
    Attack("second connect in clear", connect(f"{HOST}:443"), None),
]


def head(*lines: str, body: str = "") -> bytes:
    return "\r\n".join([*lines, "", body]).encode("latin-1")


def with_host(*hosts: str) -> bytes:
    return head(
        "POST /v1/messages HTTP/1.1",
        *(f"Host: {host}" for host in hosts),
        f"x-api-key: {SENTINEL}",
        "Content-Type: application/json",
        "Content-Length: 2",
        body="{}",
    )


def target(path: str, method: str = "POST") -> bytes:
    return request(method, path)


INSIDE = [
    # the host
    Attack("host of another", with_host("example.org"), 421),
    Attack("host missing", with_host(), 421),
    Attack("host twice, same", with_host(HOST, HOST), 421),
    Attack("host twice, other last", with_host(HOST, "example.org"), 421),
    Attack("host twice, other first", with_host("example.org", HOST), 421),
    Attack("host with user", with_host(f"a@{HOST}"), 421),
    Attack("host with other port", with_host(f"{HOST}:8443"), 421),
    Attack("host with trailing dot", with_host(f"{HOST}."), 421),
    Attack("host folded", head("POST /v1/messages HTTP/1.1", f"Host: {HOST}", " .example.org", "Content-Length: 0"), 421),
    Attack("absolute form of another host", request("POST", "https://example.org/v1/messages"), 400),
    Attack("absolute form of the same host", request("POST", f"https://{HOST}/v1/messages"), 400),
    Attack("authority form", request("CONNECT", f"{HOST}:443"), 400),
    Attack("connect inside", connect("example.org:443", f"Host: {HOST}"), 400),
    # the target
    Attack("unlisted endpoint", target("/v1/complete"), 403),
    Attack("files", target("/v1/files"), 403),
    Attack("method not listed", target("/v1/messages", "GET"), 403),
    Attack("method in lower case", target("/v1/messages", "post"), 400),
    Attack("method in mixed case", target("/v1/messages", "Post"), 400),
    Attack("content type twice", request("POST", "/v1/messages", "Content-Type: text/plain"), 400),
    Attack("method unknown", target("/v1/messages", "POSTT"), 403),
    Attack("trailing slash", target("/v1/messages/"), 403),
    Attack("double slash", target("//v1/messages"), 403),
    Attack("dot segment", target("/v1/./messages"), 403),
    Attack("dot dot segment", target("/v1/messages/../files"), 403),
    Attack("dot dot to the endpoint", target("/v1/x/../messages"), 403),
    Attack("encoded slash", target("/v1%2fmessages"), 403),
    Attack("encoded letter", target("/v1/m%65ssages"), 403),
    Attack("encoded dots", target("/v1/%2e%2e/messages"), 403),
    Attack("doubly encoded", target("/v1/messages%252f..%252ffiles"), 403),
    Attack("backslash", target("/v1\\messages"), 403),
    Attack("path parameter", target("/v1/messages;a=b"), 403),
    Attack("fragment", target("/v1/messages#x"), 400),
    Attack("encoded nul", target("/v1/messages%00"), 403),
    Attack("non-ascii", target("/v1/messages\xff"), 400),
    Attack("upper case path", target("/V1/MESSAGES"), 403),
    Attack("query with unknown name", target("/v1/messages?beta=true&x=1"), 403),
    Attack("query with name twice", target("/v1/messages?beta=true&beta=false"), 403),
    Attack("query with encoded name", target("/v1/messages?bet%61=true"), 403),
    Attack("query with encoded value", target("/v1/messages?beta=%0d%0a"), 403),
    Attack("query that hides a path", target("/v1/complete?/v1/messages"), 403),
    Attack("options *", target("*", "OPTIONS"), 400),
    Attack("trace", target("/v1/messages", "TRACE"), 403),
    # the version and the framing
    Attack("http/1.0", request().replace(b"HTTP/1.1", b"HTTP/1.0"), 505),
    Attack("http/2.0 in the request line", request().replace(b"HTTP/1.1", b"HTTP/2.0"), 505),
    Attack("http/1.1 with something behind", request().replace(b"HTTP/1.1", b"HTTP/1.1 x"), 400),
    Attack("length and chunks", request("POST", "/v1/messages", "Transfer-Encoding: chunked"), 400),
    Attack("length twice, different", request("POST", "/v1/messages", "Content-Length: 7"), 400),
    Attack("length twice, same", request("POST", "/v1/messages", "Content-Length: 2"), 400),
    Attack("length as list", request().replace(b"Content-Length: 2", b"Content-Length: 2, 2"), 400),
    Attack("length negative", request().replace(b"Content-Length: 2", b"Content-Length: -2"), 400),
    Attack("length with plus", request().replace(b"Content-Length: 2", b"Content-Length: +2"), 400),
    Attack("length hexadecimal", request().replace(b"Content-Length: 2", b"Content-Length: 0x2"), 400),
    Attack("chunked twice", head("POST /v1/messages HTTP/1.1", f"Host: {HOST}", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body="0\r\n\r\n"), 400),
    Attack("unknown coding", head("POST /v1/messages HTTP/1.1", f"Host: {HOST}", "Transfer-Encoding: xchunked", body="0\r\n\r\n"), 400),
    Attack("coding under chunked", head("POST /v1/messages HTTP/1.1", f"Host: {HOST}", f"x-api-key: {SENTINEL}", "Transfer-Encoding: gzip, chunked", body="0\r\n\r\n"), 400),
    Attack("identity coding", head("POST /v1/messages HTTP/1.1", f"Host: {HOST}", "Transfer-Encoding: identity", "Content-Length: 0"), 400),
    Attack("name with blank before colon", request("POST", "/v1/messages", "Transfer-Encoding : chunked"), 400),
    Attack("name with tab", request("POST", "/v1/messages", "X\tY: z"), 400),
    Attack("name with nul", request("POST", "/v1/messages", "X\x00Y: z"), 400),
    Attack("line without colon", request("POST", "/v1/messages", "nonsense"), 400),
    Attack("value with carriage return", request("POST", "/v1/messages", "X: a\rb"), 400),
    Attack("value with nul", request("POST", "/v1/messages", "X: a\x00b"), 400),
    Attack("value folded", request("POST", "/v1/messages", "X: a", "\tb"), 400),
    Attack("empty line first", b"\r\n" + request(), 400),
    Attack("huge head", request("POST", "/v1/messages", *(f"X-{n}: {'y' * 1000}" for n in range(80))), 431),
    Attack("unknown expectation", request("POST", "/v1/messages", "Expect: 200-ok"), 400),
    Attack("connection nominates the key", request("POST", "/v1/messages", "Connection: x-api-key"), 400),
    Attack("connection nominates the host", request("POST", "/v1/messages", "Connection: close, Host"), 400),
    # keys
    Attack("no key", request(key=None), 403),
    Attack("foreign key", request(key=FOREIGN), 403),
    Attack("the real key, guessed", request(key=REAL_KEY), 403),
    Attack("empty key", request(key=""), 403),
    Attack("sentinel cut", request(key=SENTINEL[:-1]), 403),
    Attack("sentinel with something behind", request(key=SENTINEL + "x"), 403),
    Attack("sentinel and foreign key", request("POST", "/v1/messages", f"x-api-key: {FOREIGN}"), 403),
    Attack("foreign key first", request("POST", "/v1/messages", f"X-Api-Key: {SENTINEL}", key=FOREIGN), 403),
    Attack("sentinel twice", request("POST", "/v1/messages", f"x-api-key: {SENTINEL}"), 403),
    Attack("sentinel twice in one header", request("POST", "/v1/messages", key=f"{SENTINEL}, {SENTINEL}"), 403),
    Attack("foreign bearer beside", request("POST", "/v1/messages", f"Authorization: Bearer {FOREIGN}"), 403),
    Attack("sentinel as bearer", request("POST", "/v1/messages", f"Authorization: Bearer {SENTINEL}", key=None), 200, True),
    Attack("sentinel as bearer too", request("POST", "/v1/messages", f"Authorization: Bearer {SENTINEL}"), 200, True),
    Attack("sentinel as bearer, foreign key", request("POST", "/v1/messages", f"Authorization: Bearer {SENTINEL}", key=FOREIGN), 403),
    Attack("sentinel as bearer twice", request("POST", "/v1/messages", f"Authorization: Bearer {SENTINEL}", f"Authorization: Bearer {SENTINEL}", key=None), 403),
    Attack("sentinel as bearer in small letters", request("POST", "/v1/messages", f"Authorization: bearer {SENTINEL}", key=None), 403),
    Attack("sentinel as basic", request("POST", "/v1/messages", f"Authorization: Basic {SENTINEL}", key=None), 403),
    Attack("basic credentials", request("POST", "/v1/messages", "Authorization: Basic YTpi"), 403),
    Attack("key of another provider", request("POST", "/v1/messages", "x-goog-api-key: AIzaSy"), 403),
    Attack("api-key header", request("POST", "/v1/messages", "api-key: abc"), 403),
    Attack("token header", request("POST", "/v1/messages", "X-Auth-Token: abc"), 403),
    Attack("key with underscores", request("POST", "/v1/messages", f"x_api_key: {FOREIGN}"), 403),
    Attack("sentinel in another header", request("POST", "/v1/messages", f"X-Note: {SENTINEL}"), 403),
    Attack("sentinel inside another header", request("POST", "/v1/messages", f"X-Note: a{SENTINEL}b"), 403),
    Attack("sentinel as a header name", request("POST", "/v1/messages", f"{SENTINEL}: x"), 403),
    Attack("sentinel in the query", request("POST", f"/v1/messages?beta={SENTINEL}"), 403),
    Attack("the real key in the query", request("POST", f"/v1/messages?beta={REAL_KEY}"), 403),
    Attack("the real key in the path", request("POST", f"/v1/{REAL_KEY}"), 403),
    Attack("the real key as the method", request(REAL_KEY, "/v1/messages"), 400),
    Attack("the real key as content type", request("POST", "/v1/messages", f"Content-Type: {REAL_KEY}"), 400),
    Attack("sentinel in the path", request("POST", f"/v1/{SENTINEL}"), 403),
    Attack("key in the query", request("POST", f"/v1/messages?key={FOREIGN}"), 403),
    Attack("foreign key to an answered endpoint", request("GET", "/api/claude_code/settings", key=FOREIGN), 403),
    # upgrades
    Attack("websocket", request("GET", "/v1/messages", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"), 426),
    Attack("upgrade to http/2", request("POST", "/v1/messages", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: x"), 426),
    Attack("upgrade without connection", request("POST", "/v1/messages", "Upgrade: tcp"), 426),
    # let through, but cleaned
    Attack("cookies", request("POST", "/v1/messages", "Cookie: session=1"), 200, True, (b"ookie", b"session=1")),
    Attack("overrides", request("POST", "/v1/messages", "X-HTTP-Method-Override: DELETE", "X-Original-URL: /v1/files", "X-Forwarded-Host: example.org"), 200, True, (b"DELETE", b"/v1/files", b"example.org")),
    Attack("proxy headers", request("POST", "/v1/messages", "Proxy-Connection: keep-alive", "Proxy-Authorization: Basic YTpi"), 200, True, (b"Proxy-", b"YTpi")),
    Attack("nominated header", request("POST", "/v1/messages", "Connection: X-Hop", "X-Hop: 1"), 200, True, (b"X-Hop",)),
    Attack("other codings asked for", request("POST", "/v1/messages", "Accept-Encoding: gzip, br"), 200, True, (b"gzip",)),
    Attack("te and trailer", request("POST", "/v1/messages", "TE: trailers", "Trailer: X"), 200, True, (b"railer",)),
    Attack("trailers", head("POST /v1/messages HTTP/1.1", f"Host: {HOST}", f"x-api-key: {SENTINEL}", "Content-Type: application/json", "Transfer-Encoding: chunked", body=f"2\r\n{{}}\r\n0\r\nx-api-key: {FOREIGN}\r\n\r\n"), 200, True, (FOREIGN.encode(),)),
    Attack("chunk extensions", head("POST /v1/messages HTTP/1.1", f"Host: {HOST}", f"x-api-key: {SENTINEL}", "Content-Type: application/json", "Transfer-Encoding: chunked", body=f"2;x={FOREIGN}\r\n{{}}\r\n0\r\n\r\n"), 200, True, (FOREIGN.encode(),)),
    Attack("host with the port", with_host(f"{HOST}:443"), 200, True),
    Attack("host in capitals", with_host(HOST.upper()), 200, True),
]  # fmt: skip

SSE = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunks(*parts: bytes) -> bytes:
    return SSE.encode() + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


ANSWERS = [
    BadAnswer("key in the body", reply(b'{"key":"' + KEY + b'"}'), 200, shown=(SENTINEL.encode(),)),
    BadAnswer("key twice in the body", reply(KEY + KEY), 200),
    BadAnswer("key in an error", reply(b"invalid x-api-key: " + KEY, "401 Unauthorized"), 401),
    BadAnswer("key cut by chunks", chunks(b"data: " + KEY[:20], KEY[20:], b"\n\n"), 200, shown=(b"data: ",)),
    BadAnswer("key in chunks of one byte", chunks(*(KEY[i : i + 1] for i in range(len(KEY)))), 200),
    BadAnswer("key cut by the wire", reply(b"x" * 100 + KEY + b"y" * 100), 200, pieces=60, shown=(b"y" * 100,)),
    BadAnswer("key after its own beginning", chunks(KEY[:9] + KEY), 200),
    BadAnswer("beginning of the key at the end", reply(b"tail " + KEY[:30]), 200, shown=(b"tail " + KEY[:30],)),
    BadAnswer("beginning of the key as a chunk", chunks(b"a", KEY[:5], b"b"), 200, shown=(KEY[:5] + b"b",)),
    BadAnswer("key in a header", reply(b"{}", "200 OK", f"X-Echo: {REAL_KEY}"), 200, shown=(SENTINEL.encode(),)),
    BadAnswer("key in a header's name", reply(b"{}", "200 OK", f"{REAL_KEY}: x"), 200),
    BadAnswer("key in the location", reply(b"", "302 Found", f"Location: https://example.org/?{REAL_KEY}"), 302),
    BadAnswer("key in the reason", reply(b"{}", f"200 {REAL_KEY}"), 200),
    BadAnswer("key in a broken status line", b"NONSENSE " + KEY + b"\r\n\r\n", 502),
    BadAnswer("key in a broken header", b"HTTP/1.1 200 OK\r\n" + KEY + b"\r\n\r\n", 502),
    BadAnswer("key before a cut", b"HTTP/1.1 200 OK\r\nX: " + KEY, 502),
    BadAnswer("key in a trailer", SSE.encode() + b"2\r\n{}\r\n0\r\nX-Echo: " + KEY + b"\r\n\r\n", 200, (b"X-Echo",), (b"{}",)),
    BadAnswer("key in a chunk extension", SSE.encode() + b"2;k=" + KEY + b"\r\n{}\r\n0\r\n\r\n", 200, shown=(b"{}",)),
    BadAnswer("early hints with the key", b"HTTP/1.1 103 Early Hints\r\nLink: " + KEY + b"\r\n\r\n" + reply(), 502),
    BadAnswer("switching protocols", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" + KEY, 502),
    BadAnswer("gzip not asked for", reply(b"\x1f\x8b", "200 OK", "Content-Encoding: gzip"), 502),
    BadAnswer("several codings", reply(b"x", "200 OK", "Content-Encoding: identity, gzip"), 502),
    BadAnswer("gzip as transfer coding", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 502),
    BadAnswer("cookie", reply(b"{}", "200 OK", "Set-Cookie: a=b"), 200, (b"ookie", b"a=b")),
    BadAnswer("alternative service", reply(b"{}", "200 OK", 'Alt-Svc: h3=":443"'), 200, (b"h3", b"lt-Svc")),
    BadAnswer("hop by hop", reply(b"{}", "200 OK", "Connection: X-Hop", "X-Hop: 1", "Keep-Alive: 5"), 200, (b"X-Hop", b"eep-Alive")),
    BadAnswer("nominates its length", reply(b"{}", "200 OK", "Connection: Content-Length"), 200, shown=(b"Content-Length: 2",)),
    BadAnswer("length and chunks", reply(b"2\r\n{}\r\n0\r\n\r\n", "200 OK", "Transfer-Encoding: chunked"), 502),
    BadAnswer("two lengths", reply(b"{}", "200 OK", "Content-Length: 3"), 502),
    BadAnswer("header with a carriage return", reply(b"{}", "200 OK", "X: a\rSet-Cookie: a=b"), 502, (b"a=b",)),
    BadAnswer("head without end", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000, 502),
    BadAnswer("unasked second answer", reply(b"one") + reply(b"two"), 200, (b"two",), (b"one",)),
    BadAnswer("nothing", b"", 502),
    BadAnswer("until the end of the connection", b"HTTP/1.1 200 OK\r\n\r\n" + KEY, 200, shown=(SENTINEL.encode(),)),
    BadAnswer("http/1.0", b"HTTP/1.0 200 OK\r\n\r\nold", 200, shown=(b"old",)),
]  # fmt: skip
