from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.containers.seccomp import seccomp_profile
from ironcurtain_tui.containers.spec import (
    GIB,
    MINIMUM_MEMORY,
    AgentNetwork,
    ContainerSpec,
    HostLimits,
    clamped_cpus,
    clamped_memory,
    create_body,
)

HOST = HostLimits(cpus=8, memory_bytes=32 * GIB)
SPEC = ContainerSpec(
    session_id="0123456789ab",
    image="ironcurtain-shell:latest",
    command=("bash", "-l"),
    env={"TERM": "xterm-256color", "HOME": "/elsewhere"},
    sockets_dir=Path("/state/run/0123456789ab/sockets"),
    workspace=Path("/home/someone/project"),
    uid=1001,
    gid=1002,
    labels={"ironcurtain.owner-pid": "77", "ironcurtain.session": "forged"},
)


def test_there_is_no_network_and_no_privilege() -> None:
    host = create_body(SPEC, HOST)["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["CapDrop"] == ["ALL"]
    assert "CapAdd" not in host
    assert host["Privileged"] is False
    assert host["ReadonlyRootfs"] is True
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Init"] is True


def test_in_tcp_mode_there_is_one_network_one_name_and_no_datagram() -> None:
    body = create_body(replace(SPEC, network=AgentNetwork("ironcurtain-0123456789ab", "172.28.0.2")), HOST)
    host = body["HostConfig"]
    assert host["NetworkMode"] == "ironcurtain-0123456789ab"
    assert host["ExtraHosts"] == ["host.docker.internal:172.28.0.2"]
    assert host["Dns"] == ["127.0.0.1"]
    assert f"seccomp={seccomp_profile(datagrams=False)}" in host["SecurityOpt"]
    assert "IRONCURTAIN_NETWORK_MODE=tcp" in body["Env"]
    without = create_body(SPEC, HOST)
    changed = {"NetworkMode", "ExtraHosts", "Dns", "SecurityOpt"}
    assert {name for name in host if host[name] != without["HostConfig"].get(name)} == changed


def test_a_namespace_made_beforehand_is_all_that_it_changes() -> None:
    for spec in (SPEC, replace(SPEC, network=AgentNetwork("ironcurtain-0123456789ab", "172.28.0.2"))):
        own, shared = create_body(spec, HOST), create_body(replace(spec, namespace="a1b2"), HOST)
        assert shared["HostConfig"] == {
            **{name: value for name, value in own["HostConfig"].items() if name not in {"ExtraHosts", "Dns"}},
            "NetworkMode": "container:a1b2",
        }
        assert {name: value for name, value in own.items() if name not in {"Hostname", "HostConfig"}} == {
            name: value for name, value in shared.items() if name != "HostConfig"
        }, "the holder has the names"


def test_what_the_engine_cannot_limit_is_not_asked_for() -> None:
    whole = create_body(SPEC, HOST)["HostConfig"]
    less = create_body(SPEC, replace(HOST, unheld=("CPU time",)))["HostConfig"]
    assert set(whole) - set(less) == {"NanoCpus"}, "an engine refuses a limit of CPU time that it cannot hold"
    none = create_body(SPEC, replace(HOST, unheld=("memory", "processes", "CPU time")))["HostConfig"]
    assert set(whole) - set(none) == {"NanoCpus", "Memory", "MemorySwap", "PidsLimit"}


def test_on_an_engine_that_remaps_users_the_agent_is_still_the_person() -> None:
    plain, remapped = create_body(SPEC, HOST), create_body(SPEC, HOST, remapped=True)
    assert remapped["HostConfig"].pop("UsernsMode") == "host"
    assert remapped == plain


def test_the_entrypoint_can_be_another() -> None:
    assert create_body(replace(SPEC, entrypoint=("/bin/sh",)), HOST)["Entrypoint"] == ["/bin/sh"]


def test_only_two_directories_are_mounted_and_the_sockets_read_only() -> None:
    host = create_body(SPEC, HOST)["HostConfig"]
    assert [(mount["Source"], mount["Target"], mount["ReadOnly"]) for mount in host["Mounts"]] == [
        ("/state/run/0123456789ab/sockets", "/run/ironcurtain", True),
        ("/home/someone/project", "/workspace", False),
    ]
    assert set(host["Tmpfs"]) == {"/tmp", "/home/agent"}
    assert "uid=1001,gid=1002" in host["Tmpfs"]["/home/agent"]
    assert all("nosuid" in options for options in host["Tmpfs"].values())
    assert "Binds" not in host
    assert "Devices" not in host


def test_the_caller_can_neither_move_home_nor_forge_the_session() -> None:
    body = create_body(SPEC, HOST)
    assert "HOME=/home/agent" in body["Env"]
    assert [entry for entry in body["Env"] if entry.startswith("HOME=")] == ["HOME=/home/agent"]
    assert body["Labels"] == {"ironcurtain.owner-pid": "77", "ironcurtain.session": "0123456789ab"}


def test_the_command_runs_under_our_entry_point_as_the_user_on_a_terminal() -> None:
    body = create_body(SPEC, HOST)
    assert body["Entrypoint"][-1] == "/usr/local/bin/ironcurtain-entrypoint"
    assert body["Cmd"] == ["bash", "-l"]
    assert body["User"] == "1001:1002"
    assert (body["Tty"], body["OpenStdin"], body["StdinOnce"]) == (True, True, False)
    assert body["HostConfig"]["LogConfig"] == {"Type": "none"}


@given(st.integers(min_value=0, max_value=1 << 50), st.integers(min_value=0, max_value=1 << 45))
def test_memory_stays_within_the_host(wanted: int, host: int) -> None:
    allowed = clamped_memory(wanted, HostLimits(1, host))
    assert allowed >= MINIMUM_MEMORY
    assert allowed <= max(wanted, MINIMUM_MEMORY)
    if host > 2 * MINIMUM_MEMORY:
        assert allowed <= host * 0.75


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(min_value=0, max_value=512))
def test_cpus_stay_within_the_host(wanted: float, host: int) -> None:
    assert 0.01 <= clamped_cpus(wanted, HostLimits(host, GIB)) <= max(host - 1, 0.5)
