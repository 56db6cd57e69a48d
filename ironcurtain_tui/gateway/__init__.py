"""The second door: tools for the agent, over the Model Context Protocol."""

LARGEST_MESSAGE = 4 << 20
"""Bytes of one line of the agent's; a client that sends a longer one is cut off."""
