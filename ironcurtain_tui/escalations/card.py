"""Draws the card of a held action from what was parsed. Pure: what must be looked up comes in as Evidence.

Nothing is left out: what cannot be shown as text is named for what it is, with its size and digest.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping

import msgspec

from ironcurtain_tui.escalations import digest
from ironcurtain_tui.escalations.held_request import HeldRequest
from ironcurtain_tui.events import Card, CardField, FieldKind, ModelSpending, Spending, Value
from ironcurtain_tui.policy.action import HttpRequest, ToolCall, Verdict
from ironcurtain_tui.policy.budget import Limit
from ironcurtain_tui.policy.roles import Role

LONGEST = 256 << 10
"""Characters of one field that anybody would read; longer ones are shown as what they are, not what they say."""
KEPT = 2_000
"""Characters of a field that the history keeps once the action is decided."""
TITLE = 200
SHORT = 80
"""Characters from which an argument is not in the title."""
MEANINGS = {
    Role.READ_PATH: "is read",
    Role.WRITE_PATH: "is written",
    Role.DELETE_PATH: "is deleted",
    Role.WRITE_HISTORY: "its git history is changed",
    Role.DELETE_HISTORY: "its git references are deleted",
    Role.FETCH_URL: "is fetched",
    Role.GIT_REMOTE_URL: "git remote",
    Role.PROXY_DOMAIN: "host to be opened",
    Role.SHARE_PERMISSION: "who may do what",
}
"""What an argument is, for a person; of the other roles the name of the argument says enough."""
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class FileChange(Value, frozen=True):
    """A file as it is and as it would be. ``None`` for one that is not there, or would be removed."""

    path: str
    before: str | None
    after: str | None


class Lead(Value, frozen=True):
    """What an argument is to the policy, and what it leads to: a real path, a host, a repository."""

    argument: str
    role: Role
    subject: str


class Evidence(Value, frozen=True):
    """What the host knows of a call beyond its arguments."""

    leads: tuple[Lead, ...] = ()
    harmless: bool = False
    """Whether it only looks at things on this machine."""
    changes: tuple[FileChange, ...] = ()
    commits: str = ""
    """For a push: what would go, one commit a line."""
    notes: tuple[tuple[str, str], ...] = ()
    """Label and text: whatever could not be found out, and why."""


def of_call(call: ToolCall, verdict: Verdict, evidence: Evidence, *, asker: str) -> Card:
    """The card of a tool call: what would change first, then where its arguments lead, and every one whole."""
    roles = {lead.argument: lead.role for lead in evidence.leads}
    elsewhere = [lead for lead in evidence.leads if lead.subject != call.arguments.get(lead.argument)]
    fields = [
        *(_change(change) for change in evidence.changes),
        *([_text("Commits that would go", evidence.commits, FieldKind.CODE)] if evidence.commits else []),
        *(_text(f"{lead.argument}{_meaning(lead.role)} leads to", lead.subject) for lead in elsewhere),
        *(_text(label, note) for label, note in evidence.notes),
        *(_argument(f"{name}{_meaning(roles.get(name))}", value) for name, value in call.arguments.items()),
    ]
    return Card(
        kind="tool",
        title=_title(f"{call.server}.{call.tool}", _gist(call.arguments, roles)),
        asker=asker,
        reason=verdict.reason,
        rule=verdict.rule,
        fields=tuple(fields),
        digest=digest.of_call(call.server, call.tool, call.arguments),
        risky=not evidence.harmless,
    )


def of_request(request: HeldRequest, verdict: Verdict, *, asker: str) -> Card:
    """The card of a web request: address, headers and body as they would be sent. A package's says so first."""
    asked = request.action
    package = asked.package
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers)
    stripped = "\n".join(f"{name}: taken out, it carried a credential" for name in request.stripped)
    fields = [
        *([_text("Package", package.title), _text("File", package.file)] if package else []),
        *([_text("Newest version that is allowed", package.alternative)] if package and package.alternative else []),
        _text("Method", asked.method),
        _text("URL", request.url),
        _text("Headers", headers, FieldKind.CODE),
        *([_text("Headers taken out", stripped)] if stripped else []),
        *([_body(request)] if request.body else []),
    ]
    return Card(
        kind="package" if package else "request",
        title=_title("install", package.title) if package else _title(asked.method, request.url),
        asker=asker,
        reason=verdict.reason,
        rule=verdict.rule,
        fields=tuple(fields),
        digest=digest.of_request(request),
        risky=asked.method not in _SAFE_METHODS,
    )


def of_unseen(call: HttpRequest, provider: str, what: str, *, asker: str) -> Card:
    """The card of something that the provider of a model would do, or keep, where nobody here sees it."""
    fields = (
        _text("Provider", f"{provider} ({call.host})"),
        _text("What", what),
        _text("If approved", "It is sent with this model call and every later one, until the grant is taken back."),
        _text("If denied", "It is taken out of model calls for the rest of this session; where that cannot be done"
              " the call is refused."),
    )  # fmt: skip
    return Card(
        kind="unseen",
        title=_title(provider, what),
        asker=asker,
        reason="It acts at the provider, so neither its requests nor what it reads and sends can be seen from here.",
        rule="server_tools",
        fields=fields,
        digest=digest.of_unseen(call.host, what),
        risky=True,
    )


