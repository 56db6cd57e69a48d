"""Notifications of the desktop, through desktop-notifier; without a desktop nothing happens."""

from __future__ import annotations

import asyncio
import html
import logging
import sys
from importlib import import_module

log = logging.getLogger(__name__)

SECONDS = 5.0
"""How long a desktop may take to answer."""


async def show(title: str, text: str) -> None:
    """Show a notification. Never fails and never holds anything up: what went wrong goes to the log."""
    try:
        # slow to import, so not in the thread that draws
        library = await asyncio.to_thread(import_module, "desktop_notifier")
        body = text if sys.platform == "darwin" else html.escape(text, quote=False)  # elsewhere it is read as markup
        async with asyncio.timeout(SECONDS):
            await library.DesktopNotifier(app_name=title).send(title=title, message=body)
    except Exception:
        log.warning("no desktop notification", exc_info=True)
