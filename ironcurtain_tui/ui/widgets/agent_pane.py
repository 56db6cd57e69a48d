"""The agent's own terminal, with a title above; until it is there, the steps of the start."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Vertical

from ironcurtain_tui.control.messages import ScreenUpdate
from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.ui.departure import Ending
from ironcurtain_tui.ui.layout import Panel
from ironcurtain_tui.ui.neutralise import clip, tidy_title
from ironcurtain_tui.ui.widgets.banner import Banner
from ironcurtain_tui.ui.widgets.panel_title import PanelTitle
from ironcurtain_tui.ui.widgets.steps import StartSteps
from ironcurtain_tui.ui.widgets.terminal import AgentTerminal

TITLE = 60
"""Characters of the title the agent gave its terminal."""


class AgentPane(Vertical):
    """Title, then steps or terminal, then the banner when it is over."""

    def __init__(self, is_reserved: Callable[[str], bool]) -> None:
        super().__init__(id=Panel.AGENT.value)
        self.title_line = PanelTitle(Panel.AGENT, "Agent")
        self.steps = StartSteps()
        self.terminal = AgentTerminal(is_reserved=is_reserved)
        self.terminal.display = False
        self.banner = Banner()

    def compose(self) -> ComposeResult:
        yield self.title_line
        yield self.steps
        yield self.terminal
        yield self.banner

    @property
    def terminal_size(self) -> tuple[int, int]:
        """Columns and lines the terminal has, or will have once it is shown."""
        return max(2, self.size.width), max(1, self.size.height - 1)

    def update(self, session: StateKeeper) -> None:
        """Say whose terminal it is, and how far its start has come."""
        info = session.info
        self.title_line.name_it(info.agent_title)
        self.title_line.describe(subtitle=clip(tidy_title(session.title), TITLE))
        if self.steps.display:
            self.steps.update(f"Starting {info.agent_title} in a container with no way out", session.steps.values())

    def apply(self, update: ScreenUpdate) -> bool:
        """Draw the agent's screen; True when it is the first time."""
        first = self.steps.display
        if first:
            self.steps.display = False
            self.terminal.display = True
        self.terminal.apply(update)
        return first

    def say_over(self, ending: Ending) -> None:
        """Show the banner; the last screen stays."""
        self.terminal.end()
        self.banner.say(ending.what, ending.remedy, ending.alarm)

    def on_descendant_focus(self) -> None:
        self.title_line.focus_shown(True)

    def on_descendant_blur(self) -> None:
        self.title_line.focus_shown(False)
