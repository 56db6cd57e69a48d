"""Settings: ``~/.ironcurtain/config.toml``, validated, with defaults that work without a file."""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from ironcurtain_tui import paths
from ironcurtain_tui.errors import UserFacingError

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(KiB|MiB|GiB|TiB)")
_ADDRESS = re.compile(r"\d+(\.\d+){3}:\d{1,5}|\[[0-9a-f:]+\]:\d{1,5}")
_PROXY = re.compile(r"http://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:\d{1,5})?/?")
SERVER_NAME = re.compile(r"[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*")
_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def _bytes(size: str) -> int:
    match = _SIZE.fullmatch(size)
    return int(float(match[1]) * _UNITS[match[2]]) if match else 0


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class SessionSettings(_Section, frozen=True):
    agent: str = "claude-code"
    model: str = ""
    """Passed to the agent; empty: the agent's own default."""
    standby: bool = True
    """Whether sessions leave a spare supervisor waiting for the next one."""


class ProviderSettings(_Section, frozen=True):
    """Where the real key of a provider comes from. The environment wins, then the first that is set, in this order.

    A table whose name is none of a provider's is a gateway: a server of somebody's own that speaks ``kind``'s API.
    """

    kind: Literal["", "anthropic", "openai", "google", "openrouter"] = ""
    """Whose API a gateway speaks, and whose place it takes; empty: that of the table's name."""
    base_url: str = ""
    """Where the API begins, as a client would be told: ``https://llm.example.org/v1``; empty: at the provider."""
    ca: str = ""
    """PEM file of the only authority that may vouch for the host of ``base_url``; empty: the public ones."""
    private_network: str = ""
    """Network in which that host may lie, like ``10.20.0.0/16``; empty: its address must be public."""
    api_key_command: tuple[str, ...] = ()
    """A command whose standard output is the key, e.g. ``["op", "read", "op://..."]``."""
    api_key_file: str = ""
    """A file (0600) that holds the key."""
    api_key_keyring: str = ""
    """``SERVICE/USER`` of an entry of the system's keyring."""
    api_key_minutes: int = 0
    """After how many minutes api_key_command is run again; 0: only when the provider does not accept its key."""
    login: Literal["fallback", "first", "off"] = "fallback"
    """Whether a log-in of the agent on this machine is used: without a key, even with one, or never."""
    api_key_env: str = ""
    """A variable of the environment; empty: the provider's usual one."""
    server_tools: Literal["strip", "ask", "deny", "allow"] = "strip"
    """What becomes of tools that the provider runs itself, and of the like: taken out of the request (which is refused
    where that is impossible), a person is asked once a session for each, the request is refused, or it is sent."""
    upstream: str = ""
    """``IP:PORT`` of a gateway of your own that stands in the provider's place; the real key goes there."""
    upstream_ca: str = ""
    """PEM file of the authority that signed that gateway's certificate, which must name the provider's host."""

    def __post_init__(self) -> None:
        if self.api_key_keyring and not re.fullmatch(r".+/[^/]+", self.api_key_keyring):
            raise ValueError("api_key_keyring must be written like 'SERVICE/USER'")
        if not 0 <= self.api_key_minutes <= 1440:
            raise ValueError("api_key_minutes must lie between 0 and 1440")
        if (self.kind or self.ca or self.private_network) and not self.base_url:
            raise ValueError("base_url must be set with kind, ca or private_network")
        if self.private_network:
            ipaddress.ip_network(self.private_network)
        if bool(self.upstream) != bool(self.upstream_ca):
            raise ValueError("upstream and upstream_ca must be set together")
        if self.upstream and not _ADDRESS.fullmatch(self.upstream):
            raise ValueError("upstream must be an address and a port, like '10.0.0.7:8443'")


class AgentSettings(_Section, frozen=True):
    """An agent of your own. ``${sentinel:PROVIDER}`` and the like in its texts are filled in for each session."""

    command: tuple[str, ...]
    """With its arguments; runs in the workspace, in a terminal."""
    title: str = ""
    """As shown on the screen; empty: its name."""
    image: str = ""
    """A tag that the engine holds, of an image built on ``ironcurtain-base``."""
    dockerfile: str = ""
    """A directory with a Dockerfile, ``FROM ironcurtain-base:latest``; neither of both: our image ``shell``."""
    providers: tuple[str, ...] = ()
    """Whose keys it uses; none: every one there is a key for is opened, as for ``shell``."""
    env: dict[str, str] = msgspec.field(default_factory=dict)
    files: dict[str, str] = msgspec.field(default_factory=dict)
    """Path in its home to content."""
    task: tuple[str, ...] = ()
    """The command that reads a task from its standard input, does it without a screen, and prints the answer."""

    def __post_init__(self) -> None:
        if not self.command or not self.command[0]:
            raise ValueError("command must name a program")
        if self.image and self.dockerfile:
            raise ValueError("image and dockerfile cannot both be set")
        for path in map(PurePosixPath, self.files):
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(f"files must lie in its home directory, not at {path}")


