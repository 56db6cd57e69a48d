"""The decision on one action. Pure; whatever no rule allows is denied.

Structure comes first and no rule changes it: what a provider may be asked, our own state, the workspace. Then every
value of the action is judged by the first rule that fits it, and the most restrictive judgement wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ironcurtain_tui.events import Decision, Value
from ironcurtain_tui.packages.package import Package
from ironcurtain_tui.packages.rules import PackageRules
from ironcurtain_tui.policy import domains
from ironcurtain_tui.policy.action import Action, HttpRequest, ToolCall, Tunnel, Verdict
from ironcurtain_tui.policy.address import is_public
from ironcurtain_tui.policy.annotations import (
    ANY_SERVER,
    MOST_ELEMENTS,
    Element,
    ServerAnnotations,
    ToolAnnotation,
    Unjudgeable,
    elements,
    path_like,
)
from ironcurtain_tui.policy.draft import generalise
from ironcurtain_tui.policy.endpoint import Endpoint, is_canonical_path, is_host_name
from ironcurtain_tui.policy.roles import CHANGES, HOSTS, PATHS, RESOURCES, Role
from ironcurtain_tui.policy.rules import RequestRule, Rule, ToolRule, Web
from ironcurtain_tui.policy.surroundings import Surroundings

SHOWN = 200
"""Characters of the agent's own words that a reason quotes at most."""

OWN_TOOLS = frozenset({("ironcurtain", "where_am_i"), ("proxy", "list_domains")})
"""Server and tool: answered by the session itself, without any effect."""

SEVERITY = {Decision.ALLOW: 0, Decision.ANSWER: 0, Decision.ESCALATE: 1, Decision.DENY: 2}


class HostRules(Value, frozen=True):
    """What may be asked of one host. ``host`` is lower case."""

    name: str
    """Who stands behind the host, for the name of the rule: ``anthropic``."""
    host: str
    endpoints: tuple[Endpoint, ...]
    port: int = 443
    otherwise: int | None = None
    """Status to answer on this machine whatever is no endpoint; None when that is refused."""


class PlacedRule(Value, frozen=True):
    """A rule and the file it comes from: ``session``, ``user`` or ``default``. Its lists are expanded."""

    origin: str
    rule: Rule

    @property
    def label(self) -> str:
        """How verdicts name it."""
        return f"{self.origin}: {self.rule.name}"


class Step(Value, frozen=True):
    """How one part of an action was judged."""

    subject: str
    """Which part; holds the agent's words."""
    verdict: Verdict
    passed: tuple[str, ...] = ()
    """Rules that were considered before and did not fit, in order."""


class Explanation(Value, frozen=True):
    """A verdict and how it came about."""

    verdict: Verdict
    steps: tuple[Step, ...]


