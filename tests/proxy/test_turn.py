"""Hooks run within the turn where they can, behind what was sent before them and before what they must allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mitmproxy.connection import Client, ConnectionState
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context

from ironcurtain_tui.proxy.turn import Turns

from .stage import Stage, request


@dataclass
class Ask(commands.StartHook):  # type: ignore[no-untyped-call]
    """A hook that the layer waits for."""

    client: Client


class Script(layer.Layer):
    """For every event: something, what a hook must allow, the end."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield commands.Log("what was on the wire")
        yield commands.SendData(self.context.client, b"before ")
        yield commands.SendData(self.context.client, b"it")
        yield Ask(self.context.client)
        yield commands.SendData(self.context.client, b"after it")
        yield commands.CloseConnection(self.context.client)


def turns(start: Callable[[commands.StartHook], None]) -> Turns:
    client = Client(peername=("agent", 1), sockname=("agent", 1), state=ConnectionState.OPEN)
    return Turns(Script(Context(client, None)), start)  # type: ignore[arg-type] # the options are not read


def told(found: list[commands.Command]) -> list[bytes | type]:
    return [command.data if isinstance(command, commands.SendData) else type(command) for command in found]


def test_a_hook_that_need_not_wait_is_over_within_the_turn_and_runs_when_all_before_it_is_sent() -> None:
    sent: list[commands.Command] = []
    seen: list[list[bytes | type]] = []

    def start(hook: commands.StartHook) -> None:
        seen.append(told(sent))
        assert turning.over(hook) is None

    turning = turns(start)
    for command in turning.handle_event(events.Start()):
        sent.append(command)  # noqa: PERF402 -- the hook looks at it meanwhile
    assert seen == [[b"before it"]]
    assert told(sent) == [b"before it", b"after it", commands.CloseConnection]


def test_nothing_behind_a_hook_goes_out_before_it_is_over() -> None:
    waiting: list[commands.StartHook] = []
    turning = turns(waiting.append)
    assert told(list(turning.handle_event(events.Start()))) == [b"before it"]
    completed = turning.over(waiting[0])
    assert isinstance(completed, events.HookCompleted)
    assert told(list(turning.handle_event(completed))) == [b"after it", commands.CloseConnection]


def test_after_a_layer_has_failed_the_next_turn_begins_anew() -> None:
    def broken(hook: commands.StartHook) -> None:
        turning.over(hook)
        raise RuntimeError

    turning = turns(broken)
    try:
        list(turning.handle_event(events.Start()))
    except RuntimeError:
        pass
    hook = Ask(Client(peername=("agent", 1), sockname=("agent", 1)))
    assert isinstance(turning.over(hook), events.HookCompleted)  # no turn is under way


async def test_a_head_and_its_body_are_one_record(stage: Stage) -> None:
    agent = await stage.inside()
    await agent.ask(request())
    await agent.send(request())
    record = await agent.record()
    assert (record[:12], record[-11:]) == (b"HTTP/1.1 200", b'{"ok":true}')
