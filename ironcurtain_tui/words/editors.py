"""The editors into which a person types, as far as keys alone tell what they do.

What each key does was measured on the real programs (benchmarks/words.py). A key whose effect cannot be known from
the keys (history, completion, undo, another editor) makes the text doubtful until it is sent or cleared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ironcurtain_tui.events import Confidence
from ironcurtain_tui.words.line import Line
from ironcurtain_tui.words.strokes import Stroke

Effect = Callable[[Line], object]

EMACS: Mapping[str, Effect] = {
    "left": Line.left,
    "ctrl+b": Line.left,
    "right": Line.right,
    "ctrl+f": Line.right,
    "home": Line.line_start,
    "ctrl+a": Line.line_start,
    "end": Line.line_end,
    "ctrl+e": Line.line_end,
    "alt+b": Line.word_left,
    "ctrl+left": Line.word_left,
    "alt+left": Line.word_left,
    "alt+f": Line.word_right,
    "ctrl+right": Line.word_right,
    "alt+right": Line.word_right,
    "backspace": Line.backspace,
    "ctrl+h": Line.backspace,
    "delete": Line.delete,
    "ctrl+d": Line.delete,
    "ctrl+k": Line.kill_to_end,
    "ctrl+u": Line.kill_to_start,
    "ctrl+w": Line.kill_blank_word_left,
    "alt+backspace": Line.kill_word_left,
    "alt+d": Line.kill_word_right,
    "ctrl+y": Line.yank,
    "alt+y": Line.yank_pop,
}
"""What all of them took over from the same ancestor."""

_BY_WORDS = (Line.word_left, Line.word_right, Line.kill_word_left, Line.kill_word_right)


@dataclass(frozen=True)
class Message:
    """What the person sent."""

    text: str
    time: float
    confidence: Confidence


class Editor:
    """Follows the keys of one terminal. This one knows no program in particular, so it is never certain."""

    best = Confidence.LIKELY
    """How much its results can be trusted when no key was doubtful."""
    keys: Mapping[str, Effect] = EMACS
    newlines = frozenset({"ctrl+j", "shift+enter", "alt+enter"})
    harmless = frozenset({"ctrl+l", "shift+tab", "pageup", "pagedown", "insert"})
    """Keys without an effect on the text."""
    margin = 0
    """Columns of the terminal that the text does not get; 0: rows are not told apart."""

    def __init__(self, columns: int = 0, *, whole: bool = True) -> None:
        """``columns`` of the terminal. Not ``whole``: keys went before these, so the first text is in doubt."""
        self.line = Line(max(0, columns - self.margin) if self.margin else 0)
        self._doubt = self.best if whole else Confidence.UNKNOWN

    def take(self, stroke: Stroke, now: float) -> Message | None:
        """One key or paste at ``now`` (seconds); what it sent, if it sent anything."""
        if stroke.text:
            self.write(stroke)
            return None
        return self.press(stroke.key, now)

    def write(self, stroke: Stroke) -> None:
        """Typed or pasted text."""
        self.line.insert(stroke.text)

    def press(self, key: str, now: float) -> Message | None:
        """A key that types nothing."""
        if key == "enter":
            return self.submit(now)
        if key == "ctrl+c":
            self.start_over()
        elif key in self.newlines:
            self.line.insert("\n")
        elif effect := self.keys.get(key):
            effect(self.line)
        elif key in ("up", "down", "ctrl+p", "ctrl+n"):
            self.step(up=key in ("up", "ctrl+p"))
        elif key == "tab":
            self.doubt(Confidence.UNKNOWN)
        elif key not in self.harmless:
            self.doubt(Confidence.LIKELY)
        return None

    def step(self, *, up: bool) -> None:
        """A row up or down; beyond the first there is the history."""
        if self.line.first_row if up else self.line.last_row:
            self.doubt(Confidence.UNKNOWN)
        elif up:
            self.line.up()
        else:
            self.line.down()

    def submit(self, now: float) -> Message | None:
        """The text as it stands is sent; nothing when there is none."""
        text, confidence = self.line.text.rstrip(), self._doubt
        self.start_over()
        if not text and confidence is not Confidence.UNKNOWN:
            return None
        return Message(text, now, confidence)

    def start_over(self) -> None:
        """The text is gone, and every doubt with it."""
        self.line.clear()
        self._doubt = self.best

    def doubt(self, confidence: Confidence) -> None:
        """From now on the text is known no better than this."""
        order = list(Confidence)
        self._doubt = max(self._doubt, confidence, key=order.index)


class Readline(Editor):
    """GNU readline with its default keys, as in bash."""

    best = Confidence.EXACT
    keys: Mapping[str, Effect] = {
        **EMACS,
        "ctrl+t": Line.transpose,
        "alt+u": lambda line: line.recase(str.upper),
        "alt+l": lambda line: line.recase(str.lower),
        "alt+c": lambda line: line.recase(str.capitalize),
        "ctrl+delete": Line.kill_word_right,
    }
    newlines = frozenset[str]()
    harmless = frozenset({"ctrl+l", "shift+tab", "ctrl+s", "ctrl+q"})
    _guesses = frozenset(
        {"ctrl+r", "ctrl+_", "alt+.", "alt+_", "alt+t", "ctrl+v", "ctrl+x", "ctrl+o", "alt+/", "alt+*"}
    )

    def press(self, key: str, now: float) -> Message | None:
        if key == "ctrl+j":
            key = "enter"
        if key in self._guesses or key == "escape":
            self.doubt(Confidence.UNKNOWN)
            return None
        return super().press(key, now)


class ClaudeCode(Editor):
    """The prompt of Claude Code (measured on 2.1.330) without its vim mode."""

    best = Confidence.EXACT
    keys: Mapping[str, Effect] = {
        **EMACS,
        "home": Line.row_start,
        "end": Line.row_end,
        "shift+left": Line.left,
        "shift+right": Line.right,
        "ctrl+backspace": Line.kill_word_left,
        "ctrl+delete": Line.delete,
    }
    harmless = frozenset(
        {"ctrl+l", "ctrl+o", "ctrl+t", "shift+tab", "pageup", "pagedown", "insert", "ctrl+home", "ctrl+end"}
    )
    margin = 4
    _guesses = frozenset({"ctrl+r", "ctrl+_", "ctrl+g", "ctrl+x", "ctrl+v", "alt+v"})
    _folded_from = 800
    """A paste longer than this, or of more than three lines, is one thing to the cursor."""
    _folded_lines = 3
    _both_escapes = 0.7
    """Seconds within which a second Escape clears the text."""

    def __init__(self, columns: int = 0, *, whole: bool = True) -> None:
        super().__init__(columns, whole=whole)
        self._shell = False
        self._pastes: dict[str, str] = {}
        self._escaped = float("-inf")
        self._stash = ""

    @property
    def _popup(self) -> bool:
        """Whether a list of commands or files is likely to be open."""
        word = self.line.before.split()[-1:] if not self.line.before[-1:].isspace() else []
        return self.line.text.startswith("/") or any("@" in each for each in word)

    def write(self, stroke: Stroke) -> None:
        text = stroke.text
        if not self.line.before and not self._shell and text.startswith("!"):
            self._shell, text = True, text[1:]
        elif text == "?" and not self.line.text and not stroke.pasted:
            return
        if stroke.pasted:
            text = text.replace("\t", "    ")
            if len(text) > self._folded_from or text.count("\n") >= self._folded_lines:
                text = self._fold(text)
        self.line.insert(text)

    def press(self, key: str, now: float) -> Message | None:
        if key == "escape":
            self._escape(now)
        elif key == "backspace" and not self.line.before:
            self._shell = False
        elif key == "ctrl+s":
            self._set_aside()
        elif key in self._guesses or (key in ("tab", "up", "down", "ctrl+p", "ctrl+n") and self._popup):
            self.doubt(Confidence.UNKNOWN)
        elif key == "enter" and self.line.before.endswith("\\"):
            self.line.replace_before(1, "\n")
        elif key != "tab":
            if EMACS.get(key) in _BY_WORDS and self.line.ideographic:
                self.doubt(Confidence.LIKELY)  # where its words end takes a dictionary
            return super().press(key, now)
        return None

    def step(self, *, up: bool) -> None:
        if up or not self.line.last_row:
            super().step(up=up)

    def submit(self, now: float) -> Message | None:
        if self.line.text.startswith("/") and " " not in self.line.text:
            self.doubt(Confidence.LIKELY)  # the list may have had another command selected
        self.line.text = "".join(self._pastes.get(each, each) for each in self.line.text)
        shell = "!" if self._shell else ""
        message = super().submit(now)
        self.line.insert(self._stash)
        self._stash = ""
        return Message(shell + message.text, message.time, message.confidence) if message else None

    def start_over(self) -> None:
        super().start_over()
        self._shell = False
        self._pastes.clear()

    def _escape(self, now: float) -> None:
        twice = now - self._escaped < self._both_escapes
        self._escaped = float("-inf") if twice else now
        if twice and self.line.text:
            self.start_over()
        elif not self.line.text:
            self._shell = False
            self.doubt(Confidence.LIKELY)  # a message that was interrupted early comes back

    def _set_aside(self) -> None:
        text, self._stash = self._stash, self.line.text
        self.line.clear()
        self.line.insert(text)

    def _fold(self, text: str) -> str:
        """One character that stands for all of ``text``."""
        if text.removesuffix("\n") in self._pastes.values():
            self.doubt(Confidence.LIKELY)  # pasted again, it takes the place of its sign
        sign = chr(0xF0000 + len(self._pastes))
        self._pastes[sign] = text.removesuffix("\n")  # where the agent marks it for the model, that is lost
        return sign


EDITORS: Mapping[str, type[Editor]] = {"claude-code": ClaudeCode, "shell": Readline}
"""By agent. The others get ``Editor``."""
