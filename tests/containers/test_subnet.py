from __future__ import annotations

from ipaddress import IPv4Network
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.containers.subnet import POOLS, PREFIX, candidates, engine_subnets, kernel_routes

names = st.text(max_size=20)
networks = st.builds(
    lambda address, prefix: IPv4Network((address, prefix), strict=False),
    st.integers(0, 2**32 - 1),
    st.integers(8, 32),
)


@given(names, st.lists(networks, max_size=8))
def test_no_candidate_overlaps_what_is_taken(name: str, taken: list[IPv4Network]) -> None:
    found = list(islice(candidates(name, taken), 20))
    assert len(set(found)) == len(found)
    for subnet in found:
        assert subnet.prefixlen == PREFIX
        assert any(subnet.subnet_of(pool) for pool in POOLS)
        assert not any(subnet.overlaps(other) for other in taken)


def test_names_begin_at_different_places() -> None:
    first = {next(candidates(f"ironcurtain-{number}", [])) for number in range(50)}
    assert len(first) > 45


def test_when_nearly_everything_is_taken_the_rest_is_found() -> None:
    free = IPv4Network("172.30.0.0/16")
    taken = [*POOLS[:2], POOLS[3], *POOLS[2].address_exclude(free)]
    assert next(candidates("x", taken)).subnet_of(free)
    assert list(candidates("x", POOLS)) == []


def test_a_default_route_takes_nothing() -> None:
    assert next(candidates("x", [IPv4Network("0.0.0.0/0"), IPv4Network("0.0.0.0/1")]), None) is not None


def test_the_kernels_table() -> None:
    table = (
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    )
    assert kernel_routes(table) == [IPv4Network("0.0.0.0/0"), IPv4Network("172.17.0.0/16")]


def test_subnets_of_the_engine() -> None:
    listed: list[dict[str, object]] = [
        {"IPAM": {"Config": [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}, {"Subnet": "fd00::/64"}]}},
        {"IPAM": {"Config": None}},
        {"IPAM": None},
        {},
    ]
    assert engine_subnets(listed) == [IPv4Network("172.17.0.0/16")]
