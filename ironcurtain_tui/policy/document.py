"""Policy and annotation files: reading them with errors that name file, line and rule; writing rules to them."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import msgspec

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.policy.annotations import ServerAnnotations
from ironcurtain_tui.policy.rules import PolicyDocument, Rule, ToolRule, with_lists

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"'-]+)\s*=")
HELP = "`ironcurtain-tui policy check` reads it again; default.toml in the package shows every setting."


def parse_policy(text: str, source: str) -> PolicyDocument:
    """The document in ``text``. UserFacingError names ``source``, the line and the rule of whatever is wrong."""
    document = _parse(text, source, PolicyDocument)
    names: set[str] = set()
    for number, rule in enumerate(document.rule):
        problem = ""
        if rule.name in names:
            problem = "another rule has this name already"
        names.add(rule.name)
        try:
            msgspec.convert(msgspec.to_builtins(with_lists(rule, document.lists)), type(rule))
        except (LookupError, ValueError) as error:
            problem = str(error.args[0])
        if problem:
            raise _error(text, source, f"$.rule[{number}].name", problem, rule.name)
    return document


def parse_annotations(text: str, source: str) -> ServerAnnotations:
    """The table in ``text``; errors as ``parse_policy``."""
    return _parse(text, source, ServerAnnotations)


def render_rule(rule: Rule) -> str:
    """``rule`` as it stands in a policy file, with a final line break."""
    fields: dict[str, object] = {"name": rule.name, "on": "tool" if isinstance(rule, ToolRule) else "request"}
    values: dict[str, object] = msgspec.to_builtins(rule)
    empty: tuple[object, ...] = ("", (), [], {})
    fields |= {
        key: value for key, value in values.items() if key not in {*fields, "then", "reason"} and value not in empty
    }
    fields |= {key: values[key] for key in ("then", "reason") if values[key]}
    return "[[rule]]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in fields.items())


def render_annotations(table: ServerAnnotations, comment: str = "") -> str:
    """A table as a file."""
    parts = [f"# {comment}"] if comment else []
    parts += [] if table.local is None else [f"local = {toml(table.local)}"]
    parts += ["", "[tools]"]
    for name, tool in table.tools.items():
        plain = msgspec.to_builtins(tool)
        parts.append(f"{toml(name)} = {toml({key: value for key, value in plain.items() if value})}")
    return "\n".join(parts).lstrip("\n") + "\n"


def toml(value: object) -> str:
    """A value as TOML writes it on one line, with everything that does not print escaped."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            return f'"{"".join(map(_character, value))}"'
        case list() | tuple():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return f"{{ {', '.join(f'{_key(str(key))} = {toml(each)}' for key, each in value.items())} }}"
        case _:
            raise TypeError(f"{type(value).__name__} has no form in TOML")


