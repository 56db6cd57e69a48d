"""The audit log: durable appends, verifying, indexing, and searching a million records against grep, ripgrep and jq."""

from __future__ import annotations

import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.table import Comparison, percentile
from ironcurtain_tui.audit.chain import Entry, link, start
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.index import AuditIndex, Query
from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.audit.redact import Redactor
from ironcurtain_tui.audit.verify import verify_log
from ironcurtain_tui.config import RedactionSettings
from ironcurtain_tui.events import Decision
from ironcurtain_tui.paths import private_directory

RECORDS = int(os.environ.get("BENCHMARK_RECORDS", "1000000"))
SESSIONS = 10
APPENDS = 2_000
ROUNDS = 5
OURS, COMMAND, GREP, RIPGREP, JQ = "index", "audit search", "grep", "ripgrep", "jq"
HOSTS = ("api.anthropic.com",) * 6 + ("github.com", "packages.example", "npm.example", "example.com", "evil.test")
TOOLS = ("read_file", "write_file", "git_status", "search")


def run() -> list[Comparison]:
    """In a directory of its own; BENCHMARK_RECORDS sets how many records are searched."""
    with tempfile.TemporaryDirectory(prefix="ironcurtain-bench-") as room:
        root = Path(room)
        appends = _appends(AuditDirectory(private_directory(root / "appends")))
        directory = AuditDirectory(private_directory(root / "many"))
        last = write_logs(directory)
        return [appends, _throughput(directory, last), _search(directory)]


