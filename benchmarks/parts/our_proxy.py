"""Our proxy as the supervisor runs it: policy, durable audit log, traffic kept, every change of a flow told.

Arguments: a directory for socket, authority and what a session keeps; port and authority of the upstream. The keys
come from the environment (BENCH_SENTINEL, BENCH_KEY). Prints the port on which it listens for those who show
BENCH_TOKEN, when there is one; else 0, and it listens on ``proxy.sock``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import msgspec

from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.audit.redact import Redactor
from ironcurtain_tui.config import RedactionSettings, TrafficSettings
from ironcurtain_tui.credentials.credential import FixedKey
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.escalations.held_request import HeldRequest
from ironcurtain_tui.events import Decision, Flow, FlowChanged, SessionInfo
from ironcurtain_tui.listener import TcpListener, UnixListener
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.policy.action import HttpRequest, Tunnel, Verdict
from ironcurtain_tui.policy.decide import Policy
from ironcurtain_tui.providers.anthropic import ANTHROPIC
from ironcurtain_tui.proxy.authority import CertificateAuthority
from ironcurtain_tui.proxy.route import Route, Upstream
from ironcurtain_tui.proxy.server import Proxy
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.chronicle import Chronicle
from ironcurtain_tui.traffic.keeper import TrafficKeeper

SESSION = "0123456789ab"


class AuditedGate:
    """What every request pays in a session whose policy allows it: the decision, and its record on the disk."""

    def __init__(self, policy: Policy, audit: AuditLog) -> None:
        self._policy = policy
        self._audit = audit

    async def admit(self, action: HttpRequest | Tunnel) -> Verdict:
        """Decide, record, and only then let pass."""
        verdict = self._policy.decide(action)
        data = {"action": msgspec.to_builtins(action), "reason": verdict.reason, "rule": verdict.rule}
        await self._audit.append_async("request", action.host, decision=verdict.decision, data=data)
        return verdict

    async def ask(self, request: HeldRequest) -> Verdict:
        """Nobody has to be asked here."""
        raise AssertionError(f"{request} was held")

    async def unpaused(self) -> None: ...

    def looked_up(self, action: HttpRequest, trouble: str) -> None: ...

    async def held_back(self, action: HttpRequest, hidden: tuple[str, ...]) -> None:
        """No package is asked for here."""
        raise AssertionError(f"{hidden} of {action} are held back")

    async def may_act_unseen(self, action: HttpRequest, provider: str, what: str) -> bool:
        raise AssertionError(f"{what} would act at {provider}: {action}")

    async def tripped(self, action: HttpRequest | Tunnel, reason: str) -> None:
        """Nothing goes wrong here."""
        await self.refused(action, reason)

    async def refused(self, action: HttpRequest | Tunnel, reason: str) -> None:
        """Nothing is refused here."""
        raise AssertionError(f"{action} was refused: {reason}")


async def serve(directory: Path, upstream: Upstream) -> None:
    """Serve until terminated."""
    sentinel, key = os.environ["BENCH_SENTINEL"], os.environ["BENCH_KEY"]
    session = SessionPaths.of(SESSION, directory)
    session.create()
    info = SessionInfo(
        id=SESSION,
        agent="bench",
        agent_title="Bench",
        workspace=str(directory),
        rehearsal=False,
        network_mode="uds",
        started=time.time(),
    )
    bulletin = Bulletin(info, lambda _: None)
    chronicle = Chronicle(session, bulletin)
    await chronicle.open(Redactor.configured(RedactionSettings(), [key, sentinel]))

    def changed(flow: Flow) -> None:  # as supervisor/assembly.py does
        bulletin.publish(FlowChanged(flow=flow))
        if flow.decision is Decision.ALLOW and flow.state.is_over:
            chronicle.outcome(flow)

    gate = AuditedGate(Policy(ANTHROPIC.rules()), chronicle.log)
    authority = CertificateAuthority.load_or_create(directory / "ca")
    route = Route(ANTHROPIC, sentinel, FixedKey(Secret(key)), upstream)
    secrets = [key, sentinel]
    keeper = TrafficKeeper(session.traffic, TrafficSettings(), RedactionSettings(), secrets, print)
    token = os.environ.get("BENCH_TOKEN")
    listener = UnixListener(directory / "proxy.sock") if token is None else TcpListener("127.0.0.1")
    proxy = Proxy(listener, authority, [route], gate, changed, token=token, keeper=keeper)
    await proxy.start()
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    print(listener.port if isinstance(listener, TcpListener) else 0, flush=True)
    await over.wait()
    await proxy.stop(grace=0)
    await asyncio.to_thread(keeper.close)
    await chronicle.close()


def main() -> None:
    """Read the arguments and serve."""
    directory, port, ca_file = sys.argv[1:]
    asyncio.run(serve(Path(directory), Upstream("127.0.0.1", int(port), Path(ca_file).read_bytes())))


if __name__ == "__main__":
    main()
