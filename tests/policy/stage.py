"""A machine with a workspace, our own state, a home and something else; and policies on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import ToolCall, Verdict
from ironcurtain_tui.policy.annotations import ServerAnnotations, ToolAnnotation
from ironcurtain_tui.policy.decide import PlacedRule, Policy
from ironcurtain_tui.policy.document import parse_policy
from ironcurtain_tui.policy.load import build_policy, load_annotations
from ironcurtain_tui.policy.roles import Role
from ironcurtain_tui.policy.rules import with_lists
from ironcurtain_tui.policy.surroundings import Surroundings

REMOTES = {
    "origin": "git@github.com:me/project.git",
    "evil": "https://evil.example/me/project",
    "bare": "/srv/bare.git",
}

GIT = ServerAnnotations(
    local=True,
    tools={
        **load_annotations(Path("/nonexistent"))["git"].tools,
        "push": ToolAnnotation(
            arguments={
                "repo": Role.READ_PATH,
                "remote": Role.GIT_REMOTE_URL,
                "branch": Role.BRANCH_NAME,
                "force": Role.NONE,
            }
        ),
    },
)
GITHUB = ServerAnnotations(
    tools={
        "issue": ToolAnnotation(arguments={"owner": Role.GITHUB_OWNER, "repo": Role.GITHUB_REPO, "body": Role.NONE}),
        "whoami": ToolAnnotation(),
        "upload": ToolAnnotation(arguments={"file": Role.READ_PATH}),
    }
)
MAIL = ServerAnnotations(
    tools={"send": ToolAnnotation(arguments={"to": Role.EMAIL_ADDRESS, "text": Role.EMAIL_BODY})},
)


@dataclass(frozen=True)
class Machine:
    root: Path

    @classmethod
    def at(cls, root: Path) -> Machine:
        for name in ("work/src", "state/ca", "home/Documents", "home/Downloads", "elsewhere"):
            (root / name).mkdir(parents=True)
        return cls(root)

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(
            workspace=str(self.root / "work"),
            protected=(str(self.root / "state"),),
            home=str(self.root / "home"),
            remote_url=lambda _, name: REMOTES.get(name),
        )

    def policy(self, rules: str = "") -> Policy:
        """A policy of these rules only, on the shipped tables and some more."""
        document = parse_policy(rules, "policy.toml")
        placed = [PlacedRule(origin="user", rule=with_lists(rule, document.lists)) for rule in document.rule]
        tables = {**load_annotations(Path("/nonexistent")), "git": GIT, "github": GITHUB, "mail": MAIL}
        return Policy((), placed, web=document.web, annotations=tables, surroundings=self.surroundings)

    def shipped(self, user: str = "") -> Policy:
        """What is in force with this user file."""
        documents = {"user": parse_policy(user, "policy.toml")}
        return build_policy(documents, (), self.root / "work", self.root / "state")


def call(server: str, tool: str, **arguments: object) -> ToolCall:
    return ToolCall(server=server, tool=tool, arguments=arguments)


def decided(verdict: Verdict) -> tuple[Decision, str]:
    return verdict.decision, verdict.rule
