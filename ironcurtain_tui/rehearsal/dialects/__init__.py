"""The wire formats of models, one a file."""

from ironcurtain_tui.rehearsal.dialects.completions import Completions
from ironcurtain_tui.rehearsal.dialects.gemini import Gemini
from ironcurtain_tui.rehearsal.dialects.messages import Messages
from ironcurtain_tui.rehearsal.dialects.responses import Responses
from ironcurtain_tui.rehearsal.wire import Dialect

DIALECTS: tuple[Dialect, ...] = (Messages(), Responses(), Completions(), Gemini())

__all__ = ["DIALECTS", "Messages"]
