"""Add-on for plain mitmdump that does the least of what our proxy does: swap the key, stream both ways.

From the environment: BENCH_PORT of the upstream, BENCH_SENTINEL and BENCH_KEY.
"""

from __future__ import annotations

import os

from mitmproxy.http import HTTPFlow

PORT = int(os.environ["BENCH_PORT"])
SENTINEL = os.environ["BENCH_SENTINEL"]
KEY = os.environ["BENCH_KEY"]


def http_connect(flow: HTTPFlow) -> None:
    """The provider is our own upstream. (Set any later, a lazy mitmproxy would not reuse its connection.)"""
    flow.request.host, flow.request.port = "127.0.0.1", PORT


def requestheaders(flow: HTTPFlow) -> None:
    """Key in, and no buffering."""
    if flow.request.headers.get("x-api-key") == SENTINEL:
        flow.request.headers["x-api-key"] = KEY
    flow.request.stream = True


def responseheaders(flow: HTTPFlow) -> None:
    """No buffering."""
    if flow.response is not None:
        flow.response.stream = True
