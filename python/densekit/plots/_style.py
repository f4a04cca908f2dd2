"""What all pictures share: the palette, axes to draw into, and the base of the Displays."""

from __future__ import annotations

from typing import Any

from densekit._checks import given

# Okabe and Ito, Color Universal Design (2008), without its yellow, which is too pale for lines on white.
BLUE, RED, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK, GREY = "#E69F00", "#56B4E9", "#000000", "#7F7F7F"
PALETTE = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
# Lines differ in more than their colour, for prints without any.
DASHES = ("-", "--", "-.", ":")
# Perceptually even, readable without colour vision: sequential, and diverging around a middle.
SEQUENTIAL, DIVERGING = "cividis", "RdBu_r"


def color(place: int) -> str:
    """The colour of curve number `place`; they repeat after eight."""
    return PALETTE[place % len(PALETTE)]


def dashes(place: int) -> str:
    """The line style of curve number `place`: solid for the first eight, then dashed and so on."""
    return DASHES[place // len(PALETTE) % len(DASHES)]


def require_pyplot(name: str) -> Any:
    """matplotlib.pyplot; ImportError with the command to type."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(f"{name} needs matplotlib, which is not installed: pip install matplotlib") from error
    return pyplot


def checked_axes(name: str, ax: Any) -> Any:
    """The given Axes or None; TypeError for anything else, before the numbers are computed."""
    pyplot = require_pyplot(name)
    if ax is not None and not isinstance(ax, pyplot.Axes):
        raise TypeError(f"{name}: ax must be Axes of matplotlib, e.g. of plt.subplots(), or None, got {given(ax)}")
    return ax


def new_axes(name: str, ax: Any, size: tuple[float, float] = (6.4, 4.0)) -> Any:
    """The given Axes, or those of a new figure of this size in inches."""
    if ax is not None:
        return checked_axes(name, ax)
    figure = require_pyplot(name).figure(figsize=size, layout="constrained")
    return figure.add_subplot()


def tidy(ax: Any, *, x: str, y: str, title: str | None = None, grid: bool = True) -> None:
    """Labels with their units, a faint grid behind the data, no frame at the top and on the right."""
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    if title:
        ax.set_title(title, fontsize="medium", loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    if grid:
        ax.grid(True, color="#DDDDDD", linewidth=0.6)
        ax.set_axisbelow(True)


class Display:
    """The base: a subclass keeps its numbers as attributes and draws them in `_draw(ax)`.

    ax_, figure_: where it was drawn, after `plot`.
    """

    _size: tuple[float, float] = (6.4, 4.0)  # of a new figure, in inches
    ax_: Any
    figure_: Any

    def plot(self, ax: Any = None) -> Any:
        """Draws into `ax`, or into a new figure; returns the Display."""
        self.ax_ = new_axes(type(self).__name__, ax, self._size)
        self.figure_ = self.ax_.figure
        self._draw(self.ax_)
        return self

    def _draw(self, ax: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} needs _draw(self, ax)")
