"""`ironcurtain-tui disk` and `sessions rm`: what takes space, and giving it back."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time

from ironcurtain_tui import paths
from ironcurtain_tui.audit import retention
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.disk_usage import ImageUsage, SessionUsage, figure, image_usage, remove_old_images, session_usage
from ironcurtain_tui.errors import UserFacingError

SHOWN = 12
"""Sessions, the largest, unless all are asked for."""


def run(options: argparse.Namespace) -> int:
    """Show what our images and sessions take; with ``--clean`` remove images that no session will start from."""
    engine = Engine.connect()
    images, sessions = image_usage(engine), session_usage(paths.home())
    if options.json:
        listed = [{**dataclasses.asdict(one), "record": None} for one in sessions]
        for one in listed:
            del one["record"]
        print(json.dumps({"images": [dataclasses.asdict(one) for one in images], "sessions": listed}, indent=1))
    else:
        print("\n".join((*_images(images), "", *_sessions(sessions, everything=options.all))))
    if options.clean:
        removed, kept = remove_old_images(engine, images)
        for image in removed:
            print(f"removed: image {_title(image)}, {figure(image.bytes)}")
        for image in kept:
            print(f"left alone: image {_title(image)}: something still needs it")
        if not removed and not kept:
            print("No image is old.")
    return 0


def remove(wanted: list[str]) -> int:
    """Remove past sessions with all they keep; the ledger remembers that they were. 1 when one of them stays."""
    directory = AuditDirectory()
    notary = directory.notary()
    retention.finish(directory)
    stays = 0
    for session in dict.fromkeys(map(_find, wanted)):
        candidate = retention.candidate(directory, session, "removed by the person")
        if not candidate.goes:
            print(f"{session} stays: {candidate.reason}")
            stays = 1
            continue
        try:
            retention.remove(directory, notary, candidate)
        except OSError as error:
            raise UserFacingError(f"Cannot delete {session}: {error}.", "Run it again.") from error
        print(f"removed: session {session}, {figure(candidate.size)}")
    return stays


def _find(wanted: str) -> str:
    fitting = [one for one in AuditDirectory().directories() if one.startswith(wanted)]
    if len(fitting) != 1:
        raise UserFacingError(
            f"{len(fitting) or 'No'} sessions start with {wanted!r}.", "`ironcurtain-tui sessions` lists them."
        )
    return fitting[0]


def _images(images: list[ImageUsage]) -> list[str]:
    lines = [f"{'IMAGE':<34}{'SIZE':>10}  STATE"]
    for one in images:
        state = "old" if one.old else "in use" if one.in_use else ""
        lines.append(f"{_title(one):<34}{figure(one.bytes):>10}  {state}".rstrip())
    return [*lines, f"{'all images':<34}{figure(sum(one.bytes for one in images)):>10}"]


def _sessions(sessions: list[SessionUsage], *, everything: bool) -> list[str]:
    lines = [f"{'SESSION':<14}{'STARTED':<20}{'SIZE':>10}  OF IT RECORDING"]
    shown = sessions if everything else sessions[:SHOWN]
    for one in shown:
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.record.info.started)) if one.record else "?"
        state = "  running" if one.running else ""
        lines.append(f"{one.id:<14}{started:<20}{figure(one.bytes):>10}  {figure(one.recording):>15}{state}")
    if len(sessions) > len(shown):
        lines.append(f"{f'{len(sessions) - len(shown)} smaller ones (--all)':<34}")
    return [*lines, f"{'all sessions':<34}{figure(sum(one.bytes for one in sessions)):>10}"]


def _title(image: ImageUsage) -> str:
    return image.name or image.id.removeprefix("sha256:")[:12]
