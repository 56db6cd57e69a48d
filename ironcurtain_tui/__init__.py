"""IronCurtain TUI: supervise a coding agent that has no way out."""

__version__ = "0.1.0"
