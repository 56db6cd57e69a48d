from __future__ import annotations

import secrets
import shutil
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui import paths
from ironcurtain_tui.agents import AGENTS
from ironcurtain_tui.containers import images
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import (
    build_failure,
    build_hash,
    ensure_image,
    ensure_own_image,
    extra_authorities,
    image_names,
    is_fresh,
    is_own_ready,
    on_our_base,
    own_tag,
    tag_of,
)
from ironcurtain_tui.containers.progress import BuildProgress, plain
from ironcurtain_tui.disk_usage import image_usage
from ironcurtain_tui.errors import UserFacingError
from tests.containers.fake_engine import FakeEngine


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of ``images/`` that a test may change."""
    copy = tmp_path / "images"
    shutil.copytree(paths.resource("images"), copy)
    monkeypatch.setattr(images, "resource", lambda _: copy)
    return copy


@pytest.fixture
def tiny(engine: Engine, shell_image: str, folders: Path) -> Iterator[str]:
    """The name of an image that takes no time to build, removed at the end."""
    name = f"test-{secrets.token_hex(4)}"
    (folders / name).mkdir()
    (folders / name / "Dockerfile").write_text("FROM ironcurtain-base:latest\nLABEL a=1\nRUN echo built\n")
    yield name
    if any(tag_of(name) in (image["RepoTags"] or ()) for image in engine.client.images()):
        engine.client.remove_image(tag_of(name), force=True)


def test_the_images_we_ship() -> None:
    agents = {adapter.image for adapter in AGENTS.values()}
    assert image_names() == ("base", *sorted({*agents, "sidecar"}))


def test_the_hash_covers_names_contents_and_the_parent(folders: Path) -> None:
    before = {name: build_hash(name) for name in image_names()}
    assert len(set(before.values())) == len(image_names())
    assert before == {name: build_hash(name) for name in image_names()}
    (folders / "claude-code" / "Dockerfile").rename(folders / "claude-code" / "Dockerfile.new")
    (folders / "shell" / "extra").write_text("")
    assert build_hash("claude-code") != before["claude-code"]
    assert build_hash("shell") != before["shell"]
    assert build_hash("base") == before["base"]
    shell = build_hash("shell")
    (folders / "base" / "entrypoint.sh").write_text("#!/bin/sh\n")
    assert build_hash("base") != before["base"]
    assert build_hash("shell") != shell
    assert build_hash("sidecar") == before["sidecar"], "it is built on plain Debian"


def test_moving_a_byte_from_one_file_to_the_next_is_a_change(folders: Path) -> None:
    (folders / "shell" / "a").write_bytes(b"12")
    (folders / "shell" / "b").write_bytes(b"3")
    before = build_hash("shell")
    (folders / "shell" / "a").write_bytes(b"1")
    (folders / "shell" / "b").write_bytes(b"23")
    assert build_hash("shell") != before


@pytest.fixture
def own(engine: Engine, shell_image: str) -> Iterator[str]:
    """The name of an agent of the user's own, whose image is removed at the end."""
    name = f"test-{secrets.token_hex(4)}"
    yield name
    if any(own_tag(name) in (image["RepoTags"] or ()) for image in engine.client.images()):
        engine.client.remove_image(own_tag(name), force=True)


@pytest.mark.engine
def test_the_image_of_an_own_agent_is_built_once_and_again_when_it_changes(
    engine: Engine, own: str, tmp_path: Path
) -> None:
    seen: list[BuildProgress] = []
    (tmp_path / "Dockerfile").write_text("FROM ironcurtain-base:latest\nRUN echo one\n")
    assert not is_own_ready(engine, own, tmp_path)
    tag = ensure_own_image(engine, own, tmp_path, seen.append)
    assert is_own_ready(engine, own, tmp_path)
    first = engine.client.inspect_image(tag)["Id"]
    assert not [each for each in image_usage(engine) if each.id == first], "it is not ours to clean up"
    assert any("one" in progress.line for progress in seen)
    assert engine.client.inspect_image(ensure_own_image(engine, own, tmp_path, seen.append))["Id"] == first
    (tmp_path / "Dockerfile").write_text("FROM ironcurtain-base:latest\nRUN echo two\n")
    assert engine.client.inspect_image(ensure_own_image(engine, own, tmp_path, seen.append))["Id"] != first


@pytest.mark.engine
def test_an_own_image_must_start_as_ours_do(engine: Engine, own: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text('FROM ironcurtain-base:latest\nENTRYPOINT ["sh"]\n')
    with pytest.raises(UserFacingError, match="starts another way") as caught:
        ensure_own_image(engine, own, tmp_path, lambda _: None)
    assert "FROM ironcurtain-base" in caught.value.remedy
    with pytest.raises(UserFacingError, match="has no image"):
        on_our_base(engine, "ironcurtain-nothing:latest")
    with pytest.raises(UserFacingError, match="no Dockerfile"):
        ensure_own_image(engine, own, tmp_path / "nowhere", lambda _: None)


def test_extra_authorities_are_the_files_the_host_names_each_once(tmp_path: Path) -> None:
    first, second = tmp_path / "first.pem", tmp_path / "second.pem"
    for file in (first, second):
        file.write_text("certificate")
    environment = {
        "SSL_CERT_FILE": str(first),
        "PIP_CERT": str(first),
        "NODE_EXTRA_CA_CERTS": str(second),
        "REQUESTS_CA_BUNDLE": str(tmp_path / "missing.pem"),
        "CURL_CA_BUNDLE": "",
    }
    assert extra_authorities(environment) == [first.resolve(), second.resolve()]
    assert extra_authorities({}) == []


def test_progress_lines_are_printable() -> None:
    assert list(plain("\x1b[31mred\x1b[0m\r10%\r\x1b]0;title\x07 20%\n\n\u202ehidden\n")) == [
        "red",
        "10%",
        "0;title 20%",
        "hidden",
    ]


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("write /var/lib/docker/x: no space left on device", "docker system df"),
        ("SSL: CERTIFICATE_VERIFY_FAILED", "SSL_CERT_FILE"),
        ("E: Unable to locate package", "image build shell"),
    ],
)
def test_a_failed_build_says_what_to_do(line: str, remedy: str) -> None:
    error = build_failure("shell", "RUN something", deque([line]))
    assert "RUN something" in error.message
    assert line in error.message
    assert remedy in error.remedy


