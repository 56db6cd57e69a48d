"""``ironcurtain-tui audit`` as a person uses it."""

import io
import json
from pathlib import Path

import msgspec
import pytest

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.cli import main
from ironcurtain_tui.events import Decision
from ironcurtain_tui.paths import private_directory
from ironcurtain_tui.policy.action import HttpRequest

ONE, TWO = "0123456789ab", "ba9876543210"
THREE, FOUR = "333333333333", "444444444444"


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AuditDirectory:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path))
    audit = AuditDirectory()
    for session in (ONE, TWO):
        private_directory(audit.log(session).parent)
        with AuditLog.open(audit.log(session), session, notary=audit.notary()) as log:
            log.append("session.start", "Claude Code on \x1b[31m/workspace")
            log.append(
                "tunnel",
                f"CONNECT {session}.test:443",
                decision=Decision.DENY,
                data={"action": {"host": f"{session}.test", "port": 443}, "rule": "hosts"},
            )
    return audit


def test_tail(audit: AuditDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "tail", ONE, "-n", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["2", "3"]
    assert f"deny      tunnel                CONNECT {ONE}.test:443" in lines[0]
    assert main(["audit", "tail"]) == 0
    out = capsys.readouterr().out
    assert TWO in out
    assert "\x1b" not in out


@pytest.mark.parametrize("command", ["replay", "traffic"])
def test_looking_back_before_there_was_a_session(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path))
    assert main([command]) == 1
    assert "No session has left a log yet." in capsys.readouterr().err


