"""Makes python/densekit/datasets/digits.npz from scikit-learn's copy of the UCI optical digits.

    python tools/make_digits.py

The split is stratified and drawn once, here: 360 test rows, in proportion to the classes.
"""

import pathlib

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

if __name__ == "__main__":
    digits = load_digits()
    train, test = train_test_split(np.arange(1797), test_size=360, stratify=digits.target, random_state=0)
    path = pathlib.Path(__file__).parent.parent / "python/densekit/datasets/digits.npz"
    np.savez_compressed(
        path,
        pixels=digits.data.astype(np.uint8),  # 0 to 16
        labels=digits.target.astype(np.uint8),
        train=np.sort(train).astype(np.uint16),
        test=np.sort(test).astype(np.uint16),
    )
    print(path.name, path.stat().st_size, "bytes")
