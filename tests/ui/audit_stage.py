"""An installation with audit logs of fixed content, written with the product's own chain, key and ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ironcurtain_tui.audit.chain import Entry, Head, link, start
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.index import AuditIndex
from ironcurtain_tui.audit.ledger import LedgerEvent
from ironcurtain_tui.audit.log import CHECKPOINT
from ironcurtain_tui.audit.signature import KEY_FILE
from ironcurtain_tui.events import Decision
from ironcurtain_tui.paths import private_directory
from ironcurtain_tui.private_files import write_private
from ironcurtain_tui.ui.archive import ArchiveApp
from ironcurtain_tui.ui.screens.audit_browser import AuditBrowser

from .on_screen import OnScreen
from .scripted_session import NOON

FIRST, SECOND = "0123456789ab", "fedcba987654"


def installation(root: Path) -> AuditDirectory:
    """An empty one, whose key is always the same."""
    directory = AuditDirectory(root)
    private_directory(directory.path)
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(directory.path / KEY_FILE, key.private_bytes(*form))
    return directory


def entry(at: float, kind: str, summary: str, decision: Decision | None = None, **data: object) -> Entry:
    """A record ``at`` seconds after noon."""
    us = round((NOON + at) * 1e6)
    return Entry(time_us=us, mono_us=us - 10**12, kind=kind, summary=summary, decision=decision, data=data)


def request(at: float, host: str, decision: Decision, path: str = "/v1/messages", reason: str = "") -> Entry:
    action = {"action": "http", "host": host, "port": 443, "method": "POST", "path": path, "query": ""}
    return entry(at, "request", f"POST {host}{path}", decision, action=action, reason=reason, rule="hosts")


def tool(at: float, server: str, name: str, decision: Decision, **arguments: object) -> Entry:
    action = {"action": "tool", "server": server, "tool": name, "arguments": arguments}
    return entry(at, "tool", f"{server}.{name}", decision, action=action, reason="", rule="workspace")


def append(directory: AuditDirectory, session: str, entries: Iterable[Entry], head: Head | None = None) -> Head:
    """Append records to a session's log, unsigned."""
    path = directory.log(session)
    path.parent.mkdir(parents=True, exist_ok=True)
    head = head or start(session)
    with path.open("ab") as file:
        for one in entries:
            line, head = link(head, one)
            file.write(line)
    return head


def write(directory: AuditDirectory, session: str, entries: Iterable[Entry], signed_at: float) -> Head:
    """A whole log with a checkpoint at its end, known to the ledger."""
    notary = directory.notary()
    notary.enter(LedgerEvent.OPENED, start(session))
    head = append(directory, session, entries)
    statement = notary.statement(head)
    checkpoint = entry(signed_at, CHECKPOINT, f"all records up to {head.seq} are signed", **statement)
    head = append(directory, session, [checkpoint], head)
    notary.enter(LedgerEvent.CHECKPOINT, head)
    return head


def two_sessions(root: Path) -> AuditDirectory:
    """One of the morning with forty records, one of now."""
    directory = installation(root)
    hosts = ("api.anthropic.com", "github.com", "telemetry.example.com", "pkg.test")
    decisions = (Decision.ALLOW, Decision.ESCALATE, Decision.DENY, Decision.ALLOW)
    morning = [entry(-7200, "session.start", "Claude Code on /home/dev/shop", info={"agent": "claude-code"})]
    for number in range(36):
        turn = number % 4
        reason = "not on the list of hosts" if turn == 2 else ""
        morning.append(request(-7100 + 60 * number, hosts[turn], decisions[turn], f"/v1/{number}", reason))
    morning.append(entry(-4000, "session.end", "ended by its user"))
    write(directory, FIRST, morning, -3999)
    now = [
        entry(-300, "session.start", "Claude Code on /home/dev/shop", info={"agent": "claude-code"}),
        entry(-298, "self-test", "both doors answer, nothing else does"),
        tool(-200, "filesystem", "read_file", Decision.ALLOW, path="/workspace/tests/test_login.py"),
        tool(-180, "git", "git_push", Decision.ESCALATE, remote="origin", branch="main"),
        entry(-170, "escalation.approved", "git.git_push: approved once", Decision.ALLOW),
        request(-100, "telemetry.example.com", Decision.DENY, "/collect", "not on the list of hosts"),
    ]
    write(directory, SECOND, now, -70)
    return directory


class Browsing(OnScreen[ArchiveApp]):
    """The archive app."""

    @property
    def browser(self) -> AuditBrowser:
        (browser,) = (screen for screen in self.app.screen_stack if isinstance(screen, AuditBrowser))
        return browser

    async def settled(self) -> None:
        """Until all that is listed is searched, read, verified and drawn."""
        browser = self.browser
        await self.until(lambda: browser._found and not browser._searching and not browser._stale)
        await self.until(lambda: len(browser._proofs) == len(browser._directory.sessions()))
        await self.until(lambda: "…\n" not in self.text and "searching" not in self.text)
        hit = browser._list.selected
        await self.until(lambda: hit is None or hit.id in browser._checkpoints or self.app.size.width < 110)
        await self.caught_up()


@asynccontextmanager
async def browsing(
    directory: AuditDirectory, size: tuple[int, int] = (120, 40), text: str = ""
) -> AsyncIterator[Browsing]:
    with AuditIndex(directory) as index:
        index.refresh()
    app = ArchiveApp(directory, text, now=lambda: NOON)
    async with app.run_test(size=size, notifications=True) as pilot:
        it = Browsing(app, pilot)
        await it.until(lambda: isinstance(app.screen, AuditBrowser))
        yield it
