"""What the person says to the agent: by the trusted line, or by the keys typed into its terminal.

Both come from the host's side of the terminal; nothing the agent writes is heard here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from ironcurtain_tui.audit.log import AuditLog, AuditUnavailable
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import BadgeState, Confidence, PersonSaid, Utterance, WordSource
from ironcurtain_tui.models.model import Model, ModelFailed
from ironcurtain_tui.private_files import write_private
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.terminal.paste import clean
from ironcurtain_tui.words.guess import TASK, question, reading
from ironcurtain_tui.words.keystrokes import Keystrokes
from ironcurtain_tui.words.reconstruct import messages

log = logging.getLogger(__name__)

LONGEST = 16_000
"""Characters of one message."""
SUMMARY = 200
"""Characters of it in a record's summary; the record itself has all."""
LOOK_SECONDS = 0.25
"""How often the screen is asked whether what was typed can be seen, while that is not known."""


class SpokenTo(Protocol):
    """The agent's terminal, as far as speaking to it goes."""

    on_typed: Callable[[bytes], object]

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""

    async def say(self, text: str) -> None:
        """Send ``text`` as a paste, and Enter."""

    def text(self) -> str:
        """What the screen shows."""


class Hearing:
    """Keeps the person's last words for as long as somebody may ask whose idea an action was."""

    def __init__(
        self,
        agent: str,
        audit: AuditLog,
        bulletin: Bulletin,
        context_file: Path,
        *,
        dialect: str,
        redact: Callable[[str], str],
        on_unavailable: Callable[[AuditUnavailable], None],
    ) -> None:
        """``dialect``: of the agent's prompt, for words/dialects.

        ``context_file`` gets the words that a question follows; ``redact`` takes secrets out of them first.
        """
        self._agent = agent
        self._dialect = dialect
        self._audit = audit
        self._bulletin = bulletin
        self._context_file = context_file
        self._redact = redact
        self._on_unavailable = on_unavailable
        self._terminal: SpokenTo | None = None
        self._said: Utterance | None = None
        self._keys = Keystrokes()
        self._speaking = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None
        self._tasks = TaskOwner()
        self._loop = asyncio.get_running_loop()

    def listen(self, terminal: SpokenTo) -> None:
        """From now on messages go to ``terminal``, and its keys are heard."""
        self._terminal = terminal
        terminal.on_typed = self._typed

    def take(self, text: str) -> None:
        """The person said ``text`` where the session was started; the agent has it already."""
        self._said = Utterance(text=clean(text).strip(), time=time.time(), source=WordSource.TRUSTED_LINE)

    async def say(self, text: str) -> None:
        """Send the agent a message of the person's. It is on the disk before a byte of it is sent."""
        text = clean(text[:LONGEST]).strip()
        if not text:
            return
        terminal = self._terminal
        if terminal is None:
            gone = "Nothing was sent: the agent's terminal is not there."
            self._bulletin.notice(BadgeState.WARN, gone, "Wait until it is on the screen.")
            return
        async with self._speaking:
            said = Utterance(text=text, time=time.time(), source=WordSource.TRUSTED_LINE)
            line = " ".join(text.split())
            summary = line if len(line) <= SUMMARY else f"{line[:SUMMARY]}… (+{len(line) - SUMMARY})"
            try:
                await self._audit.append_async("person.said", summary, data={"text": text, "source": said.source.value})
            except AuditUnavailable as error:
                self._on_unavailable(error)
                return
            self._said = said
            self._bulletin.publish(PersonSaid(utterance=said))
            await terminal.say(text)
            self._keys = Keystrokes(complete=False)  # its Enter left the agent's line empty

    def last(self) -> Utterance | None:
        """What the person said last; None when nothing is known. Only now is it worked out from the keys."""
        terminal = self._terminal
        if terminal is None:
            return self._said
        sent = self._keys.seen(terminal.text())
        typed = messages(self._dialect, sent, whole=self._keys.whole, complete=self._keys.complete)
        if not typed or (self._said is not None and self._said.time >= typed[-1].time):
            return self._said
        newest = typed[-1] if typed[-1].time > self._keys.forgot else typed[-1].doubted()
        text = "" if newest.confidence is Confidence.UNKNOWN else newest.text
        return Utterance(text=text, time=newest.time, source=WordSource.KEYSTROKES, confidence=newest.confidence)

    async def guess(self, model: Model) -> Utterance | None:
        """What a model makes of the keys alone, where they do not tell for sure; None when it makes nothing of them."""
        words, terminal = self.last(), self._terminal
        if terminal is None or words is None or words.confidence is Confidence.EXACT:
            return None
        asked = self._redact(question(self._agent, self._keys.seen(terminal.text())))
        try:
            text = reading(clean(self._redact(await model.answer(TASK, asked)))[:LONGEST])
        except ModelFailed as error:
            log.info("no guess: %s", error)
            return None
        if not text:
            return None
        return Utterance(text=text, time=words.time, source=WordSource.MODEL, confidence=Confidence.LIKELY)

    def note(self, words: Utterance | None, escalation: str) -> None:
        """Write down the words that a question follows, soon, for whoever looks into it later."""
        if words is not None:
            self._tasks.start(asyncio.to_thread(self._write, words, escalation), "user context")

    async def close(self) -> None:
        """Forget the keys, and finish what is being written."""
        self._keys = Keystrokes()
        await self._tasks.close()

    def _typed(self, data: bytes) -> None:
        columns = self._terminal.size[0] if self._terminal is not None else 0
        self._keys.add(time.time(), data, columns)
        if self._looking is None or self._looking.done():
            self._looking = self._tasks.start(self._look(), "echo")

    async def _look(self) -> None:
        """Forget what was typed and cannot be seen, until nothing is in doubt."""
        while self._keys.waiting and self._terminal is not None:
            await asyncio.sleep(LOOK_SECONDS)
            self._keys.look(time.time(), self._terminal.text())

    def _write(self, words: Utterance, escalation: str) -> None:
        context = {
            "userMessage": self._redact(words.text),
            "timestamp": datetime.fromtimestamp(words.time, UTC).isoformat(timespec="milliseconds"),
            "source": words.source.value,
            "confidence": words.confidence.value,
            "escalation": escalation,
        }
        try:
            write_private(self._context_file, msgspec.json.format(msgspec.json.encode(context)))
        except UserFacingError as error:
            self._loop.call_soon_threadsafe(self._bulletin.notice, BadgeState.WARN, error.message, error.remedy)
