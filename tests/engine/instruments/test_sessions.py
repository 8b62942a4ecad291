"""Trading days over daylight saving, half days, holidays and the CME's break."""

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidInput, NotFound
from engine.instruments.sessions import (
    HOURS,
    business_days,
    calendar,
    from_new_york,
    is_half_day,
    is_open,
    new_york,
    new_york_minute,
    new_york_weekday,
    session_of,
)
from engine.model.time import NS_PER_DAY, NS_PER_HOUR, NS_PER_S, from_datetime, iso


def hours(name, day):
    session = calendar(name).session_on(day)
    return session and (iso(session.open)[5:16], iso(session.close)[5:16])


@pytest.mark.parametrize(
    ("name", "day", "expected"),
    [
        ("XNYS", date(2026, 3, 6), ("03-06T14:30", "03-06T21:00")),
        ("XNYS", date(2026, 3, 9), ("03-09T13:30", "03-09T20:00")),  # summer time began on the 8th
        ("XNYS", date(2026, 11, 27), ("11-27T14:30", "11-27T18:00")),
        ("XNYS", date(2026, 11, 26), None),
        ("XNYS_EXTENDED", date(2013, 10, 7), ("10-07T08:00", "10-08T00:00")),
        ("XNYS_EXTENDED", date(2026, 11, 27), ("11-27T09:00", "11-27T22:00")),
        ("SPX_OPTIONS", date(2026, 11, 20), ("11-20T14:30", "11-20T21:15")),
        ("SPX_OPTIONS", date(2026, 12, 24), ("12-24T14:30", "12-24T18:15")),
        ("FOREX", date(2026, 11, 23), ("11-22T22:15", "11-23T22:00")),  # begins on Sunday
        ("FOREX", date(2026, 11, 26), ("11-25T22:15", "11-26T22:00")),  # also on Thanksgiving
        ("FOREX", date(2026, 4, 3), ("04-02T21:15", "04-03T21:00")),  # and on Good Friday
        ("FOREX", date(2026, 12, 25), None),
        ("FOREX", date(2026, 11, 21), None),
        ("CME_INDEX", date(2026, 3, 6), ("03-05T23:00", "03-06T22:00")),
        ("CME_INDEX", date(2026, 3, 9), ("03-08T22:00", "03-09T21:00")),  # opens after the clocks changed
        ("CME_INDEX", date(2026, 11, 2), ("11-01T23:00", "11-02T22:00")),
        ("CME_INDEX", date(2026, 11, 26), ("11-25T23:00", "11-26T18:00")),  # Thanksgiving: halt at 13:00
        ("CME_INDEX", date(2026, 11, 27), ("11-26T23:00", "11-27T18:15")),
        ("CME_INDEX", date(2026, 12, 24), ("12-23T23:00", "12-24T18:15")),
        ("CME_INDEX", date(2026, 12, 25), None),
        ("CME_INDEX", date(2026, 4, 3), None),  # Good Friday
        ("CME_COMMODITY", date(2026, 11, 27), ("11-26T23:00", "11-27T19:45")),
        ("CME_COMMODITY", date(2026, 12, 24), ("12-23T23:00", "12-24T18:45")),
    ],
)
def test_hours_of_a_day(name, day, expected):
    assert hours(name, day) == expected


def test_the_cme_is_closed_in_its_break_and_the_break_belongs_to_the_coming_day():
    cme = calendar("CME_INDEX")
    ts = from_new_york(date(2026, 11, 18), time(17, 30))
    assert not cme.is_open(ts)
    assert cme.is_open(ts - NS_PER_HOUR)
    assert cme.is_open(ts + NS_PER_HOUR)
    assert cme.trading_day(ts) == date(2026, 11, 19)
    assert cme.session_open(ts) == ts + NS_PER_HOUR // 2
    assert cme.session_close(ts - NS_PER_HOUR) == ts - NS_PER_HOUR // 2


