"""``ironcurtain-tui audit report``: sessions summed up, and the rules they suggest."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from ironcurtain_tui import paths
from ironcurtain_tui.audit.chain import Record
from ironcurtain_tui.audit.decisions import decided
from ironcurtain_tui.audit.report import SessionReport, summarise
from ironcurtain_tui.audit.suggestions import users_policy
from ironcurtain_tui.policy.document import render_rule
from ironcurtain_tui.policy.load import USER_FILE
from ironcurtain_tui.policy.suggest import Decided, Suggestion, suggest


def report(title: str, records: Iterable[Record], *, as_json: bool) -> Iterator[str]:
    """The lines of the report. Raises UserFacingError when the policy file is broken."""
    past: list[Decided] = []
    workspaces: list[Path] = []

    def noted() -> Iterator[Record]:
        for record in records:
            past.extend(decided([record]))
            if record.kind == "session.start":
                workspaces.append(_workspace(record))
            yield record

    figures = summarise(noted())
    suggestions = suggest(past, users_policy(workspaces[-1] if workspaces else Path()))
    if as_json:
        rules = [{"saves": each.saves, "rule": render_rule(each.rule)} for each in suggestions]
        yield msgspec.json.encode({**msgspec.to_builtins(figures), "suggestions": rules}).decode()
    else:
        yield from _figures(title, figures)
        yield from _suggestions(suggestions)


def _workspace(record: Record) -> Path:
    info = record.data.get("info")
    workspace = info.get("workspace") if isinstance(info, dict) else None
    return Path(workspace) if isinstance(workspace, str) else Path()


def _figures(title: str, figures: SessionReport) -> Iterator[str]:
    minutes = (figures.last_us - figures.first_us) / 60e6
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(figures.first_us / 1e6))
    yield f"{title}: {figures.records:,} records in {minutes:,.1f} minutes, from {began}"
    decisions = ", ".join(f"{count:,} {decision}" for decision, count in sorted(figures.decisions.items()))
    yield f"Decisions   {decisions or 'none'}"
    traffic = f"{figures.bytes_up:,} bytes up, {figures.bytes_down:,} bytes down"
    yield f"Traffic     {traffic}, {figures.flow_errors:,} failed"
    yield (
        f"Model       {figures.input_tokens:,} tokens in, {figures.output_tokens:,} out, "
        f"{figures.cached_tokens:,} cached; ${figures.cost_usd:,.4f}"
    )
    if figures.decision_ms:
        times = figures.decision_ms
        median = figures.median_decision_ms or 0
        yield f"Questions   {len(times):,} decided; {median / 1000:,.1f} s (median), {times[-1] / 1000:,.1f} s at most"
    for heading, rows in (
        ("Hosts", [(f"{h.host} ({h.bytes_up:,} up, {h.bytes_down:,} down)", h.requests) for h in figures.hosts]),
        ("Tools", figures.tools),
        ("Refused", figures.denied),
        ("Asked", [(f"{q.title} [{q.rule}], {q.approved:,} approved", q.asked) for q in figures.questions]),
    ):
        for number, (name, count) in enumerate(rows):
            yield f"{heading if number == 0 else '':<12}{count:>7,}  {name}"


def _suggestions(suggestions: Sequence[Suggestion]) -> Iterator[str]:
    if not suggestions:
        return
    yield ""
    yield f"These rules in {paths.home() / USER_FILE} would have saved questions, and allowed nothing that was denied:"
    for each in suggestions:
        yield ""
        yield f"# saves {each.saves:,} questions"
        yield render_rule(each.rule).rstrip("\n")
