"""What agents print while they do a task, read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.agents import AGENTS, AgentContext
from ironcurtain_tui.agents.claude_stream import ClaudeReader
from ironcurtain_tui.agents.task import ANSWER_LENGTH, TEXT_LENGTH, PlainReader, Step, StepKind, TaskReport, lines
from ironcurtain_tui.events import TaskFailure

CONTEXT = AgentContext(
    session_id="0123456789ab",
    sentinels={"anthropic": "sk-ant-api03-stand-in"},
    conversation="3f0f0000-0000-4000-8000-0",
)
RESULT: dict[str, object] = {
    "type": "result",
    "subtype": "success",
    "is_error": False,
    "api_error_status": None,
    "stop_reason": "end_turn",
    "terminal_reason": "completed",
    "result": "All done",
}


def told(*events: dict[str, object], exit_code: int = 0, errors: str = "") -> tuple[list[Step], TaskReport]:
    reader = ClaudeReader()
    steps = [step for event in events for step in reader.read(json.dumps(event))]
    return steps, reader.report(exit_code, errors)


def message(role: str, *blocks: dict[str, object]) -> dict[str, object]:
    return {"type": role, "message": {"role": role, "content": list(blocks)}}


def test_a_turn_with_a_tool() -> None:
    steps, report = told(
        {"type": "system", "subtype": "init", "model": "claude-x", "tools": ["Bash"]},
        message("assistant", {"type": "thinking", "thinking": "hm"}),
        message("assistant", {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "echo hi"}}),
        message("user", {"type": "tool_result", "tool_use_id": "t1", "content": "hi", "is_error": False}),
        message("assistant", {"type": "tool_use", "id": "t2", "name": "Read", "input": {"file_path": "/workspace/a"}}),
        message(
            "user", {"type": "tool_result", "content": [{"type": "text", "text": "no such file"}], "is_error": True}
        ),
        message("assistant", {"type": "text", "text": "All done"}),
        RESULT,
    )
    assert steps == [
        Step(StepKind.NOTE, "model claude-x"),
        Step(StepKind.TOOL, "Bash echo hi"),
        Step(StepKind.RESULT, "hi"),
        Step(StepKind.TOOL, "Read /workspace/a"),
        Step(StepKind.ERROR, "no such file"),
        Step(StepKind.TEXT, "All done"),
    ]
    assert report == TaskReport("All done")


@pytest.mark.parametrize(
    ("result", "failure", "reason"),
    [
        ({"is_error": True, "api_error_status": 429, "result": "API Error: 429"}, TaskFailure.QUOTA, "429"),
        ({"is_error": True, "api_error_status": 529, "result": "Overloaded"}, TaskFailure.PROVIDER, "Overloaded"),
        ({"is_error": True, "api_error_status": 403, "result": "refused this"}, TaskFailure.PROVIDER, "refused this"),
        (
            {"is_error": True, "terminal_reason": "api_error", "result": "no connection"},
            TaskFailure.PROVIDER,
            "connect",
        ),
        ({"is_error": True, "result": None, "errors": ["No conversation found"]}, TaskFailure.AGENT, "No conversation"),
        ({"result": ""}, TaskFailure.EMPTY, "without an answer"),
        ({"result": 7}, TaskFailure.EMPTY, "without an answer"),
    ],
)
def test_failures_are_told_apart(result: dict[str, object], failure: TaskFailure, reason: str) -> None:
    _, report = told(RESULT | result, exit_code=1 if result.get("is_error") else 0)
    assert report.failure is failure
    assert reason in report.reason


def test_a_model_that_refuses_is_no_failure_of_the_agent() -> None:
    _, report = told(RESULT | {"stop_reason": "refusal", "result": "I will not."})
    assert report == TaskReport("I will not.", reason="the model refused the task", refused=True)


def test_an_agent_that_dies_without_a_result_has_failed() -> None:
    _, report = told(message("assistant", {"type": "text", "text": "I begin"}), exit_code=137, errors="x\n\n")
    assert report == TaskReport("", TaskFailure.AGENT, "it ended with code 137 (killed, maybe for want of memory): x")


def test_a_retry_is_told() -> None:
    steps, _ = told(
        {"type": "system", "subtype": "api_retry", "attempt": 2, "max_retries": 10, "error_status": 529},
        {"type": "system", "subtype": "api_retry", "attempt": 2, "max_retries": 10, "error_status": None},
    )
    assert [step.text for step in steps] == [
        "the provider answered with status 529; try 2 of 10",
        "the provider did not answer; once more",
    ]


@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["type", "message", "content", "result", "subtype", "input", "name", "text"]), inner
            )
        ),
    ).map(json.dumps)
)
def test_whatever_is_printed_nothing_is_raised(line: str) -> None:
    for reader in (ClaudeReader(), PlainReader()):
        for step in reader.read(line):
            for shown in lines(step):
                assert shown.isprintable()
        assert reader.report(0, line).failure in {None, *TaskFailure}


def test_a_plain_command_answers_with_all_it_printed() -> None:
    reader = PlainReader()
    assert reader.read("one") == (Step(StepKind.TEXT, "one"),)
    reader.read("two")
    assert reader.report(0, "") == TaskReport("one\ntwo")
    assert reader.report(2, "bash: no\n") == TaskReport("one\ntwo", TaskFailure.AGENT, "it ended with code 2: bash: no")


def test_of_an_endless_answer_the_end_is_kept() -> None:
    reader = PlainReader()
    for number in range(40_000):
        reader.read(f"{number:05} {'x' * 100}")
    text = reader.report(0, "").text
    assert len(text) < ANSWER_LENGTH + 100
    first, *others = text.split("\n")
    assert first == f"… ({40_000 - len(others):,} lines before)"
    assert others[-1].startswith("39999 ")
    (only, more) = lines(Step(StepKind.TEXT, "y" * (TEXT_LENGTH + 7)))
    assert (len(only), more) == (TEXT_LENGTH, "… (7 more characters)")


def test_what_is_shown_is_short_and_harmless() -> None:
    assert lines(Step(StepKind.TOOL, "Bash \x1b[31mred\n\u202eevil\tx")) == ("▸ Bash ␛[31mred", "  \\u{202e}evil   x")
    assert lines(Step(StepKind.RESULT, "\n".join("abcdefg"))) == ("  a", "  b", "  c", "  d", "  … (3 more lines)")
    assert len(lines(Step(StepKind.NOTE, "x" * 5000))[0]) < 500
    assert lines(Step(StepKind.TEXT, "a\n\nb")) == ("a", "", "b")


def test_claude_code_goes_on_with_its_conversation() -> None:
    adapter = AGENTS["claude-code"]
    first = adapter.task(CONTEXT, "do it")
    assert first is not None
    assert first.stdin == "do it"
    assert "do it" not in first.command
    assert first.command[:1] == ("claude",)
    assert first.command[first.command.index("--session-id") + 1] == CONTEXT.conversation
