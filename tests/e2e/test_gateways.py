"""A gateway by base URL: its own host, port, path and authority, at a private address that is named.

The real resolver of this machine finds it: our commands run with an ``/etc/hosts`` of the test's own.
"""

from __future__ import annotations

import json
import os

import pytest

from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import ensure_image
from ironcurtain_tui.events import Decision
from ironcurtain_tui.rehearsal.model import RehearsalModel
from ironcurtain_tui.sessions import registry
from tests.e2e.conftest import CANARY, Installation, served
from tests.whole_log import verify_file

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a command another /etc/hosts"),
]

HOST = "llm.corp.example"
WITH_HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"'
GATEWAYS = [
    ("claude-code", "anthropic", "/api", "/api/v1/messages"),
    ("codex", "openai", "/v1", "/v1/responses"),
    ("qwen-code", "openai", "/api/v1", "/api/v1/chat/completions"),
]


def stand_at(installation: Installation, kind: str, base: str, model: RehearsalModel) -> int:
    """Have ``model`` be the gateway of ``installation``, in the place of the provider ``kind``; its port."""
    installation.home.mkdir(exist_ok=True)
    beside = installation.home.parent
    (beside / "hosts").write_text(f"127.0.0.1 localhost {HOST}\n")
    installation.under = ("unshare", "--mount", "sh", "-c", WITH_HOSTS, str(beside / "hosts"))
    (beside / "corp-ca.pem").write_bytes(model.ca_pem)
    (installation.home / "config.toml").write_text(
        f'[providers.corp]\nkind = "{kind}"\nbase_url = "https://{HOST}:{model.port}{base}"\n'
        f'ca = "{beside / "corp-ca.pem"}"\nprivate_network = "127.0.0.0/8"\n'
    )
    installation.environment["CORP_API_KEY"] = CANARY
    return model.port


@pytest.mark.parametrize(("name", "kind", "base", "path"), GATEWAYS, ids=lambda each: each)
def test_an_agents_turn_through_a_gateway(
    engine: Engine, installation: Installation, name: str, kind: str, base: str, path: str
) -> None:
    ensure_image(engine, name, lambda _: None)
    with served(RehearsalModel(CANARY, host=HOST, pause=0.0)) as model:
        port = stand_at(installation, kind, base, model)
        prompt = "RUN: echo through-$((40 + 2)) > proof.txt; env"
        told = installation.run("task", "--agent", name, "--json", prompt)
    document = json.loads(told.stdout)
    assert document["outcome"] == "success", told.stdout
    assert (installation.workspace / "proof.txt").read_text() == "through-42\n"
    assert CANARY not in told.stdout
    (session,) = registry.sessions(installation.home)
    log = installation.home / "sessions" / session.id / "audit.jsonl"
    assert verify_file(log, session.id).ok
    records = [json.loads(line) for line in log.read_text().splitlines()]
    asked = [record["data"]["action"] for record in records if record["kind"] == "request"]
    allowed = [record for record in records if record["kind"] == "request" and record["decision"] == Decision.ALLOW]
    assert {(each["host"], each["port"]) for each in asked} == {(HOST, port)}
    assert path in {record["data"]["action"]["path"] for record in allowed}


@pytest.mark.parametrize(("wrong", "why"), [("network", "is not public"), ("authority", "verified TLS")])
def test_no_key_goes_to_an_address_or_an_authority_that_is_not_named(
    installation: Installation, wrong: str, why: str
) -> None:
    with served(RehearsalModel(CANARY, host=HOST)) as model, served(RehearsalModel(CANARY, host=HOST)) as other:
        stand_at(installation, "openai", "/v1", model)
        if wrong == "authority":
            (installation.home.parent / "corp-ca.pem").write_bytes(other.ca_pem)
        else:
            settings = installation.home / "config.toml"
            settings.write_text(settings.read_text().replace("127.0.0.0/8", "10.0.0.0/8"))
        ask = "curl -sS -m 60 -d '{}' -H content-type:application/json $OPENAI_BASE_URL/chat/completions"
        told = installation.run(
            "task", "--agent", "shell", f'{ask} -H "authorization: Bearer $OPENAI_API_KEY"', check=False
        )
    assert why in told.stdout
