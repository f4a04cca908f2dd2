"""What diagnose hands back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["info", "warning", "severe"]
_ORDER = {"severe": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Finding:
    """name: of the problem, e.g. "overfitting". numbers: what it rests on. message: in words. advice: one thing to
    try. severity: "info", "warning" or "severe"."""

    name: str
    severity: Severity
    message: str
    advice: str
    numbers: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = ", ".join(f"{key} {value:.4g}" for key, value in self.numbers.items())
        return (
            f"[{self.severity}] {self.name}: {self.message}"
            + (f" ({shown})" if shown else "")
            + f"\n  try: {self.advice}"
        )


@dataclass(frozen=True)
class Report:
    """findings: the severest first. numbers: scores and losses of both sets in the same mode, inference."""

    findings: tuple[Finding, ...]
    numbers: dict[str, float]

    @classmethod
    def of(cls, findings: list[Finding], numbers: dict[str, float]) -> Report:
        return cls(tuple(sorted(findings, key=lambda f: _ORDER[f.severity])), numbers)

    @property
    def names(self) -> list[str]:
        """Of all findings."""
        return [f.name for f in self.findings]

    @property
    def warnings(self) -> list[Finding]:
        """Findings that are more than an info."""
        return [f for f in self.findings if f.severity != "info"]

    def __getitem__(self, name: str) -> Finding:
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(f"the report has no {name!r}; it has {', '.join(map(repr, self.names)) or 'no findings'}")

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        head = ", ".join(f"{key} {value:.4g}" for key, value in self.numbers.items())
        return "\n".join([head, *(map(str, self.findings) if self.findings else ["nothing to remark"])])
