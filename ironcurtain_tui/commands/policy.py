"""``ironcurtain-tui policy``: check the files, try an action on them, take over the original's."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from ironcurtain_tui import paths
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import Action, HttpRequest, ToolCall, Tunnel
from ironcurtain_tui.policy.decide import Explanation, Policy
from ironcurtain_tui.policy.document import parse_annotations, parse_policy, write_text
from ironcurtain_tui.policy.imported import ANNOTATIONS, LISTS, POLICY, convert
from ironcurtain_tui.policy.load import DEFAULT, USER_ANNOTATIONS, USER_FILE, load_annotations, load_policy
from ironcurtain_tui.providers import PROVIDERS

EXAMPLES = "such as 'git.git_push path=. remote=origin', 'GET https://example.org/' or 'CONNECT example.org:443'"
MARKS = {Decision.ALLOW: "✓", Decision.ANSWER: "✓", Decision.ESCALATE: "?", Decision.DENY: "✗"}


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Carry out the command: what to print, and the exit code (0 fine or allowed, 1 denied, 3 a person is asked)."""
    match options.policy_command:
        case "check":
            return _check(options.file), 0
        case "import":
            return _import(options.directory, replace=options.replace), 0
        case kind:
            return _try(options, steps=kind == "explain")


def parse_action(text: str) -> Action:
    """The action that ``text`` spells, on one line or as JSON. UserFacingError when it spells none."""
    try:
        if text.lstrip().startswith("{"):
            action: Action = msgspec.json.decode(text, type=Action)
            return action
        first, *rest = shlex.split(text)
        if first == "CONNECT":
            host, _, port = rest[0].rpartition(":")
            return Tunnel(host=host, port=int(port))
        if rest and re.fullmatch(r"[A-Z]+", first):
            return _request(first, rest[0], dict(each.split("=", 1) for each in rest[1:]))
        server, _, tool = first.replace("__", ".", 1).partition(".")
        if server and tool:
            return ToolCall(server=server, tool=tool, arguments={key: _value(value) for key, value in map(_pair, rest)})
    except (ValueError, IndexError, msgspec.DecodeError) as error:
        raise UserFacingError(f"This is no action: {text!r} ({error}).", f"Write it {EXAMPLES}.") from error
    raise UserFacingError(f"This is no action: {text!r}.", f"Write it {EXAMPLES}.")


def _request(method: str, url: str, more: dict[str, str]) -> HttpRequest:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("only https is spoken")
    size = more.get("content_length")
    return HttpRequest(
        host=parts.hostname,
        port=parts.port or 443,
        method=method,
        path=parts.path or "/",
        query=parts.query,
        content_type=more.get("content_type", ""),
        content_length=int(size) if size else 0,
    )


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} is not written argument=value")
    return key, value


def _value(text: str) -> object:
    if text[:1] in ("[", "{", '"') or text in ("true", "false", "null"):
        return json.loads(text)
    return text


def _check(file: Path | None) -> str:
    path = file or paths.home() / USER_FILE
    if file is not None and not file.exists():
        raise UserFacingError(f"There is no file {file}.")
    policy = _load(path, Path())
    tables = load_annotations(paths.home() / USER_ANNOTATIONS)
    tools = sum(len(table.tools) for table in tables.values())
    lines = [f"✓ {path}" if path.exists() else f"✓ {path} does not exist; the program's own rules hold"]
    lines += [f"  {placed.rule.then.value:<9}{placed.label}" for placed in policy.rules]
    lines.append(f"  {len(policy.rules)} rules; {tools} tools of {len(tables)} servers: {', '.join(sorted(tables))}")
    lines.append(f"  Every setting by example: {DEFAULT}")
    return "\n".join(lines)


def _try(options: argparse.Namespace, *, steps: bool) -> tuple[str, int]:
    action = parse_action(options.action)
    policy = _load(options.file or paths.home() / USER_FILE, options.workspace)
    explanation = policy.explain(action, attended=not options.unattended)
    verdict = explanation.verdict
    lines = _steps(explanation) if steps else []
    lines.append(f"{MARKS[verdict.decision]} {verdict.decision.value}, by {verdict.rule}")
    if verdict.reason:
        lines.append(f"  {verdict.reason}")
    codes = {Decision.DENY: 1, Decision.ESCALATE: 3}
    return _printable("\n".join(lines)), codes.get(verdict.decision, 0)


def _steps(explanation: Explanation) -> list[str]:
    lines = []
    for number, step in enumerate(explanation.steps, 1):
        lines.append(f"{number}. {step.subject}")
        lines += [f"     does not fit: {rule}" for rule in step.passed]
        lines.append(f"   {MARKS[step.verdict.decision]} {step.verdict.decision.value}, by {step.verdict.rule}")
        if step.verdict.reason:
            lines.append(f"     {step.verdict.reason}")
    if len(explanation.steps) > 1:
        lines.append("The most restrictive of these decides:")
    return lines


def _import(directory: Path, *, replace: bool) -> str:
    files = {name: path.read_bytes() for name in (POLICY, LISTS, ANNOTATIONS) if (path := directory / name).is_file()}
    if not files:
        raise UserFacingError(
            f"There is neither {POLICY} nor {ANNOTATIONS} in {directory}.",
            "Give the directory they lie in, normally ~/.ironcurtain/generated.",
        )
    target, tables = paths.home() / USER_FILE, paths.home() / USER_ANNOTATIONS
    imported = convert(files, load_annotations(tables))
    written = {tables / f"{server}.toml": text for server, text in imported.annotations.items()}
    for path, text in written.items():
        parse_annotations(text, str(path))
    if imported.policy:
        parse_policy(imported.policy, str(target))
        written[target] = imported.policy
    present = [path for path in written if path.exists()]
    if present and not replace:
        raise UserFacingError(f"{present[0]} is there already.", "Add --replace; the old file is kept beside it.")
    for path in present:
        path.replace(path.with_name(f"{path.name}.before-import"))
    for path, text in written.items():
        write_text(path, text)
    lines = [f"✓ wrote {path}" for path in written]
    lines += [f"! {note}" for note in imported.notes]
    return _printable("\n".join(lines or ["Nothing could be taken over."]))


def _load(path: Path, workspace: Path) -> Policy:
    hosts = [rules for provider in PROVIDERS.values() for rules in provider.rules()]
    return load_policy({"user": path}, hosts, workspace, paths.home())


def _printable(text: str) -> str:
    """``text`` with everything escaped that does not print: parts of it were written by others."""
    return "".join(
        each if each.isprintable() or each == "\n" else each.encode("unicode_escape").decode() for each in text
    )
