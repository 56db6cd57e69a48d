"""A provider that fails: the agent can be used on, and the person sees what happened."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import ensure_image
from ironcurtain_tui.providers import PROVIDERS
from tests.e2e.conftest import CANARY, Installation, have_key, served
from tests.e2e.faulty_model import Fault, FaultyModel
from tests.e2e.tmux import PATIENCE, Tmux
from tests.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Look:
    """What an agent shows when it can be typed to, and when a model's answer was an error for good."""

    provider: str
    ready: str
    call: str
    """The path of its model calls."""
    gave_up: str


LOOKS = {
    "claude-code": Look("anthropic", "bypass permissions on", "/v1/messages", r"API Error: 401"),
    "codex": Look("openai", r"default · /workspace", "/v1/responses", "■ .*401"),
}


@pytest.mark.parametrize("name", LOOKS)
def test_after_each_fault_it_goes_on(engine: Engine, installation: Installation, terminal: Tmux, name: str) -> None:
    ensure_image(engine, name, lambda _: None)
    look = LOOKS[name]
    with served(FaultyModel(CANARY, host=PROVIDERS[look.provider].hosts[0].name)) as model:
        have_key(installation, look.provider, model)
        installation.open(terminal, "run", "--workspace", str(installation.workspace), "--agent", name)
        terminal.wait_for(look.ready)
        terminal.wait_for("no-egress")

        def does(name: str) -> None:
            terminal.submit(f"RUN: echo done > {name}")
            wait_until(lambda: (installation.workspace / name).exists(), PATIENCE)

        # One that passes: the agent asks again by itself, and the person sees both.
        for fault in (Fault(429, retry_after=1), Fault(500)):
            model.faults.append(fault)
            does(f"after-{fault.status}")
            terminal.wait_for(rf"{look.call}\S* +\S+ {fault.status} ")
            terminal.wait_for("○ idle")

        # One that does not: told, on the agent's screen and on ours, and over when the provider takes the key again.
        model.faults.extend([Fault(401)] * 50)
        terminal.submit("SAY: not now")
        terminal.wait_for(f"{PROVIDERS[look.provider].title} does not accept the key")
        terminal.wait_for(look.gave_up)
        terminal.wait_for("○ idle")
        model.faults.clear()
        does("mended")
