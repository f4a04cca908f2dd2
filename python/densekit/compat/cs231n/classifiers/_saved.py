"""Models that can be kept in a file."""

from __future__ import annotations

import io
import os

import numpy as np

from densekit._atomic import write_atomically
from densekit._paths import file_path
from densekit.compat._shared import Array


class Saved:
    """Parameters in a file: arrays by name, no pickle."""

    params: dict[str, Array]

    def save(self, fname: str | os.PathLike[str]) -> None:
        """Writes the parameters to a file, in NumPy's npz format whatever its name is."""
        if any(value is None for value in self.params.values()):
            raise RuntimeError("save: there are no weights yet: call train(X, y) first")
        path, archive = file_path("save", "fname", fname), io.BytesIO()
        np.savez(archive, **self.params)  # type: ignore[arg-type]
        write_atomically(path, [archive.getbuffer()])
        print(fname, "saved.")

    def load(self, fname: str | os.PathLike[str]) -> bool:
        """Reads what save wrote into the parameters; False if there is no such file."""
        if not os.path.exists(file_path("load", "fname", fname)):
            print(fname, "not available.")
            return False
        with np.load(fname) as arrays:
            self.params = {name: arrays[name] for name in arrays.files}
        print(fname, "loaded.")
        return True
