"""The parent proxy wants to know who asks."""

from __future__ import annotations

from mitmproxy.http import HTTPFlow

from ironcurtain_tui.proxy.parent import Parents


class ParentAuthorization:
    """Adds Proxy-Authorization to the CONNECTs that we send to a parent proxy. They carry nothing of the agent's."""

    def __init__(self, parents: Parents) -> None:
        self._parents = parents

    def http_connect_upstream(self, flow: HTTPFlow) -> None:
        parent = self._parents.parent
        if parent is not None and parent.authorization is not None:
            flow.request.headers["proxy-authorization"] = parent.authorization.decode("ascii")
