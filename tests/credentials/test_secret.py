from __future__ import annotations

import copy
import json
import pickle
import traceback

import msgspec
import pytest

from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.credentials.sentinel import mint

KEY = "sk-ant-api03-very-secret-indeed"


def test_only_reveal_reveals() -> None:
    secret = Secret(KEY)
    assert secret.reveal() == KEY
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>40}",
        repr([secret]),
        repr({"a": secret}),
    ):
        assert KEY not in shown
        assert "***" in shown
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize(
    "leak", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, msgspec.json.encode, msgspec.msgpack.encode]
)
def test_it_is_not_written_anywhere(leak: object) -> None:
    with pytest.raises(TypeError) as caught:
        leak(Secret(KEY))  # type: ignore[operator]
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_an_empty_secret_is_none() -> None:
    with pytest.raises(ValueError, match="empty"):
        Secret("")


def test_sentinels_are_new_each_time_and_look_like_a_key() -> None:
    minted = {mint("sk-ant-api03-ironcurtain-") for _ in range(100)}
    assert len(minted) == 100
    assert all(len(each) == 25 + 32 and each.startswith("sk-ant-api03-ironcurtain-") for each in minted)
