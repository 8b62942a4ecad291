"""The probability of overfitting: high for noise, low for skill, and equal to the plain definition."""

import math
from itertools import combinations

import numpy as np
import pytest

from backtest.statistics.overfitting import overfitting
from engine.errors import InvalidInput


def by_definition(results, blocks):
    """Straight from the paper: every choice of half of the blocks, one after another."""
    parts = np.split(results, blocks)
    logits = []
    for inside in combinations(range(blocks), blocks // 2):
        train = np.concatenate([parts[i] for i in inside])
        test = np.concatenate([parts[i] for i in range(blocks) if i not in inside])
        best = int(np.argmax(train.mean(axis=0) / train.std(axis=0)))
        ratios = test.mean(axis=0) / test.std(axis=0)
        rank = (np.sum(ratios < ratios[best]) + 1) / (results.shape[1] + 1)
        logits.append(math.log(rank / (1 - rank)))
    return float(np.mean(np.array(logits) <= 0)), float(np.median(logits))


def test_it_equals_the_definition():
    results = np.random.default_rng(3).standard_normal((80, 17)) + np.linspace(-0.1, 0.2, 17)
    found = overfitting(results, blocks=8)
    assert (found.probability, found.median_logit) == pytest.approx(by_definition(results, 8))
    assert found.splits == 70


def test_noise_is_overfitted_and_skill_is_not():
    rng = np.random.default_rng(9)
    noise = rng.standard_normal((240, 200))
    assert 0.3 < overfitting(noise).probability < 0.9
    skilled = noise.copy()
    skilled[:, 7] += 0.6
    found = overfitting(skilled)
    assert found.probability < 0.01
    assert found.loss_probability < 0.01
    assert found.median_logit > 3


def test_what_cannot_be_said_is_refused():
    with pytest.raises(InvalidInput, match="at least 2 runs and 24 periods"):
        overfitting(np.zeros((10, 5)))
    with pytest.raises(InvalidInput, match="an even number"):
        overfitting(np.zeros((100, 5)), blocks=7)
