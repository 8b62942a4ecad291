"""The order of the parts in which those that go together stand together."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def quasi_diagonal(covariance: Floats) -> list[int]:
    """Leaves of the tree of single linkage over √((1 − correlation) / 2), from left to right; of two groups the one
    that holds the earlier part comes first."""
    deviations = np.sqrt(np.diag(covariance))
    distances = np.sqrt(np.clip(0.5 - covariance / np.outer(deviations, deviations) / 2.0, 0.0, 1.0))
    np.fill_diagonal(distances, np.inf)
    groups = [[part] for part in range(len(covariance))]
    while len(groups) > 1:
        first, second = divmod(int(distances.argmin()), len(groups))
        nearer = np.minimum(distances[first], distances[second])
        nearer[first] = np.inf
        distances[first], distances[:, first] = nearer, nearer
        distances = np.delete(np.delete(distances, second, axis=0), second, axis=1)
        groups[first] = groups[first] + groups.pop(second)
    return groups[0]