class ContainerSettings(_Section, frozen=True):
    memory: str = "4GiB"
    cpus: float = 4.0
    pids: int = 512

    def __post_init__(self) -> None:
        if not _SIZE.fullmatch(self.memory) or self.memory_bytes < 512 << 20:
            raise ValueError("memory must be at least 512MiB, written like '4GiB' or '1536MiB'")
        if not 0.1 <= self.cpus <= 1024:
            raise ValueError("cpus must lie between 0.1 and 1024")
        if not 32 <= self.pids <= 100_000:
            raise ValueError("pids must lie between 32 and 100000")

    @property
    def memory_bytes(self) -> int:
        match = _SIZE.fullmatch(self.memory)
        return int(float(match[1]) * _UNITS[match[2]]) if match else 0


class TerminalSettings(_Section, frozen=True):
    scrollback: int = 10_000
    """Rows kept above the screen, about."""

    def __post_init__(self) -> None:
        if not 0 <= self.scrollback <= 1_000_000:
            raise ValueError("scrollback must lie between 0 and 1000000")


class RecordingSettings(_Section, frozen=True):
    enabled: bool = True
    max_size: str = "64MiB"
    """Of one session, before it is compressed; what is older goes."""
    keystrokes: bool = False
    """Also what is typed and pasted into the agent's terminal: it may hold passwords."""

    def __post_init__(self) -> None:
        if not _SIZE.fullmatch(self.max_size):
            raise ValueError("max_size must be written like '64MiB'")

    @property
    def max_bytes(self) -> int:
        match = _SIZE.fullmatch(self.max_size)
        return int(float(match[1]) * _UNITS[match[2]]) if match else 0


class TrafficSettings(_Section, frozen=True):
    """What is kept of the agent's requests and their responses, beside the audit log's records of them."""

    keep: Literal["bodies", "headers", "nothing"] = "bodies"
    """Headers and bodies, headers alone, or neither. Headers that carry a credential are never kept."""
    max_body: str = "256KiB"
    """Of each body its beginning."""
    max_size: str = "64MiB"
    """Of one session, compressed; what is older goes."""

    def __post_init__(self) -> None:
        for name in ("max_body", "max_size"):
            if not _SIZE.fullmatch(getattr(self, name)):
                raise ValueError(f"{name} must be written like '256KiB'")
        if not 1 <= self.body_bytes <= 4 << 20:
            raise ValueError("max_body must lie between 1KiB and 4MiB")

    @property
    def body_bytes(self) -> int:
        return _bytes(self.max_body)

    @property
    def max_bytes(self) -> int:
        return _bytes(self.max_size)


class RedactionSettings(_Section, frozen=True):
    """What looks like a secret is not stored in the audit log. Keys that are known never are, whatever stands here."""

    enabled: bool = True
    off: tuple[str, ...] = ()
    """Kinds that are to be left alone, e.g. ``["card"]``."""
    extra: dict[str, str] = msgspec.field(default_factory=dict)
    """More kinds: a name and a regular expression each."""

    def __post_init__(self) -> None:
        for name, expression in self.extra.items():
            try:
                pattern = re.compile(expression)
            except re.error as error:
                raise ValueError(f"extra has for {name} no regular expression ({error})") from error
            if pattern.search(""):
                raise ValueError(f"extra has for {name} one that matches the empty text")


class AuditSettings(_Section, frozen=True):
    """How much the records of a session may take, so that no agent can fill the disk with them."""

    max_size: str = "512MiB"
    """Of the audit log of one session; when it has that, the next request or call waits for a person."""
    keep_free: str = "64MiB"
    """Of the disk: with less, nothing new is let through, so that what is under way can be recorded and signed."""

    def __post_init__(self) -> None:
        for name in ("max_size", "keep_free"):
            if not _SIZE.fullmatch(getattr(self, name)):
                raise ValueError(f"{name} must be written like '512MiB'")
        if self.max_bytes < 64 << 10:
            raise ValueError("max_size must be at least 64KiB")

    @property
    def max_bytes(self) -> int:
        return _bytes(self.max_size)

    @property
    def reserve_bytes(self) -> int:
        return _bytes(self.keep_free)