class PolicyFile:
    """The user's policy file, to which rules are added."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> str:
        """The text of the file; empty when there is none. UserFacingError when it cannot be read."""
        return read_text(self.path) or ""

    def with_rule(self, rule: Rule, before: str = "") -> str:
        """The text with ``rule`` ahead of the rule called ``before`` (at the end when there is none of that name).

        A rule that shall lift an escalation must stand before the rule that escalates, and behind all others, so
        that what those forbid stays forbidden. The name gets a number when it is taken. UserFacingError when the
        file is broken already.
        """
        text = self.read()
        document = parse_policy(text, str(self.path))
        names = [each.name for each in document.rule]
        rule = msgspec.structs.replace(rule, name=_free_name(rule.name, names))
        place = names.index(before) if before in names else len(names)
        lines = text.splitlines(keepends=True)
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        row = _above_comment(lines, _rule_rows(text)[place]) if place < len(names) else len(lines)
        spaced = ["\n"] if row and lines[row - 1].strip() else []
        changed = "".join(
            [*lines[:row], *spaced, render_rule(rule), *(["\n"] if row < len(lines) else []), *lines[row:]]
        )
        wanted = (*document.rule[:place], rule, *document.rule[place:])
        if parse_policy(changed, str(self.path)) != msgspec.structs.replace(document, rule=wanted):
            raise UserFacingError(
                f"The rule could not be added to {self.path}: the file would not read as meant.", "Add it by hand."
            )
        return changed

    def add(self, rule: Rule, before: str = "") -> None:
        """Write ``with_rule`` to the file, at once or not at all. UserFacingError when that fails."""
        write_text(self.path, self.with_rule(rule, before))


def read_text(path: Path) -> str | None:
    """The text of a file that steers the policy; None when there is none.

    UserFacingError when it cannot be read, or when everybody may write to it.
    """
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & 0o002:
                raise UserFacingError(f"Every user may write to {path}.", f"Run `chmod o-w {path}`.")
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UserFacingError(f"Cannot read {path}: {error}.", "Fix or remove the file.") from error


def write_text(path: Path, text: str) -> None:
    """Replace a file of ours (0600) at once or not at all; UserFacingError when that fails."""
    path = Path(os.path.realpath(path))
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UserFacingError(f"Cannot write {path}: {error.strerror or error}.", "Free space or fix it.") from error


def _parse[Kind: (PolicyDocument, ServerAnnotations)](text: str, source: str, kind: type[Kind]) -> Kind:
    try:
        return msgspec.convert(tomllib.loads(text), kind)
    except tomllib.TOMLDecodeError as error:
        raise UserFacingError(f"{source} is not valid TOML: {error}.", "Correct that line.") from error
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `")
        raise _error(text, source, place.rstrip("`") or "$", problem) from error


def _error(text: str, source: str, place: str, problem: str, rule: str = "") -> UserFacingError:
    """What msgspec says of ``place`` (``$.rule[2].where``), with the line it is written in."""
    keys = re.findall(r"[^.\[\]]+|\.\.\.", place[place.index("$") + 1 :])
    unknown = re.search(r"unknown field `(.+)`", problem)
    keys += [unknown[1]] if unknown else []
    first, last = 0, len(text.splitlines())
    index = next((int(key) for key in keys if key.isdigit()), None)
    if keys[:1] == ["rule"] and index is not None:
        rows = [*_rule_rows(text), last]
        first, last = rows[index], rows[index + 1]
        rule = rule or _name_in(text, index)
        keys = keys[2:]
    names = [key for key in keys if not key.isdigit() and key != "..."]
    if not names and (mentioned := re.match(r"([a-z_]+) must", problem)):
        names = [mentioned[1]]
    line = _find(text, first, last, names)
    if quoted := re.search(r"'([^']+)'", problem):
        written = text.splitlines()[:last]
        line = next((row + 1 for row in range(line - 1, last) if quoted[1] in written[row]), line)
    where = f"{source}, line {line}" if line else source
    what = f"rule `{rule}`: " if rule else ""
    return UserFacingError(f"{where}: {what}{_plain(problem, names)}.", HELP)


def _plain(problem: str, names: list[str]) -> str:
    problem = problem.replace("Object contains unknown field", "unknown setting")
    problem = problem.replace("Object missing required field", "missing")
    return f"{names[-1]}: {problem}" if names and names[-1] not in problem else problem


def _find(text: str, first: int, last: int, names: list[str]) -> int:
    """The line (from 1) in rows ``first`` to ``last`` where the last of ``names`` that is found there is written."""
    found = first + 1
    table: list[str] = []
    for row, line in enumerate(text.splitlines()[first:last], first):
        if header := _HEADER.fullmatch(line):
            written = [part.strip("\"' ") for part in header[2].split(".")]
            table = written[1:] if written[:1] == ["rule"] else written
        elif key := _KEY.match(line):
            written = [*table, *(part.strip("\"'") for part in key[1].split("."))]
        else:
            continue
        if names and written[: len(names)] == names[: len(written)]:
            found = row + 1
            if len(written) >= len(names):
                break
    return found


def _rule_rows(text: str) -> list[int]:
    """Rows (from 0) of the ``[[rule]]`` headers."""
    headers = ((row, _HEADER.fullmatch(line)) for row, line in enumerate(text.splitlines()))
    return [row for row, header in headers if header and header[1] == "[[" and header[2] == "rule"]


def _name_in(text: str, index: int) -> str:
    rules = tomllib.loads(text).get("rule", [])
    name = rules[index].get("name", "") if isinstance(rules[index], dict) else ""
    return name if isinstance(name, str) else ""


def _above_comment(lines: list[str], row: int) -> int:
    """The first row of the comment that stands right above ``row``; ``row`` when there is none."""
    while row and lines[row - 1].lstrip().startswith("#"):
        row -= 1
    return row


def _free_name(name: str, taken: list[str]) -> str:
    candidates = (name, *(f"{name} ({number})" for number in range(2, len(taken) + 3)))
    return next(each for each in candidates if each not in taken)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml(key)


def _character(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04X}" if code < 1 << 16 else f"\\U{code:08X}"
