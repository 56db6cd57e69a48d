"""The separate, louder choice: a host and port that the policy names is passed on unread, and nothing else is."""

from __future__ import annotations

import ssl
from contextlib import suppress

from ironcurtain_tui.events import Decision, FlowState
from ironcurtain_tui.policy.action import HttpRequest, Tunnel, Verdict
from ironcurtain_tui.proxy.authority import CertificateAuthority

from .stage import OPEN_HOST, Build, Closed, Stage, request

BLIND = Verdict(decision=Decision.ALLOW, rule="web.blind", blind=True)


async def blindly(action: HttpRequest | Tunnel) -> Verdict:
    """Whatever is asked."""
    assert isinstance(action, Tunnel), "inside a blind tunnel nothing is asked"
    return BLIND


async def test_it_is_passed_on_unread_and_counted(
    stage: Stage, authorities: tuple[CertificateAuthority, CertificateAuthority]
) -> None:
    stage.gate.decide = blindly
    agent = await stage.agent()
    assert (await agent.connect(f"{OPEN_HOST}:2222")).status == 200
    _, public = authorities
    theirs = ssl.create_default_context(cadata=public.certificate_pem.decode())
    await agent.handshake(theirs, OPEN_HOST)  # the server's own certificate, not one of ours
    response = await agent.ask(request("POST", "/anything").replace(b"api.anthropic.com", OPEN_HOST.encode()))
    assert response.status == 200
    assert b"POST /anything" in stage.other.seen
    agent.writer.close()
    (flow,) = await stage.over()
    assert (flow.method, flow.host, flow.port, flow.decision) == ("CONNECT", OPEN_HOST, 2222, Decision.ALLOW)
    assert flow.state in {FlowState.DONE, FlowState.ERROR}
    assert flow.bytes_up > 500
    assert flow.bytes_down > 500
    assert [action for action, _ in stage.gate.admitted] == [Tunnel(host=OPEN_HOST, port=2222)]


async def test_a_large_transfer_is_not_kept(stage: Stage) -> None:
    stage.gate.decide = blindly
    agent = await stage.agent()
    assert (await agent.connect(f"{OPEN_HOST}:443")).status == 200
    with suppress(Closed, ConnectionError):  # no TLS at all: the server hangs up
        await agent.send(b"x" * 100_000)
        await agent.read()
    (flow,) = await stage.over()
    assert flow.bytes_up > 0
    assert stage.other.seen == b""


async def test_it_does_not_lead_to_a_private_address(build: Build) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    stage = await build(resolve=resolve)
    stage.gate.decide = blindly
    agent = await stage.agent()
    answer = await agent.connect("inside.example:22")
    assert answer.status == 502
    assert b"not public" in answer.body
