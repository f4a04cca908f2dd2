"""`make test` runs a fixed part of long loops over random networks; `make thorough` runs all of them."""

from __future__ import annotations

import os
from collections.abc import Sequence

THOROUGH = os.environ.get("DENSEKIT_THOROUGH") == "1"


def some(items: Sequence, part: int) -> Sequence:
    """Every `part`-th of the items, always the same ones; all of them where DENSEKIT_THOROUGH=1 is set."""
    return items if THOROUGH else items[::part]