def test_an_unknown_image(engine_nobody_asks: Engine) -> None:
    with pytest.raises(UserFacingError, match="no image 'vim'") as caught:
        ensure_image(engine_nobody_asks, "vim", lambda _: None)
    assert "base, claude-code, " in caught.value.remedy


@pytest.fixture
def engine_nobody_asks(fake_engine: FakeEngine) -> Engine:
    return Engine.connect({"DOCKER_HOST": fake_engine.address})


def test_a_full_disk_is_said(fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine.connect({"DOCKER_HOST": fake_engine.address})
    monkeypatch.setattr(images, "_debian", lambda *_: "debian")
    fake_engine.build_output = [
        {"stream": "Step 1/2 : FROM debian\n"},
        {"stream": "Step 2/2 : RUN fill\n"},
        {"errorDetail": {"message": "x"}, "error": "write /layer: no space left on device"},
    ]
    seen: list[BuildProgress] = []
    with pytest.raises(UserFacingError, match="failed in: RUN fill") as caught:
        ensure_image(engine, "base", seen.append)
    assert "docker system prune" in caught.value.remedy
    assert [(progress.step, progress.fraction) for progress in seen] == [
        ("FROM debian", 0.0),
        ("RUN fill", 0.5),
        ("RUN fill", 0.5),
    ]


def test_a_silent_registry_is_given_up(fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine.connect({"DOCKER_HOST": fake_engine.address})
    monkeypatch.setattr(images, "PULL_SECONDS", 0.2)
    made: list[str] = []
    monkeypatch.setattr("ironcurtain_tui.containers.bootstrap.debian_image", lambda *_: made.append("debian"))
    seen: list[BuildProgress] = []
    assert images._debian(engine, seen.append) == "ironcurtain-debian:bookworm"
    assert made == ["debian"]
    assert "did not answer" in seen[-1].line


@pytest.mark.engine
def test_a_fresh_image_is_not_built_again(engine: Engine, shell_image: str) -> None:
    seen: list[BuildProgress] = []
    assert ensure_image(engine, "shell", seen.append) == shell_image
    assert seen == []


@pytest.mark.engine
def test_a_changed_image_is_built_again_and_the_former_one_goes(engine: Engine, folders: Path, tiny: str) -> None:
    seen: list[BuildProgress] = []
    assert not is_fresh(engine, tiny)
    ensure_image(engine, tiny, seen.append)
    assert is_fresh(engine, tiny)
    assert any(progress.line == "built" and progress.step == "RUN echo built" for progress in seen)
    fractions = [progress.fraction for progress in seen if progress.fraction is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    former = engine.client.inspect_image(tag_of(tiny))["Id"]
    (folders / tiny / "Dockerfile").write_text("FROM ironcurtain-base:latest\nLABEL a=2\n")
    ensure_image(engine, tiny, seen.append)
    assert is_fresh(engine, tiny)
    assert former not in {image["Id"] for image in engine.client.images(all=True)}


@pytest.mark.engine
def test_a_failing_build_shows_its_end_and_leaves_no_container(engine: Engine, folders: Path, tiny: str) -> None:
    lines = "for n in $(seq 100); do echo line $n; done; printf '\\033[31mred\\n'; exit 3"
    (folders / tiny / "Dockerfile").write_text(f"FROM ironcurtain-base:latest\nRUN {lines}\n")
    before = {container["Id"] for container in engine.client.containers(all=True)}
    with pytest.raises(UserFacingError) as caught:
        ensure_image(engine, tiny, lambda _: None)
    assert "line 100" in caught.value.message
    assert "line 50\n" not in caught.value.message
    assert "\x1b" not in caught.value.message
    assert "returned a non-zero code: 3" in caught.value.message
    assert {container["Id"] for container in engine.client.containers(all=True)} <= before


@pytest.mark.engine
def test_the_builder_trusts_the_hosts_extra_authority_for_one_command_only(
    engine: Engine, folders: Path, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = tmp_path / "gateway.pem"
    authority.write_text("# the gateway's certificate\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    (folders / tiny / "Dockerfile").write_text(
        "FROM ironcurtain-base:latest\nUSER root\nCOPY build-ca/ /opt/build-ca/\n"
        'RUN with-build-ca sh -c \'grep -q gateway "$PIP_CERT" "$NODE_EXTRA_CA_CERTS"\'\n'
        'RUN test -z "$PIP_CERT" && ! grep -q gateway /etc/ssl/certs/ca-certificates.crt\n'
    )
    ensure_image(engine, tiny, lambda _: None)
