"""Tool servers that come with us, each a process of its own: ``python -m ironcurtain_tui.gateway.servers.git``,
or forked from the nursery (``__main__.py``)."""