class RetentionSettings(_Section, frozen=True):
    """When past sessions go (`ironcurtain-tui audit retention`); without a limit none ever does."""

    automatic: bool = False
    """Also by itself, at the end of every session."""
    max_age_days: int = 0
    """Days after the last record; 0: any age."""
    max_size: str = ""
    """Of all past sessions together, the oldest going first; empty: any size."""

    def __post_init__(self) -> None:
        if self.max_age_days < 0:
            raise ValueError("max_age_days must not be negative")
        if self.max_size and not _SIZE.fullmatch(self.max_size):
            raise ValueError("max_size must be written like '2GiB'")

    @property
    def max_bytes(self) -> int:
        match = _SIZE.fullmatch(self.max_size)
        return int(float(match[1]) * _UNITS[match[2]]) if match else 0


class BudgetSettings(_Section, frozen=True):
    """How much a session, and all sessions of a day, may use of their models before a person is asked; 0: any."""

    session_requests: int = 0
    session_tokens: int = 0
    """Cached ones included."""
    session_usd: float = 0.0
    """By the providers' price lists."""
    session_minutes: int = 0
    """Since the session began."""
    day_requests: int = 0
    day_tokens: int = 0
    day_usd: float = 0.0

    def __post_init__(self) -> None:
        if any(getattr(self, name) < 0 for name in self.__struct_fields__):
            raise ValueError("no limit may be negative")


class UiSettings(_Section, frozen=True):
    prefix: str = "ctrl+a"
    """The key that leaves the agent's terminal, in Textual's spelling."""
    theme: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"ctrl\+([a-z]|backslash|right_square_bracket|underscore)|f([5-9]|1[0-2])", self.prefix):
            raise ValueError("prefix must be a key like 'ctrl+a', 'ctrl+backslash' or 'f12'")


class ApprovalSettings(_Section, frozen=True):
    """What happens to an action that a person must decide on."""

    timeout: int = 300
    """Seconds until it is denied by itself."""
    unattended: Literal["wait", "deny"] = "wait"
    """When nobody watches the session: wait until the time is up, or deny at once."""

    def __post_init__(self) -> None:
        if not 30 <= self.timeout <= 600:
            raise ValueError("timeout must lie between 30 and 600 seconds")


class AutoApproveSettings(_Section, frozen=True):
    """What may answer a question in the person's place, when their own fresh words ask for just that."""

    mode: Literal["off", "rules", "model"] = "off"
    """``rules``: the words name the deed and what it is done to, and nothing else; ``model``: [model] is asked."""


class ModelSettings(_Section, frozen=True):
    """A model that is asked on this machine, for the person; never the agent's."""

    name: str = ""
    """``anthropic:MODEL`` or ``openai:MODEL``; its key is that of [providers]. Empty: none."""
    base_url: str = ""
    """Of another server with the same API; empty: the provider's own."""
    timeout: float = 20.0
    """Seconds until a question counts as not answered."""

    def __post_init__(self) -> None:
        if self.name and not re.fullmatch(r"(anthropic|openai):\S+", self.name):
            raise ValueError("name must be written like 'anthropic:MODEL' or 'openai:MODEL'")
        secure = r"https://[^\s/]+\S*|http://(127\.0\.0\.1|localhost)[:/]\S*"
        if self.base_url and not re.fullmatch(secure, self.base_url):
            raise ValueError("base_url must start with https:// (http:// only on this machine)")
        if not 1 <= self.timeout <= 120:
            raise ValueError("timeout must lie between 1 and 120 seconds")


class WebHostSettings(_Section, frozen=True):
    """A server of your own that stands in the place of a host on the web."""

    upstream: str
    """``IP:PORT``; may be a private address."""
    ca: str
    """PEM file of the authority that signed its certificate, which must name the host."""

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.upstream):
            raise ValueError("upstream must be an address and a port, like '10.0.0.7:8443'")


class WebSettings(_Section, frozen=True):
    hosts: dict[str, WebHostSettings] = msgspec.field(default_factory=dict)


