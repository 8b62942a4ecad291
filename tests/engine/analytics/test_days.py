from datetime import date

import numpy as np
import pytest

from engine.analytics.days import changes, daily, dates, day_ends, deepest, months, sessions_between
from engine.instruments.sessions import calendar
from engine.model.time import NS_PER_HOUR, NS_PER_MINUTE

FRIDAY = calendar("XNYS").session_on(date(2024, 3, 1))
MONDAY = calendar("XNYS").session_on(date(2024, 3, 4))


def test_a_bar_that_closes_with_the_session_belongs_to_it_and_what_comes_later_to_the_next():
    assert FRIDAY is not None
    assert MONDAY is not None
    ts = np.array([FRIDAY.open + NS_PER_MINUTE, FRIDAY.close, FRIDAY.close + NS_PER_HOUR, MONDAY.close])
    sessions = sessions_between("XNYS", int(ts[0]), int(ts[-1]))
    assert dates(sessions) == [date(2024, 3, 1), date(2024, 3, 4)]
    ends = day_ends(ts, sessions)
    assert ends.tolist() == [1, 3]
    assert daily(np.array([1.0, 2.0, 3.0, 4.0]), ends, before=0.0).tolist() == [2.0, 4.0]


def test_a_day_without_a_bar_keeps_what_was():
    assert FRIDAY is not None
    assert MONDAY is not None
    tuesday = calendar("XNYS").session_on(date(2024, 3, 5))
    assert tuesday is not None
    ts = np.array([FRIDAY.close, tuesday.close])
    sessions = sessions_between("XNYS", int(ts[0]), int(ts[-1]))
    assert len(sessions) == 3
    assert daily(np.array([5.0, 7.0]), day_ends(ts, sessions), before=0.0).tolist() == [5.0, 5.0, 7.0]


def test_futures_count_from_evening_to_evening():
    sunday = calendar("CME_INDEX").session_on(date(2024, 3, 4))
    assert sunday is not None
    ts = np.array([sunday.open + NS_PER_HOUR])  # Sunday evening in New York
    assert dates(sessions_between("CME_INDEX", int(ts[0]), int(ts[0]))) == [date(2024, 3, 4)]


def test_a_market_that_never_closes_counts_utc_days():
    assert len(sessions_between("24/7", 36 * NS_PER_HOUR, 60 * NS_PER_HOUR)) == 2


def test_changes_months_and_what_follows_a_ruin():
    assert changes(np.array([110.0, 99.0]), before=100.0) == pytest.approx([0.1, -0.1])
    assert changes(np.array([-5.0, 20.0]), before=100.0) == pytest.approx([-1.05, 0.0])
    days = [date(2024, 1, 30), date(2024, 1, 31), date(2024, 2, 1)]
    assert months(days, np.array([0.1, 0.1, -0.5])) == pytest.approx({(2024, 1): 0.21, (2024, 2): -0.5})


def test_the_deepest_falls_with_their_recoveries():
    found = deepest(np.array([110.0, 88.0, 99.0, 120.0, 108.0, 114.0]), before=100.0)
    assert [each[:3] for each in found] == [(0, 1, 3), (3, 4, -1)]
    assert [each[3] for each in found] == pytest.approx([0.2, 0.1])
    assert deepest(np.array([101.0, 102.0]), before=100.0) == []
    assert deepest(np.array([90.0]), before=100.0)[0][:3] == (-1, 0, -1)
