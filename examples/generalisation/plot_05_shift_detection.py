"""
Detecting a shift
=================

*"Are these new rows like the old ones? Which columns changed?"*

One test for each question. **Kolmogorov and Smirnov** look at each column alone, corrected for their number. The
**classifier two-sample test** trains a small network to tell old rows from new: if it can, they differ, however the
columns hang together. **Black-box detection** looks at what a trained classifier says, which is sensitive to label
shift.
"""

import matplotlib.pyplot as plt
import numpy as np

from densekit import shift
from densekit.plots import ShiftReportDisplay

rng = np.random.default_rng(2)
old = rng.normal(size=(800, 4))
new = rng.normal(size=(800, 4))
new[:, 1] = 0.8 * new[:, 0] + 0.6 * new[:, 1]  # each column as before; two of them go together now

columns = shift.ks_test(old, new)
network = shift.classifier_test(old, new)
print(columns)
print(network)

# %%
# No column alone has changed, and still the rows are others. How often a test cries wolf, here over 100 pairs of
# samples without any change, is what alpha = 0.05 promises to bound:

alarms = [shift.ks_test(rng.normal(size=(200, 4)), rng.normal(size=(200, 4))).rejected for _ in range(100)]
print("false alarms of 100:", sum(alarms))

# %%

ShiftReportDisplay.from_report(shift.report(old, new))
plt.show()

# %%
# ``shift.report(X_old, X_new, model=classifier)`` runs all of them and shares alpha evenly.
