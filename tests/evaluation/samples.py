"""Made-up answers for the tests of judging."""

import numpy as np


def answers(
    seed: int, count: int, classes: int = 8, *, skill: float = 1.0, scale: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (float32) and labels: normal, with `skill` added to the right class's logit, all times `scale`."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    logits = random.normal(size=(count, classes))
    logits[np.arange(count), labels] += skill
    return (scale * logits).astype(np.float32), labels
