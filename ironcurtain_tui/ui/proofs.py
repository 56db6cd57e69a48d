"""What is proven of the audit logs, in few words for a title. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ironcurtain_tui.audit.verify import Proof
from ironcurtain_tui.ui.figures import duration
from ironcurtain_tui.ui.neutralise import clip, neutralise
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.line import Piece


def badge(proofs: Mapping[str, Proof], missing: Sequence[str], session: str, now: float) -> Piece:
    """The state of ``session``'s log, or of any other whose state is worse."""
    if broken := [proof for proof in proofs.values() if not proof.ok]:
        worst = next((proof for proof in broken if proof.session == session), broken[0])
        more = f" (and {len(broken) - 1} more logs)" if len(broken) > 1 else ""
        return Piece(f" ✗ CHAIN BROKEN {worst.session} {clip(neutralise(worst.verdict), 120)}{more} ", Tone.ALARM)
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return Piece(f" ✗ LOG MISSING {neutralise(missing[0])}{more} ", Tone.ALARM)
    proof = proofs.get(session)
    if proof is None:
        return Piece("◌ verifying", Tone.QUIET)
    seconds = max(0, int(now - proof.checked))
    ago = f"{seconds} s" if seconds < 100 else duration(seconds * 1000)
    return Piece(f"✓ verified to #{proof.records:,}, {ago} ago", Tone.GOOD)


def of_record(proof: Proof | None, seq: int) -> str:
    """What is proven of one record, in a sentence."""
    if proof is None:
        return "not verified yet"
    if not proof.ok and proof.broken_at is not None and seq >= proof.broken_at:
        return f"NOT proven: the chain breaks at #{proof.broken_at:,}: {proof.reason}"
    if seq > proof.records:
        return "not verified yet"
    if seq <= proof.attested:
        return "chained, signed, and the ledger outside agrees"
    if seq <= proof.signed:
        return "chained and signed; the ledger has nothing newer to say"
    return "chained; no checkpoint signs it yet (at most 30 s, or 256 records)"
