"""What the session needs to know of an agent, and what the agent needs to know of the session."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ironcurtain_tui.agents.task import TaskLaunch
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.policy.rules import RequestRule
from ironcurtain_tui.providers import PROVIDERS

HOME = "/home/agent"
MCP_SOCKET = "/run/ironcurtain/mcp.sock"
"""The gateway, as the container sees it."""
MCP_SERVER = "ironcurtain"
"""The name under which agents know the gateway."""
MCP_BRIDGE = ("socat", "STDIO", f"UNIX-CONNECT:{MCP_SOCKET}")
"""A command that speaks MCP on its standard streams, where the gateway is a unix socket: agents start servers."""

TOOL_SECONDS = 3600
"""How long an agent shall wait for a tool of the gateway: a person may have to think about the call."""
HELD_SECONDS = 660
"""How long it shall wait for a model call or a command's request that is held: longer than a question is open."""


@dataclass(frozen=True)
class AgentContext:
    """One session, as far as an agent may know it."""

    session_id: str
    sentinels: Mapping[str, str]
    """Provider name to the stand-in for its key. Never a real one."""
    base_urls: Mapping[str, str] = field(default_factory=dict)
    """Provider name to where its API begins, for those whose place a gateway takes."""
    logins: frozenset[str] = frozenset()
    """Names of the providers that a log-in opens instead of a key: their stand-in is a token of that kind."""
    model: str = ""
    """Empty: the agent's own default."""
    workspace: str = "/workspace"
    """Inside the container."""
    rehearsal: bool = False
    """The model is our own scripted one."""
    runs_as_root: bool = False
    """In the container it has uid 0, which on a rootless engine is the person."""
    allowed_hosts: tuple[str, ...] = ()
    """What the proxy lets through, for telling the agent."""
    mcp_bridge: tuple[str, ...] = MCP_BRIDGE
    """The command that speaks MCP with the gateway."""
    conversation: str = ""
    """A UUID of ours for the agent's conversation: new for a new one, the same again when it is taken up."""
    resumes: bool = False
    """Take the conversation up where it was left; what the agent kept of it is back in its ``state``."""


@dataclass(frozen=True)
class AgentLaunch:
    """How to start an agent: an argument list, variables beside the container's own, and files in its home."""

    command: tuple[str, ...]
    env: Mapping[str, str]
    seed: Mapping[str, bytes] = field(default_factory=dict)
    """Paths are relative to HOME, without ``..``."""


class AgentAdapter(ABC):
    """One kind of agent."""

    name: str
    """As written on the command line."""
    title: str
    """As shown on the screen."""
    image: str
    """Directory below ``images/`` that builds it."""
    providers: tuple[str, ...]
    """Names of the providers without whose keys it is of no use."""
    by_login: tuple[str, ...] = ()
    """Those of its providers that a log-in may open in a key's place: the provider's own agents only."""
    dialect: str = ""
    """How its prompt edits, by a name of ``words/dialects``; empty: that was not measured."""
    state: tuple[str, ...] = ()
    """Directories in its home where it keeps its conversations, e.g. ``.codex/sessions``; never one with settings.

    Each becomes a link into the session's state directory on the host, which outlives the container and is written as
    the agent writes. A session that resumes another starts with a copy. Empty: conversations cannot be resumed.
    """

    names_conversations: bool = False
    """Whether a file or directory that it keeps of a conversation has the name ``AgentContext.conversation``."""

    @abstractmethod
    def prepare(self, context: AgentContext) -> AgentLaunch:
        """How to start it in this session, with a new conversation or, where ``context.resumes``, the old one. Pure."""

    def task(self, context: AgentContext, prompt: str) -> TaskLaunch | None:  # noqa: ARG002 -- others need both
        """How to do ``prompt`` without a screen in a container made by ``prepare``; None when it cannot. Pure.

        The conversation is ``context.conversation``, taken up where ``context.resumes``, as with a screen.
        """
        return None

    @property
    def unwanted(self) -> tuple[RequestRule, ...]:
        """Requests the agent makes for itself that nobody needs to be asked about: they are refused."""
        return ()

    def remembers(self, files: Collection[str], conversation: str) -> bool:
        """Whether ``files``, the paths in its home that were kept, hold a conversation that can be taken up. Pure."""
        if not self.names_conversations:
            return bool(files)
        return any(conversation in PurePosixPath(file).with_suffix("").parts for file in files)


def chosen(context: AgentContext, providers: Iterable[str]) -> tuple[str, str]:
    """The provider to use and the model there, empty for its default: ``openai:some-model`` names both.

    Else it is the first of ``providers`` that there is a key for; KeyError when there is none. UserFacingError for a
    model of a provider that is not open to the agent.
    """
    named, _, model = context.model.partition(":")
    if model and named in context.sentinels:
        return named, model
    if model and named in PROVIDERS:
        raise UserFacingError(
            f"The model {context.model} is one of {PROVIDERS[named].title}, which this agent has no key for.",
            f"Choose one with -m; there are keys for {', '.join(context.sentinels)}.",
        )
    for name in providers:
        if name in context.sentinels:
            return name, context.model
    raise KeyError("none of the agent's providers has a key")


def base_url(context: AgentContext, provider: str) -> str:
    """Where the API of ``provider`` begins in this session."""
    return context.base_urls.get(provider, PROVIDERS[provider].base_url)


def mcp_servers(context: AgentContext, **options: object) -> dict[str, object]:
    """The gateway as most agents want to be told of a server, with ``options`` of the agent's own."""
    command, *arguments = context.mcp_bridge
    return {"mcpServers": {MCP_SERVER: {"command": command, "args": arguments, **options}}}


def as_json(value: object) -> bytes:
    """The content of a file of settings."""
    return json.dumps(value, indent=2).encode()


def orientation(context: AgentContext) -> str:
    """What any agent should be told of the place it is in, in English prose for a model or a person."""
    hosts = ", ".join(context.allowed_hosts) or "none"
    return f"""\
You run under IronCurtain: in a container without a network, supervised by a person.

- {context.workspace} is the person's project. It is the only directory that outlives this session; work there freely.
- There is no network to speak of: no DNS, no direct connections. Do not look for a way around it.
- HTTP and HTTPS go through a proxy that the environment variables HTTPS_PROXY and HTTP_PROXY name; programs use it by
  themselves. It decrypts and records everything and lets these hosts through: {hosts}.
- Whatever else is asked of the network waits, up to ten minutes, while the person is asked about just that request; be
  patient, it goes on by itself. If you will need a host more often, ask for it first: proxy__request_domain.
- What the person or the policy refuses gets status 403 and a sentence saying why. A refusal is a decision, not a fault:
  do not retry it and do not try another route. Do without, or tell the person what you need and why.
- The API keys in this environment are stand-ins, worthless elsewhere. The proxy puts the real ones in on the way.
- The MCP server "{MCP_SERVER}" is your other way out. Its tool ironcurtain__where_am_i tells what holds right now.
- Package registries are not reachable unless listed above: use what is installed.
- To ask the person for something, say it in your answer and end your turn; they read along."""
