"""The bottom line: the keys that matter where you are."""

from __future__ import annotations

from collections.abc import Collection

from ironcurtain_tui.ui.keymap import SAY, Command, Keymap, Place, display
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.line import Line, Piece


class KeyHints(Line):
    """Keys and what they do, the least useful dropped first where there is no room."""

    gap = "   "

    def update(
        self, keymap: Keymap, place: Place, prefixed: bool, session: str, idle: Collection[Command] = ()
    ) -> None:
        """``session``: what stands at the right end, e.g. its identifier; ``idle``: what would do nothing now."""
        self.set_class(prefixed, "-prefixed")
        if prefixed:
            self.show([Piece(" KEYS ", Tone.ALERT), Piece("press one of the keys above, Esc goes back", Tone.STRONG)])
            return
        hints = [Piece(f" {display(keymap.prefix)} keys", Tone.STRONG, tooltip="The prefix: the next key is a command")]
        if place is Place.AGENT:
            key = f"{display(keymap.prefix)} {display(SAY.keys[0])}"
            hints.append(Piece(f"{key} {SAY.hint}", Tone.PLAIN, SAY.command, SAY.label, rank=6))
        useful = (row for row in keymap.hints(place) if row.command not in idle)
        for rank, row in enumerate(useful, start=2):
            hints.append(Piece(f"{display(row.keys[0])} {row.hint}", Tone.PLAIN, row.command, row.label, rank))
        self.show(hints, [Piece(f"{neutralise(session)} ", Tone.QUIET, rank=99)])
