"""Somebody who types messages and changes their mind: sequences of keys and pastes, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

Act = str | tuple[str] | float
"""A key by Textual's name, a paste, or seconds of rest."""

SENTENCES = (
    "fix the failing test in tests/test_parser.py and tell me why it failed",
    "add a --json flag to the report command",
    "push it to origin",
    "what does the function resolve_path do?",
    "rename Config.load to Config.read everywhere, then run the linter",
    "the build is broken since yesterday; find the commit with git bisect",
    "use httpx instead of requests in client.py (keep the timeouts!)",
    "write a docstring for every public class in src/core, 3 lines at most",
    "why is `make test` slower than `make bench`?",
    "erkläre mir bitte die Schleife in größe.py",
    "update CHANGELOG.md: fixed #123, #124 and #130",
    'commit with the message "Tidy up" and push to the branch feature/login',
    "delete the file tmp/old_report.csv",
    "open https://example.org/spec and summarise section 4.2",
    "undo the last change",
    "can you explain the difference between a mutex and a semaphore",
    "look at line 42 of main.rs, is `unwrap()` safe there?",
    "translate README.md into French, keep the code blocks as they are",
    "show me all TODO comments under src/",
    "bump the version to 2.0.1 and tag it",
)
WORDS = (
    "also", "please", "now", "carefully", "again", "first", "really", "quickly", "maybe", "src/app.py", "it's", "v1.2",
    "foo_bar", "don't", "e.g.", "100%", "done",
)  # fmt: skip
PASTES = (
    "/var/log/app/error.log",
    "TypeError: 'NoneType' object is not subscriptable",
    "def f(x):\n    return x + 1",
    "https://example.org/issues/42?tab=all#top",
    "  indented text  ",
)
LONG_PASTES = (
    "Traceback (most recent call last):\n"
    + "".join(f'  File "a{n}.py", line {n}, in f{n}\n    g()\n' for n in range(9)),
    "lorem ipsum dolor sit amet " * 40,
    "name,age\nanna,31\nbo,27\ncy,45\ndee,19\n",
)