def test_search(audit: AuditDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "search", "connect", "--decision", "deny", "--since", "1h"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [TWO, ONE]
    assert main(["audit", "search", "--host", f"{ONE}.test", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["session"] == ONE
    assert main(["audit", "search", "--kind", "session", "--session", TWO[:4], "--count"]) == 0
    assert capsys.readouterr().out == "1\n"
    assert main(["audit", "search", "nowhere"]) == 1
    assert main(["audit", "search", "--until", "2020-01-01"]) == 1
    assert main(["audit", "search", "--decision", "maybe"]) == 1
    assert "allow, deny, escalate, answer" in capsys.readouterr().err
    assert main(["audit", "search", "--since", "soon"]) == 1
    assert "is no time" in capsys.readouterr().err


def test_show(audit: AuditDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "show", ONE[:3], "2"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out[: out.index("\n✓")])["seq"] == 2
    assert "✓ Record 2 of 3" in out
    assert "✓ Its content is signed." in out
    assert "✓ The ledger vouches for it." in out
    assert main(["audit", "show", ONE, "9"]) == 1
    assert "no record 9" in capsys.readouterr().err


def test_verify(audit: AuditDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify"]) == 0
    out = capsys.readouterr().out
    assert "✓ ledger: 6 lines" in out
    assert f"✓ {ONE}: 3 records chained, signed to #3 by 1 checkpoints, the ledger agrees to #3." in out
    assert "What a local attacker could still do" in out
    anchor = out.rsplit("Anchor: ", 1)[1].strip()
    assert main(["audit", "verify", ONE, "--anchor", anchor]) == 0
    audit.log(ONE).write_bytes(audit.log(ONE).read_bytes().replace(b'"deny"', b'"allow"'))
    assert main(["audit", "verify", ONE]) == 1
    assert f"✗ {ONE}: record #2: its content does not match" in capsys.readouterr().out
    assert main(["audit", "show", ONE, "3"]) == 1
    assert "✗ Not proven" in capsys.readouterr().out
    audit.log(TWO).unlink()
    assert main(["audit", "verify"]) == 1
    assert f"✗ {TWO}: the log is missing; it had 3 records." in capsys.readouterr().out
    assert main(["audit", "verify", TWO]) == 1


def test_an_anchor_finds_both_rolled_back_together(audit: AuditDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    older = {path: path.read_bytes() for path in (audit.log(ONE), audit.ledger_path)}
    with AuditLog.open(audit.log(ONE), ONE, notary=audit.notary()) as log:
        log.append("test", "what somebody wants to hide")
    main(["audit", "verify"])
    anchor = capsys.readouterr().out.rsplit("Anchor: ", 1)[1].strip()
    for path, content in older.items():
        path.write_bytes(content)
    assert main(["audit", "verify"]) == 0
    assert main(["audit", "verify", "--anchor", anchor]) == 1
    assert "rolled back or replaced" in capsys.readouterr().out


def test_export_and_report(audit: AuditDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "export", ONE, "--format", "csv", "-o", str(tmp_path / "out.csv")]) == 0
    assert (tmp_path / "out.csv").read_bytes().count(b"\r\n") == 4
    assert main(["audit", "export", ONE]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main(["audit", "export", ONE, "-o", str(tmp_path)]) == 1
    assert "Cannot write" in capsys.readouterr().err
    assert main(["audit", "report", ONE]) == 0
    out = capsys.readouterr().out
    assert "Decisions   1 deny" in out
    assert f"CONNECT {ONE}.test:443" in out
    assert main(["audit", "report", ONE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["decisions"] == {"deny": 1}


def test_the_report_suggests_rules(audit: AuditDirectory, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for session in (THREE, FOUR):
        private_directory(audit.log(session).parent)
        with AuditLog.open(audit.log(session), session, notary=audit.notary()) as log:
            log.append("session.start", "x", data={"info": {"workspace": str(tmp_path)}})
            for page in range(2):
                action = HttpRequest(host="docs.example.org", port=443, method="GET", path=f"/a/{page}")
                data = {"action": msgspec.to_builtins(action), "rule": "approved (unlisted-host)", "digest": "00"}
                log.append("request", f"GET docs.example.org/a/{page}", decision=Decision.ALLOW, data=data)
    assert main(["audit", "report", THREE]) == 0
    out = capsys.readouterr().out
    assert "# saves 2 questions\n[[rule]]\n" in out
    assert 'path = "/a/**"\nthen = "allow"\n' in out
    assert main(["audit", "report", "--all", "--json"]) == 0
    (suggestion,) = json.loads(capsys.readouterr().out)["suggestions"]
    assert suggestion["saves"] == 4
    (tmp_path / "policy.toml").write_text("rule = 1")
    assert main(["audit", "report", THREE]) == 1
    assert "No rules can be suggested" in capsys.readouterr().err


def test_retention(audit: AuditDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "retention"]) == 0
    assert "No limit is set" in capsys.readouterr().out
    (tmp_path / "config.toml").write_text('[retention]\nmax_size = "1KiB"\n')
    assert main(["audit", "retention", "--dry-run"]) == 0
    assert capsys.readouterr().out.count("would go") == 2
    assert audit.sessions() == [ONE, TWO]
    assert main(["audit", "retention"]) == 0
    assert capsys.readouterr().out.count("removed") == 2
    assert audit.sessions() == []
    assert main(["audit", "verify"]) == 0


def test_redact_shows_what_would_be_stored(
    audit: AuditDirectory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text('[redaction]\noff = ["ssn"]\nextra = { ticket = "T-[0-9]+" }\n')
    monkeypatch.setattr("sys.stdin", io.StringIO("123-45-6789 T-77 ghp_" + "a" * 36 + " 1790000000123\n"))
    assert main(["audit", "redact"]) == 0
    assert capsys.readouterr().out == "123-45-6789 [redacted ticket] [redacted github] 1790000000123\n"
    (tmp_path / "config.toml").write_text('[redaction]\nextra = { ticket = "T-[0-9" }\n')
    assert main(["audit", "redact"]) == 1
    assert "config.toml, line 2" in capsys.readouterr().err


def test_the_index_is_built_anew(audit: AuditDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "index"]) == 0
    assert capsys.readouterr().out.startswith("6 records indexed")


def test_without_any_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path / "none"))
    assert main(["audit", "tail"]) == 1
    assert "There is no audit log yet." in capsys.readouterr().err
    assert main(["audit", "verify"]) == 0
    assert main(["audit", "verify", "abc"]) == 1
    assert main(["audit", "search", "x"]) == 1
