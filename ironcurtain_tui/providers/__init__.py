"""Model providers as data: hosts, endpoints, where the key sits, how errors look, where usage is told. Pure."""

from ironcurtain_tui.providers.anthropic import ANTHROPIC
from ironcurtain_tui.providers.base import Provider
from ironcurtain_tui.providers.chatgpt import CHATGPT
from ironcurtain_tui.providers.google import GOOGLE
from ironcurtain_tui.providers.openai import OPENAI
from ironcurtain_tui.providers.openrouter import OPENROUTER

PROVIDERS: dict[str, Provider] = {
    provider.name: provider for provider in (ANTHROPIC, OPENAI, CHATGPT, GOOGLE, OPENROUTER)
}
"""Every provider we know, by name."""
