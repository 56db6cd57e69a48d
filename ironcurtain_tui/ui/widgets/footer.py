"""The bottom line: the keys that matter where you are."""

from __future__ import annotations

from ironcurtain_tui.ui.keymap import SAY, Keymap, Place, display
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.line import Line, Piece


class KeyHints(Line):
    """Keys and what they do, the least useful dropped first where there is no room."""

    gap = "   "

    def update(self, keymap: Keymap, place: Place, prefixed: bool, session: str) -> None:
        """``session``: what stands at the right end, e.g. its identifier."""
        self.set_class(prefixed, "-prefixed")
        if prefixed:
            self.show([Piece(" KEYS ", Tone.ALERT), Piece("press one of the keys above, Esc goes back", Tone.STRONG)])
            return
        hints = [Piece(f" {display(keymap.prefix)} keys", Tone.STRONG, tooltip="The prefix: the next key is a command")]
        if place is Place.AGENT:
            key = f"{display(keymap.prefix)} {display(SAY.keys[0])}"
            hints.append(Piece(f"{key} {SAY.hint}", Tone.PLAIN, SAY.command, SAY.label, rank=6))
        for rank, row in enumerate(keymap.hints(place), start=2):
            hints.append(Piece(f"{display(row.keys[0])} {row.hint}", Tone.PLAIN, row.command, row.label, rank))
        self.show(hints, [Piece(f"{neutralise(session)} ", Tone.QUIET, rank=99)])