class McpServerSettings(_Section, frozen=True):
    """A tool server for the agent: a command started on the host, or an address of the streamable HTTP transport."""

    command: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = msgspec.field(default_factory=dict)
    """Beside PATH, HOME and the like. ``${NAME}`` stands for a variable of the host, so that no key is written here."""
    cwd: str = ""
    """Empty: the workspace."""
    url: str = ""
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    """Sent to ``url``; ``${NAME}`` as in ``env``."""
    enabled: bool = True

    def __post_init__(self) -> None:
        if self.command and self.url:
            raise ValueError("command and url cannot both be set")
        if self.enabled and not self.command and not self.url:
            raise ValueError("command (to start it) or url (to reach it) must be set")
        if self.url and not re.fullmatch(r"https?://[^\s/]+\S*", self.url):
            raise ValueError("url must start with http:// or https://")
        if self.url and (self.args or self.env or self.cwd):
            raise ValueError("url goes with headers only, not with args, env or cwd")
        if self.command and self.headers:
            raise ValueError("headers go with url only")


class McpSettings(_Section, frozen=True):
    servers: dict[str, McpServerSettings] = msgspec.field(default_factory=dict)
    """By name. One of the names git, fetch and filesystem takes the place of the server that comes with us."""

    def __post_init__(self) -> None:
        for name in self.servers:
            if not SERVER_NAME.fullmatch(name) or len(name) > 32 or name in {"ironcurtain", "proxy"}:
                raise ValueError(
                    f"servers.{name} is no name for a server: letters, digits and single - or _, at most 32, "
                    "and neither ironcurtain nor proxy"
                )


class TerminalNotification(StrEnum):
    """The escape sequence by which a terminal is asked to notify."""

    AUTO = "auto"
    """By what the terminal says of itself."""
    OFF = "off"
    OSC9 = "osc9"
    """iTerm2, WezTerm, Ghostty, Windows Terminal."""
    OSC777 = "osc777"
    """urxvt, foot, VTE."""
    OSC99 = "osc99"
    """kitty."""


class NotificationSettings(_Section, frozen=True):
    """How to tell a person who looks elsewhere that something waits."""

    bell: bool = True
    terminal: TerminalNotification = TerminalNotification.AUTO
    desktop: bool = False
    """Through the desktop itself; terminals that notify make it unnecessary."""


class NetworkSettings(_Section, frozen=True):
    """How the container reaches proxy and gateway."""

    mode: Literal["auto", "uds", "tcp"] = "auto"
    """Sockets in a mounted directory and no network at all, or TCP ports behind a sidecar; auto: sockets where the
    engine can mount them."""
    sidecar_image: str = ""
    """In TCP mode, an image with socat; empty: our own."""
    upstream_proxy: str = "auto"
    """``http://HOST:PORT`` of the proxy that leads out of this network; auto: what HTTPS_PROXY and NO_PROXY say;
    off: none."""
    upstream_proxy_command: tuple[str, ...] = ()
    """A command whose standard output is ``user:password`` for that proxy."""
    upstream_proxy_env: str = ""
    """A variable of the environment that holds them."""
    upstream_ca: str = ""
    """PEM file of authorities that are trusted beside the public ones, such as the one of a proxy that reads TLS."""

    def __post_init__(self) -> None:
        if self.upstream_proxy not in ("auto", "off") and not _PROXY.fullmatch(self.upstream_proxy):
            raise ValueError(
                "upstream_proxy must be auto, off or like 'http://proxy.example.org:3128', without a password"
            )


