"""Follows the keys that go to a program's line editor, by the rules of its dialect.

What each key does was measured on the real programs (benchmarks/words.py). A key whose effect cannot be known from
the keys (history, completion, undo, another editor) makes the text doubtful until it is sent or cleared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ironcurtain_tui.events import Confidence
from ironcurtain_tui.words.dialects import UNMEASURED
from ironcurtain_tui.words.dialects.base import Dialect
from ironcurtain_tui.words.line import Line
from ironcurtain_tui.words.strokes import Stroke

_BY_WORDS = (Line.word_left, Line.word_right, Line.kill_word_left, Line.kill_word_right)
_YANKS = (Line.yank, Line.yank_pop)
_STEPS = {"up": True, "ctrl+p": True, "down": False, "ctrl+n": False}
_ROOM = 24
"""Columns that the widest frame around a text does not take: a shorter line is one row."""
_SIGNS = 0xF0000
"""Private characters from here on stand for pastes."""
_ANSWER = re.compile("[0-9yYnN]")
"""A message that may have been the answer to something the program asked."""
_COMMAND = re.compile(r"/[^\s/]*(\s|$)")
_FEWEST_IN_BURST = 3


@dataclass(frozen=True)
class Message:
    """What the person sent."""

    text: str
    time: float
    confidence: Confidence

    def doubted(self) -> Message:
        """The same, but not for sure."""
        return replace(self, confidence=_worse(self.confidence, Confidence.LIKELY))


class Editor:
    """The text in one program's prompt. Times are in seconds."""

    def __init__(self, dialect: Dialect = UNMEASURED, *, whole: bool = True, complete: bool = True) -> None:
        """Not ``whole``: keys went before these, so the first text is in doubt.

        Not ``complete``: some keys since the program's start are missing, so what was cut out before and which mode it
        is in is not known.
        """
        self.dialect = dialect
        self._line = Line(
            going=dialect.going, cutting=dialect.cutting, kept_kills=dialect.kept_kills, chains=dialect.chains
        )
        self._complete = complete
        self._doubt = dialect.best if whole else Confidence.UNKNOWN
        self._columns = 0
        self._shell = False
        self._stash = ""
        self._pastes: dict[str, str] = {}
        self._escaped = float("-inf")
        self._modal = dialect.modal and not complete
        """Whether letters may be commands after an Escape."""
        self._commanding = False
        """Whether there was such an Escape."""
        self._burst = 0
        self._typed = float("-inf")

    def resized(self, columns: int) -> None:
        """The terminal is ``columns`` wide; 0 when that is not known."""
        if columns != self._columns:
            self._columns = columns
            self._line.width = max(0, columns - self.dialect.margin) if self.dialect.margin else 0

    def take(self, stroke: Stroke, now: float) -> Message | None:
        """One key or paste at ``now``; what it sent, if it sent anything."""
        if stroke.text:
            self._time(now, len(stroke.text), pasted=stroke.pasted)
            self._write(stroke)
            return None
        if stroke.key in self.dialect.submits:
            return self._enter(now)
        self._press(stroke.key, now)
        return None

    def doubt(self) -> None:
        """What is being written may not be all, or not be sent."""
        self._lower(Confidence.LIKELY)

    # --- writing ---------------------------------------------------------------------------------------

    def _time(self, now: float, characters: int, *, pasted: bool) -> None:
        close = now - self._typed < self.dialect.burst and not pasted
        self._burst = self._burst + characters if close else characters * (not pasted)
        self._typed = now

    def _write(self, stroke: Stroke) -> None:
        text, dialect = stroke.text, self.dialect
        if self._commanding:
            self._lower(Confidence.LIKELY)
        if dialect.bang and not self._shell and not self._line.before and text.startswith("!"):
            self._shell, text = True, text[1:]
        elif dialect.help_key and text == "?" and not self._line.text and not stroke.pasted:
            return
        if stroke.pasted:
            if dialect.attaches.search(text):
                self._lower(Confidence.LIKELY)
            text = text.replace("\t", " " * dialect.tabs) if dialect.tabs else text
            text = self._fold(text) if self._folds(text) else text
        self._line.insert(text)

    def _folds(self, text: str) -> bool:
        folding = self.dialect.folding
        return folding is not None and (
            len(text) > folding.characters or (folding.lines > 0 and text.count("\n") >= folding.lines)
        )

    def _fold(self, text: str) -> str:
        """What stands for all of ``text``."""
        folding = self.dialect.folding
        text = text.removesuffix("\n") if folding and folding.drops_end else text
        if text in self._pastes.values() or not (folding and folding.certain):
            self._lower(Confidence.LIKELY)  # pasted again, it takes the place of its sign
        sign = chr(_SIGNS + len(self._pastes))
        self._pastes[sign] = text
        return sign + (folding.behind if folding else "")

    # --- keys ------------------------------------------------------------------------------------------

    def _press(self, key: str, now: float) -> None:
        dialect = self.dialect
        if key == "ctrl+c":
            self._start_over()
        elif key == "escape" and key not in dialect.guesses:
            self._escape(now)
        elif key in dialect.newlines:
            self._time(now, 1, pasted=False)
            self._line.insert("\n")
        elif key in dialect.stash:
            text, self._stash = self._stash, self._line.text
            self._line.clear()
            self._line.insert(text)
        elif key in dialect.guesses or (self._popup and (key in _STEPS or key == "tab")):
            self._lower(Confidence.UNKNOWN)
        elif key in _STEPS:
            self._weigh(key)
            self._step(up=_STEPS[key])
        elif key == "backspace" and not self._line.before:
            self._shell = False
        elif effect := dialect.keys.get(key):
            self._weigh(key)
            effect(self._line)
        elif key not in dialect.harmless:
            self._lower(Confidence.LIKELY)

    def _weigh(self, key: str) -> None:
        """Doubt the effect of a key where it rests on what is not known."""
        dialect, effect = self.dialect, self.dialect.keys.get(key)
        if effect in _YANKS and not self._complete:
            self._lower(Confidence.UNKNOWN)
        if effect in _BY_WORDS and self._line.ideographic:
            self._lower(Confidence.LIKELY)  # where its words end takes a dictionary
        if key in dialect.by_row and not self._line.width and self._line.longest > self._columns - _ROOM:
            self._lower(Confidence.LIKELY)
        if key in dialect.one_line and "\n" in self._line.text:
            self._lower(Confidence.LIKELY)
        if self._pastes and dialect.folding and not dialect.folding.one:
            self._lower(Confidence.LIKELY)

    def _step(self, *, up: bool) -> None:
        """A row up or down, or beyond."""
        line = self._line
        if not (line.first_row if up else line.last_row):
            (line.up if up else line.down)()
        elif self.dialect.beyond == "ends" and (line.before if up else line.after):
            (line.start_of_text if up else line.end_of_text)()
        elif up or self.dialect.beyond != "nowhere":
            self._lower(Confidence.UNKNOWN)

    def _escape(self, now: float) -> None:
        within = self.dialect.both_escapes
        twice = now - self._escaped < within
        self._escaped = float("-inf") if twice else now
        self._commanding |= self._modal
        if not within or self._commanding:
            self._lower(Confidence.LIKELY)
        elif twice and self._line.text:
            self._start_over()
        elif not self._line.text:
            self._shell = False
            self._lower(Confidence.LIKELY)  # a message that was interrupted early comes back

    # --- sending ---------------------------------------------------------------------------------------

    def _enter(self, now: float) -> Message | None:
        line, dialect = self._line, self.dialect
        if dialect.continues and line.before.endswith("\\"):
            line.replace_before(1, "\n")
            return None
        goes_on = line.before.endswith("\\")
        hasty = self._burst >= _FEWEST_IN_BURST and now - self._typed < dialect.settle
        popup = self._popup and not (dialect.popups == "" or line.before[-1:].isspace())
        if popup or hasty or goes_on or (dialect.commands and line.text.startswith(tuple(dialect.commands))):
            self._lower(Confidence.LIKELY)
        if dialect.modal and _COMMAND.match(line.text):
            self._modal = True
        if self._commanding:
            self._lower(Confidence.LIKELY)
        message = self._submit(now)
        if popup or hasty or goes_on:
            self._lower(Confidence.LIKELY)  # it may have chosen from a list or begun a line, and all is still there
        return message

    def _submit(self, now: float) -> Message | None:
        """The text as it stands is sent; nothing when there is none."""
        text = "".join(self._pastes.get(each, each) for each in self._line.text).rstrip()
        text = text.lstrip() if self.dialect.trims else text
        confidence, shell = self._doubt, "!" if self._shell else ""
        self._start_over()
        self._line.insert(self._stash)
        self._stash = ""
        if not text and confidence is not Confidence.UNKNOWN:
            return None
        if _ANSWER.fullmatch(text) and confidence is Confidence.EXACT:
            confidence = Confidence.LIKELY
        return Message(shell + text, now, confidence)

    def _start_over(self) -> None:
        """The text is gone, and every doubt with it."""
        self._line.clear()
        self._shell = False
        self._pastes.clear()
        self._burst = 0
        self._doubt = self.dialect.best

    # --- doubt -----------------------------------------------------------------------------------------

    @property
    def _popup(self) -> bool:
        """Whether a list of commands or files is likely to be open."""
        word = re.search(r"\S*$", self._line.before)
        opens = any(sign in word[0] for sign in self.dialect.popups) if word else False
        return opens or ("/" in self.dialect.commands and self._line.text.startswith("/"))

    def _lower(self, confidence: Confidence) -> None:
        """From now on the text is known no better than this."""
        self._doubt = _worse(self._doubt, confidence)


def _worse(one: Confidence, other: Confidence) -> Confidence:
    return max(one, other, key=list(Confidence).index)
