"""What a model call cost, by the public price list of the genai-prices library."""

from __future__ import annotations

import warnings

from ironcurtain_tui.events import Usage


def load_prices() -> None:
    """Load the price list, which takes a quarter of a second; ``cost_usd`` does it otherwise."""
    import genai_prices  # noqa: F401


def cost_usd(provider: str, usage: Usage) -> float | None:
    """US dollars of one call, None when the model has no known price. ``provider``: as genai-prices calls it."""
    if not provider:
        return None
    import genai_prices

    tokens = genai_prices.Usage(
        input_tokens=usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(genai_prices.calc_price(tokens, usage.model, provider_id=provider).total_price)
    except (LookupError, ValueError):
        return None