def _appends(directory: AuditDirectory) -> Comparison:
    table = Comparison(
        "Audit: one append, microseconds",
        ("p50", "p99"),
        (),
        f"{APPENDS:,} records of a request, redacted, chained and on the disk before the next. "
        "The bare flush is a write of the same size and fdatasync(2), without anything of ours.",
    )
    private_directory(directory.log("0" * 12).parent)
    entry = _entry(random.Random(1), 0)  # noqa: S311 -- the same data every time
    redact = Redactor.configured(RedactionSettings(), ["sk-ant-the-real-key-of-this-run"])
    with AuditLog.open(directory.log("0" * 12), "0" * 12, redact=redact, notary=directory.notary()) as log:
        durable = _each(lambda: log.append("request", entry.summary, decision=entry.decision, data=entry.data))
        loose = _each(
            lambda: log.append("request", entry.summary, decision=entry.decision, data=entry.data, durable=False)
        )
    line, _ = link(start("0" * 12), entry)
    descriptor = os.open(directory.path / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def bare() -> None:
        os.write(descriptor, line)
        os.fdatasync(descriptor)

    flush = _each(bare)
    os.close(descriptor)
    for name, times in (("durable", durable), ("not waiting for the disk", loose), ("bare flush", flush)):
        table.add(name, {"p50": statistics.median(times), "p99": percentile(times, 99)})
    return table


def _throughput(directory: AuditDirectory, last: str) -> Comparison:
    table = Comparison(
        "Audit: records a second",
        (OURS, "mebibytes"),
        (),
        f"{RECORDS:,} records in {SESSIONS} sessions. Mebibytes: the largest memory of the process so far, for the "
        "index its size on the disk.",
    )
    count = RECORDS // SESSIONS
    seconds = _seconds(lambda: verify_log(directory, last))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table.add("verify: chain, signatures, ledger", {OURS: count / seconds, "mebibytes": peak})
    with AuditIndex(directory) as index:
        began = time.perf_counter()
        records = index.refresh()
        took = time.perf_counter() - began
        index.optimise()
    table.add("index", {OURS: records / took, "mebibytes": directory.index_path.stat().st_size / (1 << 20)})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table.add("memory after it", {"mebibytes": peak})
    return table


def _search(directory: AuditDirectory) -> Comparison:
    peers = {name: shutil.which(tool) for name, tool in ((GREP, "grep"), (RIPGREP, "rg"), (JQ, "jq"))}
    table = Comparison(
        f"Audit: search {RECORDS:,} records, milliseconds",
        (OURS, COMMAND, GREP, RIPGREP, JQ),
        ((OURS, GREP), (OURS, RIPGREP), (OURS, JQ)),
        "index: the newest 100 that fit, read from the logs and their hashes compared, in an open program. audit "
        "search: the same as a command, from start to exit. The others read all logs, and in no order of time.",
    )
    logs = [str(path) for _, path in directory.logs()]
    denied = Query(decisions=(Decision.DENY,), hosts=("evil.test",))
    filters = '"decision":"deny".*"host":"evil.test"', 'select(.decision=="deny" and .data.action.host?=="evil.test")'
    cases: list[tuple[str, Query, list[str], str, str]] = [
        ("one file", Query(text="module_4321"), ["module_4321"], "module_4321", 'select(.summary|test("module_4321"))'),
        ("a word in most", Query(text="messages"), ["messages"], "messages", 'select(.summary|test("messages"))'),
        ("denied at a host", denied, ["--decision", "deny", "--host", "evil.test"], *filters),
    ]
    environment = {**os.environ, "IRONCURTAIN_HOME": str(directory.root)}
    with AuditIndex(directory) as index:
        for name, query, words, pattern, program in cases:
            command = [sys.executable, "-m", "ironcurtain_tui", "audit", "search", *words, "-n", "100"]
            values = {
                OURS: _seconds(lambda query=query: index.newest(query, 100)) * 1e3,  # type: ignore[misc]
                COMMAND: _run(command, environment) * 1e3,
            }
            for peer, arguments in (
                (GREP, ["-h", pattern, *logs]),
                (RIPGREP, ["--no-filename", pattern, *logs]),
                (JQ, ["-c", program, *logs]),
            ):
                if tool := peers[peer]:
                    values[peer] = _run([tool, *arguments], environment, rounds=1 if peer == JQ else ROUNDS) * 1e3
            table.add(name, values)
        table.add("count, a word in most", {OURS: _seconds(lambda: index.count(Query(text="messages"))) * 1e3})
        opening = _seconds(lambda: AuditIndex(directory).close())
        table.add("open", {OURS: opening * 1e3})
    return table


def _entry(chance: random.Random, time_us: int) -> Entry:
    kind = chance.random()
    if kind < 0.6:
        host = chance.choice(HOSTS)
        decision = Decision.ALLOW if host == HOSTS[0] else chance.choice((Decision.DENY, Decision.ESCALATE))
        path = f"/v1/messages/{chance.randrange(100_000)}"
        action = {"action": "http", "host": host, "port": 443, "method": "POST", "path": path, "query": ""}
        data = {"action": action, "reason": "" if decision is Decision.ALLOW else "not on the list", "rule": "hosts"}
        summary = f"POST {host}{path}"
        return Entry(time_us=time_us, mono_us=time_us, kind="request", summary=summary, decision=decision, data=data)
    if kind < 0.9:
        tool, arguments = chance.choice(TOOLS), {"path": f"/workspace/src/module_{chance.randrange(5000)}.py"}
        action = {"action": "tool", "server": "filesystem", "tool": tool, "arguments": arguments}
        summary = f"filesystem.{tool} {arguments['path']}"
        data = {"action": action, "reason": "", "rule": "workspace"}
        return Entry(time_us=time_us, mono_us=time_us, kind="tool", summary=summary, decision=Decision.ALLOW, data=data)
    flow = {"host": HOSTS[0], "status": 200, "bytes_up": chance.randrange(99_999), "bytes_down": 1234, "cost_usd": 0.01}
    return Entry(
        time_us=time_us, mono_us=time_us, kind="request.end", summary=f"POST {HOSTS[0]}/v1/messages", data=flow
    )


def write_logs(directory: AuditDirectory) -> str:
    """RECORDS records in SESSIONS logs; the last one is written by the real writer, signed and all. Its id."""
    chance = random.Random(1)  # noqa: S311 -- the same data every time
    now = 1_780_000_000_000_000
    for number in range(SESSIONS):
        session = f"{number:012x}"
        private_directory(directory.log(session).parent)
        entries = []
        for _ in range(RECORDS // SESSIONS):
            now += chance.randrange(1_000, 200_000)
            entries.append(_entry(chance, now))
        if number == SESSIONS - 1:
            with AuditLog.open(directory.log(session), session, notary=directory.notary()) as log:
                for one in entries:
                    log.append(one.kind, one.summary, decision=one.decision, data=one.data, durable=False)
            return session
        head = start(session)
        with directory.log(session).open("wb") as file:
            for one in entries:
                line, head = link(head, one)
                file.write(line)
    raise AssertionError("SESSIONS must be positive")


def _each(action: Callable[[], object]) -> list[float]:
    """Microseconds of every one of APPENDS calls."""
    times = []
    for _ in range(APPENDS):
        began = time.perf_counter()
        action()
        times.append((time.perf_counter() - began) * 1e6)
    return times


def _seconds(action: Callable[[], object]) -> float:
    """The median of ROUNDS."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _run(command: Sequence[str], environment: dict[str, str], rounds: int = ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
            while process.stdout is not None and process.stdout.read(1 << 20):
                pass  # a pipe, because grep stops at its first match when it writes to /dev/null
        times.append(time.perf_counter() - began)
    return statistics.median(times)