def test_saturday_belongs_to_monday_and_friday_evening_is_closed():
    cme = calendar("CME_INDEX")
    saturday = from_new_york(date(2026, 11, 21), time(12))
    assert not cme.is_open(saturday)
    assert cme.trading_day(saturday) == date(2026, 11, 23)
    assert cme.is_open(from_new_york(date(2026, 11, 22), time(18)))
    assert not cme.is_open(from_new_york(date(2026, 11, 22), time(18)) - 1)
    assert not cme.is_open(from_new_york(date(2026, 11, 20), time(17)))


def test_new_york_hours_do_not_apply_to_the_cme():
    night = from_new_york(date(2026, 11, 18), time(3))
    assert is_open("CME_INDEX", night)
    assert not is_open("XNYS", night)
    assert is_open("24/7", night)


@settings(max_examples=200)
@given(
    st.sampled_from(sorted(HOURS)),
    st.integers(
        from_new_york(date(1996, 1, 1), time(0)) // NS_PER_S, from_new_york(date(2035, 12, 1), time(0)) // NS_PER_S
    ),
)
def test_sessions_split_all_time_without_hole_or_overlap(name, seconds):
    ts = seconds * NS_PER_S
    session = session_of(name)(ts)
    assert session.open < session.close
    assert ts < session.close
    following = session_of(name)(session.close)
    assert session.close <= following.open
    assert session_of(name)(session.close - 1) == session
    assert calendar(name).is_open(ts) == (session.open <= ts)
    assert session in calendar(name).sessions(session.open, session.close)


def test_the_day_around_the_clock_is_the_utc_day():
    assert session_of("24/7")(5 * NS_PER_DAY + 7) == (5 * NS_PER_DAY, 6 * NS_PER_DAY)


def test_business_days_skip_weekends_and_holidays():
    days = business_days()
    assert days.add(date(2026, 11, 25), 1) == date(2026, 11, 27)
    assert days.add(date(2026, 11, 26), 1) == date(2026, 11, 27)
    assert days.add(date(2026, 11, 28), -1) == date(2026, 11, 27)
    assert days.before(date(2026, 11, 27)) == date(2026, 11, 25)
    assert days.at_or_before(date(2026, 11, 26)) == date(2026, 11, 25)
    assert date(2026, 6, 19) not in days
    assert is_half_day(date(2026, 11, 27))


def test_what_no_calendar_knows_is_refused():
    with pytest.raises(NotFound, match="CME_INDEX"):
        calendar("NYSE")
    with pytest.raises(InvalidInput, match="2035"):
        calendar("XNYS").session(from_new_york(date(2040, 1, 1), time(0)))


@pytest.mark.parametrize(
    ("moment", "minute", "weekday"),
    [
        ("2024-03-08T14:31:00+00:00", 571.0, 4),  # a Friday in winter: five hours behind
        ("2024-03-11T13:31:00+00:00", 571.0, 0),  # the Monday after the clocks went forward
        ("2024-11-01T20:00:00+00:00", 960.0, 4),
        ("2024-11-04T21:00:30+00:00", 960.5, 0),  # after they went back
        ("2024-11-05T05:00:00+00:00", 1440.0, 0),  # what ends at midnight ends the day before
        ("2024-11-05T05:01:00+00:00", 1.0, 1),
        ("2024-11-03T05:30:00+00:00", 90.0, 6),  # 1:30 the first time, and an hour later again
        ("2024-11-03T06:30:00+00:00", 90.0, 6),
    ],
)
def test_minute_and_weekday_are_those_of_new_york_when_something_ends(moment, minute, weekday):
    ts = from_datetime(datetime.fromisoformat(moment))
    assert (new_york_minute(ts), new_york_weekday(ts)) == (minute, weekday)


@given(ts=st.integers(from_datetime(datetime(2000, 1, 1, tzinfo=UTC)), from_datetime(datetime(2034, 1, 1, tzinfo=UTC))))
def test_minute_and_weekday_agree_with_the_wall_clock(ts):
    wall = new_york(ts - 1)
    assert new_york_weekday(ts) == wall.weekday()
    assert new_york_minute(ts) == pytest.approx(wall.hour * 60 + wall.minute + wall.second / 60, abs=1 / 59)