def of_budget(limit: Limit, stand: str, spending: Spending, *, asker: str) -> Card:
    """The card of a budget that is used up. ``stand``: how much of it."""
    more = limit.amount(limit.step)
    return Card(
        kind="budget",
        title=_title("budget used up:", stand),
        asker=asker,
        reason="The next model call waits. What is used was counted from the providers' own answers.",
        rule="budget",
        fields=(
            _text("Used", stand),
            _text("If approved", f"It goes on with another {more}."),
            _text("If denied", "This call is refused. The next one asks again."),
            *_spent("Models in this session", spending.session),
            *(_spent("Models today", spending.today) if spending.today != spending.session else []),
        ),
        digest=digest.of_budget(limit.span, limit.unit, limit.most),
    )


def of_full_log(size: int, most: str, step: str, *, asker: str) -> Card:
    """The card of an audit log that has the size it may have, ``most``. ``step``: by how much more it may grow then."""
    return Card(
        kind="log",
        title=_title("audit log full:", f"{most} in this session"),
        asker=asker,
        reason="Every request and call is recorded, and an agent that asks all the time could fill the disk.",
        rule="log-size",
        fields=(
            _text("Bytes", f"{size:,}"),
            _text("If approved", f"It goes on until the log has another {step}."),
            _text("If denied", "This request is refused. The next one asks again."),
            _text("Look first", "F4 shows what is asked so often; prefix x stops the session."),
        ),
        digest=digest.of_full_log(size),
    )


def remembered(card: Card) -> Card:
    """``card`` as the history keeps it: fields that were long are replaced by what they were."""
    return msgspec.structs.replace(
        card,
        fields=tuple(
            each
            if len(each.value) <= KEPT
            else msgspec.structs.replace(each, value=_named(each.value.encode("utf-8", "replace")), kind=FieldKind.TEXT)
            for each in card.fields
        ),
    )


def weight(card: Card) -> int:
    """About how many characters ``card`` has."""
    return len(card.title) + len(card.reason) + sum(len(each.value) + len(each.label) for each in card.fields)


def _spent(label: str, spent: tuple[ModelSpending, ...]) -> list[CardField]:
    lines = []
    for each in spent:
        price = f", ${each.usd:,.2f}" if each.usd else ""
        lines.append(f"{each.model}: {each.requests:,} requests, {each.tokens:,} tokens{price}")
    return [_text(label, "\n".join(lines))] if lines else []


def _meaning(role: Role | None) -> str:
    return f" ({MEANINGS[role]})" if role in MEANINGS else ""


def _argument(name: str, value: object) -> CardField:
    if isinstance(value, str):
        return _text(name, value, FieldKind.CODE if "\n" in value else FieldKind.TEXT)
    return _text(name, json.dumps(value, ensure_ascii=False, indent=2), FieldKind.CODE)


def _change(change: FileChange) -> CardField:
    before = (change.before or "").splitlines(keepends=True)
    after = (change.after or "").splitlines(keepends=True)
    lines = difflib.unified_diff(
        before,
        after,
        "/dev/null" if change.before is None else change.path,
        "/dev/null" if change.after is None else change.path,
    )
    text = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return _text(f"Change to {change.path}", text or "no change", FieldKind.DIFF if text else FieldKind.TEXT)


def _body(request: HeldRequest) -> CardField:
    body, kind = request.body, request.header("content-type")
    label = f"Body ({kind})" if kind else "Body"
    coding = request.header("content-encoding").strip().lower()
    if coding not in ("", "identity"):
        return _uninspectable(label, body, f"encoded as {coding}")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return _uninspectable(label, body, "no text")
    if "\0" in text:
        return _uninspectable(label, body, "no text")
    return _text(label, text, FieldKind.CODE)


def _text(label: str, value: str, kind: FieldKind = FieldKind.TEXT) -> CardField:
    # A lone surrogate can be held by JSON's strings but not be sent to a viewer: show it as its escape.
    value = value.encode("utf-8", "backslashreplace").decode()
    size = len(value.encode())
    if len(value) > LONGEST:
        return _uninspectable(label, value.encode(), "too long to be read here")
    return CardField(label=_one_line(label), value=value, kind=kind, size=size)


def _uninspectable(label: str, data: bytes, why: str) -> CardField:
    return CardField(
        label=_one_line(label), value=f"{why}: {_named(data)}", kind=FieldKind.UNINSPECTABLE, size=len(data)
    )


def _named(data: bytes) -> str:
    return f"{len(data):,} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}"


def _gist(arguments: dict[str, object], roles: Mapping[str, Role]) -> str:
    """The short values, what is only read last: enough to tell two cards apart. Everything is in the fields.

    Of a commit the beginning; a switch by its name, where it is on.
    """
    short = []
    for name in sorted(arguments, key=lambda name: roles.get(name) is Role.READ_PATH):
        value = arguments[name]
        if isinstance(value, bool):
            short += [name] if value else []
        elif isinstance(value, str | int) and len(str(value)) < SHORT:
            short.append(str(value)[:12] if _COMMIT.fullmatch(str(value)) else str(value))
    return " ".join(short)


def _title(what: str, of: str) -> str:
    return _one_line(f"{what} {of}".rstrip())


def _one_line(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()
    line = " ".join(text.split())
    return line if len(line) <= TITLE else f"{line[:TITLE]}… (+{len(line) - TITLE})"
