"""Model providers as data: hosts, endpoints, where the key sits, how errors look, where usage is told. Pure."""

from ironcurtain_tui.providers.anthropic import ANTHROPIC
from ironcurtain_tui.providers.base import Provider

PROVIDERS: dict[str, Provider] = {provider.name: provider for provider in (ANTHROPIC,)}
"""Every provider we know, by name."""
