"""What secrets look like that nobody told us of: the shapes their issuers document, and little else. Pure.

A shape must begin with something that ordinary text does not have, or be checked (card numbers by their length,
issuer and Luhn digit), so that times, counters, digests and UUIDs are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

SHORTEST = 11
"""Characters of the shortest text that can hold one of them (a social-security number)."""


@dataclass(frozen=True)
class Shape:
    """One kind of secret."""

    name: str
    pattern: re.Pattern[str]
    """What is replaced; when it has a group ``keep``, that part of the match stays."""
    hints: tuple[str, ...] = ()
    """Lower-case texts of which at least one is in whatever holds such a secret."""
    trace: re.Pattern[str] | None = None
    """The same for secrets without such a text; neither: there is no quick way to tell."""
    is_one: Callable[[re.Match[str]], bool] = lambda _: True
    """Whether a match really is one."""

    def may_be_in(self, text: str, lower: str) -> bool:
        """Whether it is worth to look for such a secret in ``text``, given also in lower case. Quick."""
        if self.trace is not None:
            return self.trace.search(text) is not None
        if not self.hints:
            return True
        for hint in self.hints:  # noqa: SIM110 -- any() takes twice as long
            if hint in lower:
                return True
        return False

    def replace(self, text: str) -> str:
        """``text`` without secrets of this kind."""
        return self.pattern.sub(self._replacement, text)

    def _replacement(self, match: re.Match[str]) -> str:
        if not self.is_one(match):
            return match[0]
        kept = (match["keep"] or "") if "keep" in self.pattern.groupindex else ""
        return f"{kept}[redacted {self.name}]"


def stands_alone(match: re.Match[str]) -> bool:
    """Whether a number is not a part of something longer: a digest, a UUID, a decimal fraction."""
    text, begin, end = match.string, match.start(), match.end()
    return not (_JOINED_BEFORE.match(text[begin - 1 : begin]) or _JOINED_AFTER.match(text[end : end + 2]))


def looks_like_a_card(match: re.Match[str]) -> bool:
    """Whether digits (with separators) are a payment card's number: issuer's range, length, and Luhn digit."""
    digits = re.sub(r"\D", "", match[0])
    if not (stands_alone(match) and _ISSUED.fullmatch(digits)):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


_JOINED_BEFORE = re.compile(r"[\w.-]")
_JOINED_AFTER = re.compile(r"[\w-]|\.\d")
_ISSUED = re.compile(
    r"4\d{15}(?:\d{3})?"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|(?:6011|65\d\d|64[4-9]\d|35(?:2[89]|[3-8]\d)|62\d\d)\d{12}"  # Discover, JCB, UnionPay
)

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie", "set-cookie"}
)
"""Names whose whole value is a secret, where names and values are known to be such."""

SHAPES = (
    Shape(
        "private key",
        re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)", re.DOTALL),
        ("private key",),
    ),
    Shape(
        "authorization",
        re.compile(
            r"(?P<keep>\b(?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?)"
            r"(?:(?:bearer|basic|token|digest|negotiate|aws4-hmac-sha256|apikey)\s+[^\r\n\"']+|[^\s\"',;]+)",
            re.IGNORECASE,
        ),
        ("authorization",),
    ),
    Shape(
        "credential",
        re.compile(
            r"(?P<keep>\b(?:(?:x-(?:goog-)?)?api-key|x-amz-security-token|(?:set-)?cookie)[\"']?\s*[:=]\s*[\"']?)"
            r"[^\r\n\"']{8,}",
            re.IGNORECASE,
        ),
        ("api-key", "cookie", "x-amz-security-token"),
    ),
    Shape(
        "bearer",
        re.compile(r"(?P<keep>\bbearer\s+)(?=[A-Za-z._~+/=-]*\d)[A-Za-z0-9._~+/=-]{16,}", re.IGNORECASE),
        ("bearer",),
    ),
    Shape("anthropic", re.compile(r"\bsk-ant-[A-Za-z0-9_-]{16,}"), ("sk-ant-",)),
    Shape(
        "openai",
        re.compile(r"\bsk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{32,})"),
        ("sk-",),
    ),
    Shape(
        "github",
        re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,255}(?![A-Za-z0-9])|\bgithub_pat_[A-Za-z0-9_]{40,255}"),
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    Shape(
        "aws",
        re.compile(
            r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"
            r"|(?P<keep>(?i:aws_?(?:secret_?access_?key|session_?token)|secretaccesskey)[\"']?\s*[:=]\s*[\"']?)"
            r"[A-Za-z0-9/+=]{40,}"
        ),
        ("akia", "asia", "abia", "acca", "aws", "secretaccesskey"),
    ),
    Shape(
        "google",
        re.compile(
            r"\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])|\bya29\.[0-9A-Za-z_-]{20,}"
            r"|\bGOCSPX-[0-9A-Za-z_-]{28}|\b1//0[0-9A-Za-z_-]{30,}"
        ),
        ("aiza", "ya29.", "gocspx-", "1//0"),
    ),
    Shape(
        "slack",
        re.compile(
            r"\bxox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}"
            r"|(?P<keep>hooks\.slack\.com/(?:services|workflows|triggers)/)[A-Za-z0-9+/]{20,}"
        ),
        ("xox", "xapp-", "hooks.slack.com/"),
    ),
    Shape(
        "jwt",
        re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.ey[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?|\beyJ[\w-]{8,}(?:\.[\w-]*){4}"),
        ("eyj",),
    ),
    Shape(
        "card",
        re.compile(
            r"[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5}|[0-9]{13,19}"
        ),
        trace=re.compile(r"[0-9]{4}(?:[0-9]{9}|[ -][0-9]{4})"),
        is_one=looks_like_a_card,
    ),
    Shape(
        "ssn",
        re.compile(r"(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}"),
        trace=re.compile(r"-[0-9][0-9]-"),
        is_one=stands_alone,
    ),
)
"""In this order: what names a whole value comes before what is found inside of one."""


def custom(patterns: Mapping[str, str]) -> tuple[Shape, ...]:
    """Shapes from names and regular expressions; re.error for what is none."""
    return tuple(Shape(name, re.compile(expression)) for name, expression in patterns.items())


def likely(text: str, shapes: Iterable[Shape]) -> tuple[Shape, ...]:
    """Those of ``shapes`` that may be in ``text``, which may be JSON."""
    lower = text.lower()
    return tuple(shape for shape in shapes if shape.may_be_in(text, lower))


def redact(text: str, shapes: Iterable[Shape]) -> str:
    """``text`` with every secret of these shapes replaced by ``[redacted NAME]``."""
    for shape in likely(text, shapes):
        text = shape.replace(text)
    return text
