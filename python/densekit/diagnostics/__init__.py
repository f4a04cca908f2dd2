"""Why a network learns, or does not: gradients checked and watched, stationary points, and a report with findings."""

from __future__ import annotations

__all__: list[str] = []
