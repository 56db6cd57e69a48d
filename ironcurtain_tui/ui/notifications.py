"""Telling a person who looks elsewhere that something waits: bell, terminal notification, desktop.

The words are ours alone; nothing the agent wrote leaves the app's own screen. Terminal notifications are OSC 9
(iTerm2), OSC 777 (urxvt) or OSC 99 (https://sw.kovidgoyal.net/kitty/desktop-notifications/); inside tmux they are
wrapped in its passthrough, which works where its option ``allow-passthrough`` is on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ironcurtain_tui.config import NotificationSettings, TerminalNotification
from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.ui.neutralise import neutralise

QUIET_SECONDS = 10.0
"""At most one notification in this time, however much comes."""
PRESENT_SECONDS = 60.0
"""Where the terminal does not report its focus: a person who pressed a key so recently is there."""
TITLE = "IronCurtain"

BELL = "\a"


def guess(environment: Mapping[str, str]) -> TerminalNotification:
    """Which notification the terminal around us understands, going by the variables it sets."""
    program, term = environment.get("TERM_PROGRAM", "").lower(), environment.get("TERM", "")
    if "KITTY_WINDOW_ID" in environment or "kitty" in term:
        return TerminalNotification.OSC99
    if "VTE_VERSION" in environment or term.startswith(("foot", "rxvt")):
        return TerminalNotification.OSC777
    if program in {"iterm.app", "wezterm", "ghostty"} or "WT_SESSION" in environment or "ghostty" in term:
        return TerminalNotification.OSC9
    return TerminalNotification.OFF


def sequence(kind: TerminalNotification, text: str, in_tmux: bool) -> str:
    """The bytes that make a terminal notify with ``text``, which must be printable; empty for none."""
    match kind:
        case TerminalNotification.OSC9:
            made = f"\x1b]9;{TITLE}: {text}\x1b\\"
        case TerminalNotification.OSC777:
            made = f"\x1b]777;notify;{TITLE};{text}\x1b\\"
        case TerminalNotification.OSC99:
            made = f"\x1b]99;i=ironcurtain:d=0:p=title;{TITLE}\x1b\\\x1b]99;i=ironcurtain:d=1:p=body;{text}\x1b\\"
        case _:
            return ""
    return "".join(_through_tmux(part) for part in made.split("\x1b\\")[:-1]) if in_tmux else made


def _through_tmux(start: str) -> str:
    inner = f"{start}\x1b\\".replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{inner}\x1b\\"


def words(sessions: Iterable[StateKeeper]) -> str:
    """What a notification says of those ``sessions`` in which something waits."""
    asking = [session for session in sessions if session.pending]
    waiting = sum(len(session.pending) for session in asking)
    wait = "action waits" if waiting == 1 else "actions wait"
    names = [neutralise(Path(session.info.workspace).name) for session in asking]
    if len(asking) == 1:
        return f"{waiting:,} {wait} for you: {neutralise(asking[0].info.agent_title)} in {names[0]}"
    return f"{waiting:,} {wait} for you in {len(asking)} sessions: {', '.join(names)}"


@dataclass(frozen=True)
class Attention:
    """Whether the person is looking, and when they were told last. A value; ``now`` is a clock that goes forward."""

    focused: bool | None = None
    """None: the terminal has not said."""
    key_at: float = float("-inf")
    told_at: float = float("-inf")
    owed: bool = False
    """Something came while it was too early to tell again."""

    def looks(self, now: float) -> bool:
        """Whether the person sees the screen anyway."""
        return now - self.key_at < PRESENT_SECONDS if self.focused is None else self.focused

    def came(self, now: float) -> tuple[Attention, bool]:
        """Something new waits: tell of it now?"""
        if self.looks(now):
            return replace(self, owed=False), False
        if now - self.told_at < QUIET_SECONDS:
            return replace(self, owed=True), False
        return replace(self, told_at=now, owed=False), True

    def tick(self, now: float, waiting: int) -> tuple[Attention, bool]:
        """Time has passed: tell now of what came too early?"""
        return self.came(now) if self.owed and waiting else (replace(self, owed=False), False)


class Notifier:
    """Tells a person who looks elsewhere, as the settings say: ``write`` to the terminal, ``desktop`` to the desktop.

    ``steady`` is a clock that only goes forward.
    """

    def __init__(
        self,
        settings: NotificationSettings,
        environment: Mapping[str, str],
        write: Callable[[str], None],
        desktop: Callable[[str, str], None],
        steady: Callable[[], float],
    ) -> None:
        self._settings = settings
        auto = settings.terminal is TerminalNotification.AUTO
        self._kind = guess(environment) if auto else settings.terminal
        self._in_tmux = bool(environment.get("TMUX"))
        self._write, self._desktop = write, desktop
        self._steady = steady
        self._attention = Attention()

    def focus_moved(self, focused: bool) -> None:
        """The terminal around us gained or lost the focus."""
        self._attention = replace(self._attention, focused=focused)

    def key_fell(self) -> None:
        """The person pressed a key."""
        self._attention = replace(self._attention, key_at=self._steady())

    def came(self, sessions: Sequence[StateKeeper]) -> None:
        """Something new waits in one of ``sessions``."""
        self._attention, tell = self._attention.came(self._steady())
        if tell:
            self.tell(words(sessions))

    def tick(self, sessions: Sequence[StateKeeper]) -> None:
        """Some time has passed."""
        waiting = sum(len(session.pending) for session in sessions)
        self._attention, tell = self._attention.tick(self._steady(), waiting)
        if tell:
            self.tell(words(sessions))

    def tell(self, text: str) -> None:
        """Notify with ``text``, printable words of ours."""
        made = (BELL if self._settings.bell else "") + sequence(self._kind, text, self._in_tmux)
        if made:
            self._write(made)
        if self._settings.desktop:
            self._desktop(TITLE, text)
