"""What an argument of a tool means to the policy. The sixteen roles of the original IronCurtain."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    READ_PATH = "read-path"
    WRITE_PATH = "write-path"
    DELETE_PATH = "delete-path"
    WRITE_HISTORY = "write-history"
    """A git repository whose history or references are changed."""
    DELETE_HISTORY = "delete-history"
    """A git repository whose references are deleted."""
    FETCH_URL = "fetch-url"
    GIT_REMOTE_URL = "git-remote-url"
    """A git URL, or the name of a remote of the repository."""
    GITHUB_OWNER = "github-owner"
    GITHUB_REPO = "github-repo"
    PROXY_DOMAIN = "proxy-domain"
    """A host the agent asks the proxy to open."""
    BRANCH_NAME = "branch-name"
    COMMIT_MESSAGE = "commit-message"
    EMAIL_ADDRESS = "email-address"
    EMAIL_BODY = "email-body"
    SHARE_PERMISSION = "share-permission"
    NONE = "none"


PATHS = frozenset({Role.READ_PATH, Role.WRITE_PATH, Role.DELETE_PATH, Role.WRITE_HISTORY, Role.DELETE_HISTORY})
CHANGES = PATHS - {Role.READ_PATH}
"""Roles under which what lies inside a directory may be changed through the directory."""
HOSTS = frozenset({Role.FETCH_URL, Role.GIT_REMOTE_URL, Role.PROXY_DOMAIN})
"""Judged by host name."""
CASELESS = frozenset({Role.GITHUB_OWNER, Role.GITHUB_REPO, Role.EMAIL_ADDRESS, Role.SHARE_PERMISSION})
RESOURCES = PATHS | HOSTS | {Role.GITHUB_OWNER, Role.GITHUB_REPO, Role.EMAIL_ADDRESS}
"""What is acted upon, or where something goes: each of these needs a rule that allows it. The others only say what
goes along; a rule may forbid them, but none has to allow them."""
