"""A plain shell, for looking around where an agent would be."""

from __future__ import annotations

from ironcurtain_tui.agents.base import HOME, AgentAdapter, AgentContext, AgentLaunch
from ironcurtain_tui.agents.task import PlainReader, TaskLaunch
from ironcurtain_tui.providers import PROVIDERS

BANNER = ".config/ironcurtain/banner"

_RC = f"""\
cat {HOME}/{BANNER}
PS1='ironcurtain:\\w\\$ '
"""


class Shell(AgentAdapter):
    """Interactive bash. Needs no key, but has the stand-ins of those there are, so that one can try."""

    name = "shell"
    title = "Shell"
    image = "shell"
    dialect = "readline"
    providers = ()
    by_login = tuple(PROVIDERS)

    def prepare(self, context: AgentContext) -> AgentLaunch:
        env = {PROVIDERS[name].key_variable: key for name, key in context.sentinels.items()}
        env.pop("", None)  # of those that are opened by a log-in only
        env |= {f"{name.upper()}_BASE_URL": url for name, url in context.base_urls.items()}
        return AgentLaunch(
            ("bash", "-i"),
            env,
            {".bashrc": _RC.encode(), BANNER: _banner(context).encode()},
        )

    def task(self, context: AgentContext, prompt: str) -> TaskLaunch:  # noqa: ARG002 -- a shell needs no context
        """``prompt`` is a script."""
        return TaskLaunch(("bash", "-s"), PlainReader(), stdin=prompt)


def _banner(context: AgentContext) -> str:
    hosts = ", ".join(context.allowed_hosts) or "none"
    return f"""\
You are where an agent would be: in a container without a network.

  {context.workspace:<14} your project; the only place that outlives this session
  hosts          {hosts}
                 through the proxy; all else waits until the person decides (F2)
  keys           stand-ins; the proxy puts the real ones in on the way

Try:  curl -sS https://example.com    ip addr    env | grep -i -e proxy -e key

"""
