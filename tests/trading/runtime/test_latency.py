from hypothesis import given
from hypothesis import strategies as st

from trading.runtime.latency import Latency, quantile


@given(
    st.lists(st.floats(min_value=0.02, max_value=60_000), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99])
)
def test_a_quantile_is_at_most_five_percent_above_the_truth(delays, share):
    latency = Latency()
    for delay in delays:
        latency.add(delay)
    rank = next(i for i in range(1, len(delays) + 1) if i >= share * len(delays))
    truth = sorted(delays)[rank - 1]
    found = latency.quantile(share)
    assert found is not None
    assert truth * 0.9999 <= found <= truth * 1.0501


def test_nothing_measured_is_not_zero():
    assert Latency().quantile(0.5) is None


def test_the_difference_of_two_moments_is_what_happened_between_them():
    latency = Latency()
    for _ in range(100):
        latency.add(1.0)
    before = dict(latency.buckets)
    for _ in range(100):
        latency.add(200.0)
    between = {bucket: count - before.get(bucket, 0) for bucket, count in latency.buckets.items()}
    found = quantile(between, 0.5)
    assert found is not None
    assert 200.0 <= found <= 210.0
