"""Models that can be kept in a file."""

from __future__ import annotations

import os

import numpy as np

from densekit.compat._shared import Array


class Saved:
    """Parameters in a file: arrays by name, no pickle."""

    params: dict[str, Array]

    def save(self, fname: str | os.PathLike[str]) -> None:
        """Writes the parameters to a file, in NumPy's npz format whatever its name is."""
        with open(fname, "wb") as file:
            np.savez(file, **self.params)  # type: ignore[arg-type]
        print(fname, "saved.")

    def load(self, fname: str | os.PathLike[str]) -> bool:
        """Reads what save wrote into the parameters; False if there is no such file."""
        if not os.path.exists(fname):
            print(fname, "not available.")
            return False
        with np.load(fname) as arrays:
            self.params = {name: arrays[name] for name in arrays.files}
        print(fname, "loaded.")
        return True
