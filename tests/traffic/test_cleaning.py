"""The process that looks into bodies."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

from ironcurtain_tui.config import RedactionSettings
from ironcurtain_tui.traffic.cleaning import Cleaner, Uncleanable


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's protections are Linux's")
def test_it_is_confined_and_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "not-a-real-key")
    cleaner = Cleaner(RedactionSettings())
    try:
        assert cleaner.undo("gzip", gzip.compress(b"words"), 100) == b"words"
        process = cleaner._process
        assert process is not None
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        assert "Seccomp:\t2" in status
        assert b"not-a-real-key" not in Path(f"/proc/{process.pid}/environ").read_bytes()
    finally:
        cleaner.close()
    cleaner.close()


def test_one_that_died_is_replaced() -> None:
    cleaner = Cleaner(RedactionSettings())
    try:
        cleaner.undo("gzip", gzip.compress(b"words"), 100)
        assert cleaner._process is not None
        cleaner._process.kill()
        cleaner._process.wait()
        assert cleaner.undo("gzip", gzip.compress(b"words"), 100) == b"words"
    finally:
        cleaner.close()


def test_too_many_codings_are_not_even_tried() -> None:
    cleaner = Cleaner(RedactionSettings())
    with pytest.raises(Uncleanable, match="too often"):
        cleaner.undo("gzip, " * 4, b"", 100)
    with pytest.raises(Uncleanable, match="no name"):
        cleaner.undo("=redact", b"", 100)
    assert cleaner._process is None


def test_an_expression_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ironcurtain_tui.traffic.cleaning.SECONDS", 2.0)
    cleaner = Cleaner(RedactionSettings(extra={"slow": "(a|a)*b"}))
    try:
        with pytest.raises(Uncleanable):
            cleaner.redact("a" * 60)
    finally:
        cleaner.close()
