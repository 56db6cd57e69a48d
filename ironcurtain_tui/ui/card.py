"""A card as lines of a given width: all of it, neutralised, wrapped, nothing cut.

What the agent wrote always stands right of a bar, which no text of its own can draw in that column: ``│`` starts a
line of the original, ``┊`` goes on with one that was too long. Headings and remarks of ours have no bar.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from ironcurtain_tui.control.messages import AlwaysPreview
from ironcurtain_tui.events import CardField, Escalation, FieldKind
from ironcurtain_tui.ui.figures import clock
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.tone import Tone

NARROWEST = 8
"""Cells in which text is still wrapped; nothing is ever narrower."""
ONE_LINE = 2
"""Lines of a part that has a heading and one line: these stand together, without blank lines between them."""
SHORT_DIGEST = 12
"""Characters by which a person compares two digests."""

UNREADABLE = (
    "UNINSPECTABLE: these bytes cannot be read as text, so nobody can say what they mean. "
    "Approve only if you know where they come from and trust where they go."
)
RISK = "RISKY: this destroys something, or sends something out of this machine."
KINDS = {
    "tool": "tool call",
    "request": "web request",
    "tunnel": "tunnel to a host",
    "package": "package",
    "unseen": "something at the provider",
    "budget": "budget of the models",
    "log": "size of the audit log",
}


class CardLine(NamedTuple):
    """One line: pieces of text that are safe to draw, each with its tone."""

    pieces: tuple[tuple[str, Tone], ...] = ()

    @property
    def text(self) -> str:
        """The line without its tones."""
        return "".join(text for text, _ in self.pieces)


def escalation_lines(escalation: Escalation, width: int) -> list[CardLine]:
    """The whole card of a held action in ``width`` cells."""
    card = escalation.card
    lines = [
        *_wrapped(neutralise(card.title), width, Tone.STRONG),
        CardLine(),
    ]
    if card.risky:
        lines += _said(f"▲ {RISK}", width, Tone.WARN)
    lines += [
        *_labelled("asked by", f"{neutralise(card.asker)} ({KINDS.get(card.kind, neutralise(card.kind))})", width),
        *_labelled("because", neutralise(card.reason), width),
        *_labelled("rule", neutralise(card.rule), width),
    ]
    apart = True
    for field in card.fields:
        part = [*_field(field, width)]
        long = len(part) > ONE_LINE
        lines += [CardLine(), *part] if apart or long else part
        apart = long
    return [
        *lines,
        CardLine(),
        *_labelled("raised", clock(escalation.raised), width),
        *_labelled("digest", f"{short_digest(card.digest)}  (SHA-256 {neutralise(card.digest)})", width),
    ]


def several_lines(escalations: Sequence[Escalation], width: int) -> list[CardLine]:
    """Several whole cards, one below the other."""
    lines: list[CardLine] = []
    for number, escalation in enumerate(escalations, 1):
        head = f"━━ {number} of {len(escalations)} "
        lines += [
            CardLine(((head + "━" * max(0, width - cell_len(head)), Tone.ACCENT),)),
            *escalation_lines(escalation, width),
            CardLine(),
        ]
    return lines


def rule_lines(escalation: Escalation, preview: AlwaysPreview, width: int) -> list[CardLine]:
    """The rule that "always" would write, and what it would have changed."""
    return [
        *_said("Always: this rule would be added to your policy, for all sessions to come", width, Tone.STRONG),
        CardLine(),
        *_labelled("for", neutralise(escalation.card.title), width),
        *_labelled("digest", short_digest(escalation.card.digest), width),
        CardLine(),
        *_text(preview.rule.rstrip("\n"), width),
        CardLine(),
        *_said("What it would have changed over past sessions", width, Tone.STRONG),
        *(line for effect in preview.effects for line in _text(effect, width)),
    ]


def short_digest(digest: str) -> str:
    """The start of a digest, in groups of four."""
    start = neutralise(digest[:SHORT_DIGEST])
    return " ".join(start[at : at + 4] for at in range(0, len(start), 4))


def byte_size(field: CardField) -> int:
    """Bytes of a field's original."""
    return field.size or len(field.value.encode("utf-8", "surrogatepass"))


def _field(field: CardField, width: int) -> Iterable[CardLine]:
    rows = field.value.count("\n") + 1
    label, size = neutralise(field.label), f"{byte_size(field):,} bytes"
    if rows > 1:
        label += f"  ({size}, {rows:,} lines)"
    elif field.value.strip() != field.value or not field.value or field.kind is FieldKind.UNINSPECTABLE:
        label += f"  ({size})"  # blanks at an end cannot be seen
    yield from _wrapped(label, width, Tone.ACCENT)
    if field.kind is FieldKind.UNINSPECTABLE:
        yield from _said(f"✗ {UNREADABLE}", width, Tone.BAD)
    yield from _text(field.value, width, field.kind)


def _text(value: str, width: int, kind: FieldKind = FieldKind.TEXT) -> Iterable[CardLine]:
    room = max(NARROWEST, width - 2)
    for line in value.split("\n"):
        tone = _diff_tone(line) if kind is FieldKind.DIFF else Tone.PLAIN
        for index, part in enumerate(_chunks(neutralise(line), room)):
            yield CardLine((("┊ " if index else "│ ", Tone.QUIET), (part, tone)))


def _diff_tone(line: str) -> Tone:
    if line.startswith("@@"):
        return Tone.ACCENT
    return {"+": Tone.GOOD, "-": Tone.BAD, "\\": Tone.QUIET}.get(line[:1], Tone.PLAIN)


def _labelled(label: str, value: str, width: int) -> Iterable[CardLine]:
    head = f"{label:>8}  "
    for index, part in enumerate(_chunks(value, max(NARROWEST, width - len(head)))):
        yield CardLine(((" " * len(head) if index else head, Tone.QUIET), (part, Tone.PLAIN)))


def _wrapped(text: str, width: int, tone: Tone) -> Iterable[CardLine]:
    for part in _chunks(text, max(NARROWEST, width)):
        yield CardLine(((part, tone),))


def _said(text: str, width: int, tone: Tone) -> Iterable[CardLine]:
    """A sentence of ours, broken between words."""
    line = ""
    for word in text.split():
        if line and cell_len(f"{line} {word}") > max(NARROWEST, width):
            yield CardLine(((line, tone),))
            line = word
        else:
            line = f"{line} {word}".strip()
    yield CardLine(((line, tone),))


def _chunks(text: str, cells: int) -> Iterable[str]:
    """``text`` in pieces of at most ``cells`` cells; one empty piece for no text."""
    if text.isascii():  # a character is a cell
        yield from (text[at : at + cells] for at in range(0, max(1, len(text)), cells))
        return
    start = used = 0
    for at, char in enumerate(text):
        wide = cell_len(char)
        if used + wide > cells:
            yield text[start:at]
            start, used = at, 0
        used += wide
    yield text[start:]
