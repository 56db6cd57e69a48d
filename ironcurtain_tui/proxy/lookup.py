"""What the proxy asks of a package registry on the agent's behalf, to find out what the agent asks about."""

from __future__ import annotations

from ironcurtain_tui.events import Decision
from ironcurtain_tui.proxy.gate import Gate
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.registries import Inquiry, Registries


async def look_up(gate: Gate, registries: Registries, inquiry: Inquiry) -> None:
    """Load ``inquiry``, decided on and recorded like a request of the agent's own. Refusal when there is no way."""
    action = inquiry.request()
    verdict = await gate.admit(action)
    if verdict.decision is not Decision.ALLOW:
        raise Refusal.of(verdict)
    trouble = "the agent closed the connection"
    try:
        await registries.load(inquiry)
        trouble = ""
    except Refusal as refusal:
        trouble = refusal.reason
        raise
    finally:
        gate.looked_up(action, trouble)