class PackageSettings(_Section, frozen=True):
    """Package registries for the installers in the container."""

    enabled: bool = False
    npm: tuple[str, ...] = ()
    """URLs; empty: what npm on this machine uses."""
    pypi: tuple[str, ...] = ()
    """URLs of simple indices; empty: what pip on this machine uses."""
    cargo: tuple[str, ...] = ()
    """URLs of sparse indices; empty: those in Cargo's own config.toml on this machine."""
    debian: tuple[str, ...] = ()
    """``URL suite component...``; empty: what apt on this machine uses of Debian's own."""
    min_age_days: float = 2.0
    """Since a file was published; 0: any age."""
    too_new: Literal["deny", "ask"] = "deny"
    """What happens to a package that is younger than that."""
    deny: tuple[str, ...] = ()
    """Packages that are never let through: ``[kind:]name[@version]``, with ``*`` for anything."""
    allow: tuple[str, ...] = ()
    """Packages that are let through at any age."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_age_days <= 3650:
            raise ValueError("min_age_days must lie between 0 and 3650")


class Config(_Section, frozen=True):
    """The whole file."""

    session: SessionSettings = SessionSettings()
    providers: dict[str, ProviderSettings] = msgspec.field(default_factory=dict)
    agents: dict[str, AgentSettings] = msgspec.field(default_factory=dict)
    """By name, for ``--agent``."""
    container: ContainerSettings = ContainerSettings()
    terminal: TerminalSettings = TerminalSettings()
    recording: RecordingSettings = RecordingSettings()
    traffic: TrafficSettings = TrafficSettings()
    redaction: RedactionSettings = RedactionSettings()
    audit: AuditSettings = AuditSettings()
    retention: RetentionSettings = RetentionSettings()
    budget: BudgetSettings = BudgetSettings()
    ui: UiSettings = UiSettings()
    mcp: McpSettings = McpSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    auto_approve: AutoApproveSettings = AutoApproveSettings()
    model: ModelSettings = ModelSettings()
    web: WebSettings = WebSettings()
    network: NetworkSettings = NetworkSettings()
    packages: PackageSettings = PackageSettings()
    notifications: NotificationSettings = NotificationSettings()


def load(path: Path | None = None) -> Config:
    """Read the settings; defaults when there is no file.

    UserFacingError names the file, the line and the key of whatever is wrong in it.
    """
    path = path or paths.home() / "config.toml"
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise UserFacingError(f"Cannot read {path}: {error}.", "Fix or remove the file.") from error
    try:
        return msgspec.convert(tomllib.loads(text), Config)
    except tomllib.TOMLDecodeError as error:
        raise UserFacingError(f"{path} is not valid TOML: {error}.", "Correct that line.") from error
    except msgspec.ValidationError as error:
        raise _explain(path, text, str(error)) from error


def _explain(path: Path, text: str, error: str) -> UserFacingError:
    """Turn msgspec's message (``... - at `$.a.b` ``) into one with a line and a suggestion."""
    reason, _, place = error.partition(" - at `$")
    keys = [key for key in place.rstrip("`").replace("[...]", f".{_ANY}").split(".") if key]
    known = _known_keys(keys[0] if keys else "")
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", reason)
    remedy = "Correct that line; the README lists every setting."
    if unknown:
        keys.append(unknown[1])
        reason = f"unknown setting `{unknown[1]}`"
        close = difflib.get_close_matches(unknown[1], known, n=1, cutoff=0.7)
        remedy = f"Did you mean `{close[0]}`?" if close else f"Known here: {', '.join(known)}."
    elif (setting := reason.split()[0]) in known:
        keys.append(setting)
    line, written = _find(text, keys)
    at = f"{path}, line {line}" if line else str(path)
    return UserFacingError(f"{at}: {'.'.join(written)}: {reason}.", remedy)


_ANY = "*"
"""Stands for a name of the user's own choice, e.g. a provider's."""


def _known_keys(section: str) -> list[str]:
    sections: dict[str, type[_Section]] = {
        "session": SessionSettings,
        "providers": ProviderSettings,
        "agents": AgentSettings,
        "container": ContainerSettings,
        "terminal": TerminalSettings,
        "recording": RecordingSettings,
        "traffic": TrafficSettings,
        "redaction": RedactionSettings,
        "audit": AuditSettings,
        "retention": RetentionSettings,
        "budget": BudgetSettings,
        "ui": UiSettings,
        "mcp": McpServerSettings,
        "approvals": ApprovalSettings,
        "auto_approve": AutoApproveSettings,
        "model": ModelSettings,
        "web": WebSettings,
        "network": NetworkSettings,
        "packages": PackageSettings,
        "notifications": NotificationSettings,
    }
    return list(sections.get(section, Config).__struct_fields__)


def _find(text: str, keys: list[str]) -> tuple[int, list[str]]:
    """The line (from 1, 0 for not found) where ``keys`` are written, and their spelling there."""
    table: list[str] = []
    best: tuple[int, list[str]] = (0, keys)
    for number, line in enumerate(text.splitlines(), 1):
        written = list(table)
        if header := re.match(r"\s*\[([^\[\]]+)\]", line):
            table = written = [part.strip().strip("\"'") for part in header[1].split(".")]
        elif assignment := re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line):
            written += [part.strip("\"'") for part in assignment[1].split(".")]
        else:
            continue
        prefix = keys[: len(written)]
        if all(key in (_ANY, name) for key, name in zip(prefix, written, strict=False)):
            if len(written) >= len(keys):
                return number, written[: len(keys)]
            best = (number, written + keys[len(written) :])
    return best
