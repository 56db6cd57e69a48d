"""One turn of a connection's protocol layers: what an event leads to, until nothing is left to do at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events, layer

from ironcurtain_tui.proxy.core import ClientTLSLayer, Commands


class Turns(layer.Layer):
    """Stands above the outermost layer, and saves most of what the core does around the layers.

    Stock starts a task for every hook, which ends in a turn of its own. Here a hook that need not wait is over within
    the turn. As before it runs when the layers have done all they can without it and what they send is sent, but what
    goes to one connection until then is written at once. And once there is TLS inside a CONNECT, the layers of the
    CONNECT itself, which would only pass everything on, are left out.
    """

    def __init__(self, layers: layer.Layer, start: Callable[[commands.StartHook], None]) -> None:
        """``start`` runs a hook as far as it goes without waiting, and sees to it that ``over`` is called."""
        self._layers = layers
        self._start = start
        self._events: deque[events.Event] = deque()
        self._under_way = False

    def over(self, hook: commands.StartHook) -> events.Event | None:
        """A hook is over. What the layers must be told of it, when they wait for it and the turn is over, too."""
        if not hook.blocking:
            return None
        completed = events.HookCompleted(hook)
        if not self._under_way:
            return completed
        self._events.append(completed)
        return None

    def handle_event(self, event: events.Event) -> Commands:
        return self._handle_event(event)  # no command of it makes this layer wait

    def _handle_event(self, event: events.Event) -> Commands:
        outgoing: dict[Connection, list[bytes]] = {}
        self._events.append(event)
        self._under_way = True
        try:
            while self._events:
                event = self._events.popleft()
                hooks = []
                for command in self._layers.handle_event(event):
                    if isinstance(command, commands.SendData):
                        outgoing.setdefault(command.connection, []).append(command.data)
                    elif isinstance(command, commands.StartHook):
                        hooks.append(command)
                    elif not isinstance(command, commands.Log):  # it may quote what was on the wire
                        yield from _sent(outgoing)
                        yield command
                yield from _sent(outgoing)
                if isinstance(event, events.HookCompleted) and isinstance(event.command, layer.NextLayerHook):
                    chosen = event.command.data.layer
                    self._layers = chosen if isinstance(chosen, ClientTLSLayer) else self._layers
                for hook in hooks:
                    self._start(hook)
        finally:
            self._under_way = False
            self._events.clear()


def _sent(outgoing: dict[Connection, list[bytes]]) -> Commands:
    for connection, pieces in outgoing.items():
        yield commands.SendData(connection, b"".join(pieces))
    outgoing.clear()