class Policy:
    """All that a session may do.

    ``hosts``: the providers' hosts, whose endpoints no rule changes. ``rules``: in order of precedence. Without any,
    only the providers can be reached.
    """

    def __init__(
        self,
        hosts: Iterable[HostRules],
        rules: Sequence[PlacedRule] = (),
        *,
        web: Web | None = None,
        annotations: Mapping[str, ServerAnnotations] | None = None,
        surroundings: Surroundings | None = None,
        packages: PackageRules | None = None,
    ) -> None:
        self._hosts = {rules.host: rules for rules in hosts}
        self.rules = tuple(rules)
        """In order of precedence."""
        self._web = web or Web(unknown_hosts="deny")
        self._annotations = dict(annotations or {})
        self._surroundings = surroundings or Surroundings()
        self._packages = packages

    def __eq__(self, other: object) -> bool:
        """Whether both were made of the same rules, settings and tables, so that they decide alike."""
        return isinstance(other, Policy) and self._made_of == other._made_of

    __hash__ = None  # type: ignore[assignment]

    @property
    def _made_of(self) -> tuple[object, ...]:
        return self._hosts, self.rules, self._web, self._annotations, self._surroundings, self._packages

    def decide(self, action: Action, *, attended: bool = True) -> Verdict:
        """The verdict on ``action``. ``attended``: whether a person is there to be asked about unknown hosts."""
        return self.explain(action, attended=attended).verdict

    def explain(self, action: Action, *, attended: bool = True) -> Explanation:
        """The verdict on ``action`` with every step that led to it."""
        match action:
            case Tunnel():
                steps = [self._tunnel(action, attended=attended)]
            case HttpRequest():
                steps = [self._request(action, attended=attended)]
            case ToolCall():
                steps = self._call(action)
        verdict = max((step.verdict for step in steps), key=lambda each: SEVERITY[each.decision])
        return Explanation(verdict=verdict, steps=tuple(steps))

    def covers(self, rule: Rule, action: Action) -> bool:
        """Whether ``rule`` would allow ``action``, which this policy escalates. It lifts no denial."""
        offered = PlacedRule(origin="session", rule=rule)
        lifted: list[PlacedRule] = []
        for placed in self.rules:
            lifted += [offered, placed] if placed.rule.then is Decision.ESCALATE else [placed]
        policy = Policy(
            self._hosts.values(),
            [*lifted, offered],
            web=self._web,
            annotations=self._annotations,
            surroundings=self._surroundings,
            packages=self._packages,
        )
        return (
            self.decide(action).decision is Decision.ESCALATE
            and policy.decide(action, attended=False).decision is Decision.ALLOW
        )

    def elements(self, call: ToolCall) -> tuple[Element, ...]:
        """The values of ``call`` in their roles, with what they lead to; none for a call that cannot be judged."""
        annotation = self._annotation(call)
        try:
            return elements(annotation, call.arguments, self._surroundings) if annotation else ()
        except Unjudgeable:
            return ()

    def draft(self, action: Action) -> Rule | None:
        """The rule that means "the same again"; None when there is none that would be safe."""
        if isinstance(action, HttpRequest) and self.is_providers(action.host):
            return None
        if not isinstance(action, ToolCall):
            return generalise(action)
        annotation = self._annotation(action)
        return generalise(action, self.elements(action), annotation.arguments if annotation else ())

    def path_arguments(self, call: ToolCall) -> frozenset[str]:
        """Names of the arguments of ``call`` that hold paths which count from the workspace."""
        annotation = self._annotation(call)
        named = ((name, annotation.argument(name)) for name in annotation.arguments) if annotation else ()
        return frozenset(
            name
            for name, argument in named
            if argument and not argument.relative_to and PATHS.intersection(argument.roles_for(call.arguments))
        )

    @property
    def blind(self) -> tuple[str, ...]:
        """``host:port`` of what is passed on unread."""
        return self._web.blind

    def is_providers(self, host: str) -> bool:
        """Whether ``host`` is one of a provider, about which no rule decides."""
        return host in self._hosts

    def names_address(self, address: str) -> bool:
        """Whether a private ``address`` may be dialled all the same, because the policy names its network."""
        return self._web.names(address)

    # --- web -----------------------------------------------------------------------------------------

    def _tunnel(self, tunnel: Tunnel, *, attended: bool) -> Step:
        """Every request inside is judged by itself; ESCALATE says that there may be something to ask about."""
        host, subject = tunnel.host.lower(), f"{_shown(tunnel.host)}:{tunnel.port}"
        provider = self._hosts.get(host)
        if provider is not None:
            if tunnel.port != provider.port:
                reason = f"{host} may be reached on port {provider.port} only, not {tunnel.port}"
                return Step(subject=subject, verdict=_deny(reason, "unlisted-port"))
            return Step(subject=subject, verdict=_allow(f"{provider.name}: host {host}"))
        blind = f"{host}:{tunnel.port}" in self._web.blind
        if blind or tunnel.registry:
            label = "web.blind: passed on unread" if blind else f"packages: {tunnel.registry}"
            verdict = Verdict(decision=Decision.ALLOW, rule=label, blind=blind)
            return Step(subject=subject, verdict=self._forbidden(host, tunnel.port) or verdict)
        passed: list[str] = []
        for placed in self._request_rules():
            rule = placed.rule
            if not isinstance(rule, RequestRule) or not rule.leads_to(host, tunnel.port):
                passed.append(placed.label)
            elif rule.then is not Decision.DENY:
                return Step(subject=subject, verdict=_verdict(placed, subject), passed=tuple(passed))
            elif rule.covers_host:
                reason = rule.reason or f"{_shown(host)} is forbidden by the policy"
                return Step(subject=subject, verdict=_deny(reason, placed.label), passed=tuple(passed))
        verdict = self._unknown_host(host, f"connecting to {subject}", attended=attended)
        return Step(subject=subject, verdict=verdict, passed=tuple(passed))

    def _request(self, request: HttpRequest, *, attended: bool) -> Step:
        asked = f"{_shown(request.method)} {_shown(request.path)}"
        provider = self._hosts.get(request.host)
        if provider is not None:
            return Step(subject=asked, verdict=self._provider_request(provider, request, asked))
        subject = f"{_shown(request.method)} https://{_shown(request.host)}:{request.port}{_shown(request.path)}"
        if request.package is not None:
            return Step(subject=subject, verdict=self._package(request, request.package))
        passed: list[str] = []
        for placed in self._request_rules():
            if isinstance(placed.rule, RequestRule) and placed.rule.fits(request):
                return Step(subject=subject, verdict=_verdict(placed, asked), passed=tuple(passed))
            passed.append(placed.label)
        verdict = self._unknown_host(request.host, f"{asked} at {_shown(request.host)}", attended=attended)
        return Step(subject=subject, verdict=verdict, passed=tuple(passed))

    def _package(self, request: HttpRequest, package: Package) -> Verdict:
        """Of the rules on requests, only those that forbid count: how old a package must be is not theirs to say."""
        for placed in self._request_rules():
            if isinstance(placed.rule, RequestRule) and placed.rule.then is Decision.DENY and placed.rule.fits(request):
                return _verdict(placed, package.title)
        if self._packages is None:
            return _deny("this session may reach no package registry", "unlisted-host")
        ruling = self._packages.judge(package)
        return Verdict(decision=ruling.decision, reason=ruling.reason, rule=ruling.rule)

    def _forbidden(self, host: str, port: int) -> Verdict | None:
        """The denial of everything at ``host``, when a rule says so."""
        for placed in self._request_rules():
            rule = placed.rule
            if not isinstance(rule, RequestRule) or rule.then is not Decision.DENY:
                continue
            if rule.leads_to(host, port) and rule.covers_host:
                return _deny(rule.reason or f"{_shown(host)} is forbidden by the policy", placed.label)
        return None

    def _request_rules(self) -> Iterable[PlacedRule]:
        return (placed for placed in self.rules if isinstance(placed.rule, RequestRule))

    def _unknown_host(self, host: str, asked: str, *, attended: bool) -> Verdict:
        if not is_host_name(host):
            return _deny(f"{_shown(host)} is not a host name; addresses are not reached by number", "unlisted-host")
        if self._web.unknown_hosts == "deny":
            return _deny(f"{_shown(host)} is not a host this session may reach", "unlisted-host")
        if not attended:
            return _deny(f"no rule allows {asked}, and nobody is there to be asked", "unlisted-host")
        return Verdict(decision=Decision.ESCALATE, reason=f"no rule allows {asked}", rule="unlisted-host")

    def _provider_request(self, rules: HostRules, request: HttpRequest, asked: str) -> Verdict:
        if request.port != rules.port:
            return _deny(f"{_shown(request.host)} is not a host this session may reach on this port", "unlisted-host")
        if not is_canonical_path(request.path):
            return _deny(f"{asked}: a path that can be read in two ways is not sent on", "non-canonical-path")
        endpoint = next((each for each in rules.endpoints if each.matches(request.method, request.path)), None)
        if endpoint is None:
            if rules.otherwise is not None:
                return _answer(rules.otherwise, asked, f"{rules.name}: {rules.host}")
            return _deny(f"{asked} is not an endpoint of {rules.host} this session may use", "unlisted-endpoint")
        rule = f"{rules.name}: {endpoint.method} {endpoint.path}"
        if endpoint.answer is not None:
            return _answer(endpoint.answer, asked, rule)
        if not endpoint.allows_query(request.query):
            return _deny(f"{asked} may not be used with this query string", "unlisted-query")
        return _allow(rule)

    # --- tools ---------------------------------------------------------------------------------------

    def _annotation(self, call: ToolCall) -> ToolAnnotation | None:
        server = self._annotations.get(call.server, ServerAnnotations())
        return server.tools.get(call.tool) or ANY_SERVER.get(call.tool)

    def _call(self, call: ToolCall) -> list[Step]:
        name = f"{_shown(call.server)}.{_shown(call.tool)}"
        if (call.server, call.tool) in OWN_TOOLS:
            return [Step(subject=name, verdict=_allow("own tools"))]
        if (intrusion := self._intrusion(call)) is not None:
            return [intrusion]
        annotation = self._annotation(call)
        if annotation is None:
            reason = f"no rule allows this tool: nothing says what the arguments of {name} mean"
            return [Step(subject=name, verdict=_deny(reason, "default-deny"))]
        try:
            found = elements(annotation, call.arguments, self._surroundings)
        except Unjudgeable as error:
            return [Step(subject=name, verdict=_deny(str(error), "unjudgeable-argument"))]
        steps = [
            Step(
                subject=f"{_shown(argument)}: an argument nothing is known of",
                verdict=Verdict(
                    decision=Decision.ESCALATE,
                    reason=f"nothing says what the argument {_shown(argument)} of {name} means",
                    rule="unknown-argument",
                ),
            )
            for argument in call.arguments
            if argument not in annotation.arguments
        ]
        rules = [placed for placed in self.rules if isinstance(placed.rule, ToolRule) and placed.rule.names(call)]
        judged = [self._element(call, element, found, rules) for element in found]
        steps += [step for step in judged if step is not None]
        if not any(element.role in RESOURCES for element in found):
            steps.append(self._first(name, None, found, rules))
        return steps

    def _intrusion(self, call: ToolCall) -> Step | None:
        """The denial of a call that touches something of ours, whatever its arguments are said to mean.

        Also of one that names too many paths to be searched for that.
        """
        for count, text in enumerate(path_like(call.arguments)):
            if count == MOST_ELEMENTS:
                reason = f"more than {MOST_ELEMENTS} paths in one call"
                return Step(subject=_shown(call.tool), verdict=_deny(reason, "unjudgeable-argument"))
            real = self._surroundings.resolve(text)
            if real is not None and self._surroundings.is_protected(real):
                reason = f"{_shown(text)} belongs to IronCurtain itself, which no tool may touch"
                return Step(subject=_shown(text), verdict=_deny(reason, "structural: our own state"))
        return None

    def _element(
        self, call: ToolCall, element: Element, found: Sequence[Element], rules: Sequence[PlacedRule]
    ) -> Step | None:
        """How one element is judged; None for what goes along and no rule is about."""
        if (verdict := self._structure(call, element)) is not None:
            return Step(subject=str(element), verdict=verdict)
        step = self._first(str(element), element, found, rules)
        if element.role not in RESOURCES and step.verdict.rule == "default-deny":
            return None
        return step

    def _structure(self, call: ToolCall, element: Element) -> Verdict | None:
        subject, role, shown = element.subject, element.role, _shown(element.value)
        places = self._surroundings
        if role in HOSTS | {Role.BRANCH_NAME} and element.value.startswith("-"):
            return _deny(f"{shown} would be taken for an option", "structural: no options")
        if subject is None:
            return _deny(f"it cannot be told where {shown} leads", "structural: unreadable")
        if role in PATHS or (role is Role.GIT_REMOTE_URL and subject.startswith("/")):
            if places.is_protected(subject) or (role in CHANGES and places.holds_protected(subject)):
                reason = f"{shown} holds or belongs to IronCurtain's own state, which no tool may touch"
                return _deny(reason, "structural: our own state")
            if role in PATHS and self._annotations[call.server].local and places.in_workspace(subject):
                return _allow("structural: the workspace is free")
        if role in (Role.FETCH_URL, Role.PROXY_DOMAIN):
            return self._host_structure(subject, shown)
        return None

    def _host_structure(self, host: str, shown: str) -> Verdict | None:
        address = domains.address_of(host)
        if address is not None and not is_public(address) and not self._web.names(address):
            return _deny(f"{shown} leads to an address that is not public", "structural: private address")
        if address is None and not is_host_name(host.rpartition(":")[0] or host):
            return _deny(f"{shown} names no host on the public internet", "structural: private address")
        return None

    def _first(
        self, subject: str, element: Element | None, found: Sequence[Element], rules: Sequence[PlacedRule]
    ) -> Step:
        """The judgement of the first rule that fits; denial when none does."""
        passed: list[str] = []
        for placed in rules:
            if isinstance(placed.rule, ToolRule) and placed.rule.fits(element, found, self._surroundings):
                return Step(subject=subject, verdict=_verdict(placed, subject), passed=tuple(passed))
            passed.append(placed.label)
        return Step(subject=subject, verdict=_deny("no rule allows this tool", "default-deny"), passed=tuple(passed))


def _verdict(placed: PlacedRule, subject: str) -> Verdict:
    rule = placed.rule
    if rule.then is Decision.ALLOW:
        return _allow(placed.label)
    return Verdict(decision=rule.then, reason=rule.reason or f"{rule.name}: {subject}", rule=placed.label)


def _allow(rule: str) -> Verdict:
    return Verdict(decision=Decision.ALLOW, rule=rule)


def _answer(status: int, asked: str, rule: str) -> Verdict:
    reason = f"{asked} is answered on this machine and never sent"
    return Verdict(decision=Decision.ANSWER, reason=reason, rule=rule, answer_status=status)


def _deny(reason: str, rule: str) -> Verdict:
    return Verdict(decision=Decision.DENY, reason=reason, rule=rule)


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"