class Typist:
    """One person; the same seed types the same."""

    def __init__(
        self,
        seed: int,
        *,
        shell: bool = False,
        escapes: bool = False,
        newlines: Sequence[list[Act]] = (["shift+enter"], ["alt+enter"], ["ctrl+j"], ["\\", "enter"]),
    ) -> None:
        """``shell``: one line at a time, in front of readline; ``escapes``: two Escapes clear the text.

        ``newlines``: keys that begin a new line.
        """
        self._random = random.Random(seed)  # noqa: S311 -- not for secrets, to be repeatable
        self._shell = shell
        self._escapes = escapes
        self._newlines = newlines

    def messages(self, each: int, only: str = "") -> Iterator[tuple[str, list[Act]]]:
        """``each`` messages of every kind, or of one; without the key that sends them."""
        kinds: dict[str, Callable[[], list[Act]]] = {
            "plain": self.plain,
            "mistakes": self.mistakes,
            "moving": self.moving,
            "killing": self.killing,
            "pasting": self.pasting,
            "starting over": self.starting_over,
        }
        if not self._shell:
            kinds["several lines"] = self.several_lines
            kinds["long lines"] = self.long_lines
            kinds["lists and history"] = self.lists
        if only:
            kinds = {only: {**kinds, "vim": self.modal, "hasty": self.hasty}[only]}
        for kind, acts in kinds.items():
            for _ in range(each):
                yield kind, acts()

    def plain(self) -> list[Act]:
        return [*self._sentence()]

    def mistakes(self) -> list[Act]:
        """Slips, noticed some letters later and taken back."""
        acts: list[Act] = []
        for word in self._sentence().split(" "):
            if self._random.random() < 0.3:
                wrong = "".join(self._random.choices("abcdefghijklmnop ", k=self._random.randint(1, 5)))
                acts += [*wrong, *[self._pick("backspace", "ctrl+h", "backspace")] * len(wrong)]
            if self._random.random() < 0.15:
                acts += [*word, " ", self._pick("ctrl+w", "alt+backspace", "ctrl+w")]
            acts += [*word, " "]
        return acts[:-1]

    def moving(self) -> list[Act]:
        """Words put in and letters taken out further back."""
        acts: list[Act] = [*self._sentence()]
        for _ in range(self._random.randint(1, 4)):
            acts += self._moves()
            if self._random.random() < 0.6:
                acts += [*self._pick(*WORDS), " "]
            else:
                acts += [self._pick("delete", "backspace", "ctrl+d", "ctrl+h")] * self._random.randint(1, 4)
        return [*acts, "x"]

    def killing(self) -> list[Act]:
        """Words and ends of lines cut out, some of them put back."""
        acts: list[Act] = [*self._sentence()]
        for _ in range(self._random.randint(1, 4)):
            acts += self._moves()
            kill = self._pick("ctrl+u", "ctrl+k", "ctrl+w", "alt+d", "alt+backspace")
            acts += [kill] * self._random.choice((1, 1, 2, 3) if kill not in ("ctrl+u", "ctrl+k") else (1,))
            acts += [*self._pick(*WORDS)] if self._random.random() < 0.4 else []
            acts += ["ctrl+y"] if self._random.random() < 0.5 else []
        return [*acts, *" end"]

    def pasting(self) -> list[Act]:
        """Pastes between typed words."""
        acts: list[Act] = [*("# " if self._shell else ""), *self._pick("look: ", "what is ", "explain ")]
        for _ in range(self._random.randint(1, 3)):
            pasted = self._pick(*(PASTES[:2] if self._shell else PASTES * 2 + LONG_PASTES))
            acts += [(pasted,), *" ", *self._pick(*WORDS), " "]
            if self._random.random() < 0.4:
                acts += self._moves()
        return [*acts, *"thanks"]

    def several_lines(self) -> list[Act]:
        """Lines ended in every way that does not send, with changes in the lines above."""
        acts: list[Act] = []
        for number in range(self._random.randint(2, 4)):
            acts += self._pick(*self._newlines) if number else []
            acts += [*self._sentence()[:60]]
        for _ in range(self._random.randint(0, 3)):
            acts += [self._pick("up", "down", "up", "left", "ctrl+a", "ctrl+e", "home", "alt+b")]
            acts += self._pick([*"so "], ["delete"], ["ctrl+k"], ["ctrl+u"], [])
        return [*acts, "x"]

    def long_lines(self) -> list[Act]:
        """Lines of more than one row."""
        acts: list[Act] = [*f"{self._sentence()} and {self._sentence()}, {self._sentence()}"]
        for _ in range(self._random.randint(0, 2)):
            acts += [self._pick("up", "home", "ctrl+a", "end", "ctrl+e", "left")]
            acts += self._pick([*"so "], ["delete"], [])
        return [*acts, "x"]

    def lists(self) -> list[Act]:
        """Keys whose effect rests on what the program shows or remembers."""
        sentence = self._sentence()
        return self._pick(
            [*"look at @rea", 0.3, "tab", 0.3, *" now"],
            [*"look at @no", 0.3, "escape", 0.3, *" then ", *sentence],
            ["up", 0.2, *" again"],
            [*sentence, "up", "up", 0.2, *"x"],
            [*sentence, "ctrl+r", 0.2, "escape", 0.2, *"x"],
            [*sentence, "ctrl+underscore", *"x"],
            [*sentence, "tab", 0.2, *" x"],
            [*sentence, "escape", 1.2, *" x"],
        )

    def modal(self) -> list[Act]:
        """What somebody types whose fingers know vi."""
        acts: list[Act] = [*self._sentence(), "escape", 0.2]
        for _ in range(self._random.randint(1, 3)):
            command = self._pick("bb", "0w", "dw", "b", "x", "$", "dd", "bcw", "ciw", "A", "I", "o")
            acts += [*command, 0.05]
            if command in ("bcw", "ciw", "A", "I", "o"):
                acts += [*self._pick(*WORDS), "escape", 0.2]
        return [*acts, *self._pick("", "A", "i"), *self._pick("", " x")]

    def hasty(self) -> list[Act]:
        """A whole sentence at once, as a program types, or a terminal that does not mark its pastes."""
        return [*self._sentence()]

    def starting_over(self) -> list[Act]:
        """Another message first, thrown away."""
        clear: list[Act] = (
            self._pick(["ctrl+c", 0.3], ["escape", 0.1, "escape", 0.3]) if self._escapes else ["ctrl+c", 0.3]
        )
        return [*self._sentence(), *clear, *self._sentence()]

    def _moves(self) -> list[Act]:
        """To somewhere else in the text, or not far."""
        key = self._pick(
            "left", "left", "right", "ctrl+left", "alt+b", "alt+f", "ctrl+right", "home", "ctrl+a", "ctrl+b"
        )
        times = self._random.randint(1, 12) if key in ("left", "right", "ctrl+b") else self._random.randint(1, 4)
        back: list[Act] = [self._pick("end", "ctrl+e")] if self._random.random() < 0.2 else []
        return [*[key] * times, *back]

    def _sentence(self) -> str:
        sentence = self._random.choice(SENTENCES)
        return f"# {sentence}" if self._shell else sentence

    def _pick[T](self, *options: T) -> T:
        return self._random.choice(options)
