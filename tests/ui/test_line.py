"""One line has room for what matters, whatever else there is."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ironcurtain_tui.ui.widgets.line import Piece, fit

PIECE = st.builds(Piece, text=st.text("abc世", min_size=1, max_size=20), rank=st.integers(0, 5))


@given(st.lists(PIECE, max_size=6), st.lists(PIECE, max_size=6), st.integers(1, 120))
def test_ranked_pieces_make_room(left: list[Piece], right: list[Piece], width: int) -> None:
    kept_left, kept_right = fit(left, right, width, 2)
    kept = [*kept_left, *kept_right]
    taken = sum(cell_len(piece.text) for piece in kept) + 2 * max(0, len(kept) - 1)
    assert taken <= width or all(piece.rank == 0 for piece in kept)
    assert len(kept_right) >= sum(piece.rank == 0 for piece in right)
    if len(kept) < len(left) + len(right):
        worst_kept = max((piece.rank for piece in kept), default=0)
        dropped = [piece.rank for piece in [*left, *right] if piece not in kept and piece.rank]
        assert all(rank >= worst_kept for rank in dropped)


def test_the_last_resort_is_cropping_the_longest() -> None:
    left, right = fit([Piece("abcdefghij"), Piece("xy")], [Piece("end")], 12, 1)
    assert [piece.text for piece in (*left, *right)] == ["abcd…", "xy", "end"]
