"""Files of other people: what is right is stored, what is wrong is counted with its reason."""

import gzip
import json
import zipfile
from datetime import UTC, date, datetime

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from engine.errors import InvalidInput
from engine.instruments.adjustments import Factor
from engine.model.time import NS_PER_MINUTE, NS_PER_S, from_datetime, iso
from marketdata.archive import tables
from marketdata.archive.imports.run import ImportOptions, import_file
from marketdata.archive.store import Archive
from marketdata.files.ticks import read_ticks

HEAD = "time,symbol,open,high,low,close,volume\n"


def write(tmp_path, text, name="bars.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def run(archive, path, **options):
    return list(import_file(archive, path, ImportOptions(**options)))


def row(minute, symbol="SPY", prices="100,101,99,100.5", volume="10"):
    return f"2026-11-18T15:{minute:02d}:00Z,{symbol},{prices},{volume}\n"


def test_bars_stamped_at_their_open_are_stored_at_their_close(archive, tmp_path):
    path = write(tmp_path, HEAD + row(0) + row(1))
    (done,) = run(archive, path, time_is="open", source="me")
    assert (done.symbol, done.timeframe, done.written.added) == ("SPY", "1", 2)
    first, _ = archive.bars("SPY", "1")
    assert (iso(first.ts_open)[:19], iso(first.ts)[:19]) == ("2026-11-18T15:00:00", "2026-11-18T15:01:00")
    assert (first.source, first.quality, first.is_complete) == ("me", "vendor", True)


DAYS = (
    "date,open,high,low,close,volume\n2024-01-09,1,2,0.5,1.5,10\n2024-01-10,1,2,0.5,1.5,10\n2024-07-09,1,2,0.5,1.5,9\n"
)


@pytest.mark.parametrize(
    ("symbol", "timezone", "winter", "summer"),
    [
        ("SPY", "UTC", ("2024-01-09T09:00", "2024-01-10T01:00"), ("2024-07-09T08:00", "2024-07-10T00:00")),
        ("SPY", "America/New_York", ("2024-01-09T09:00", "2024-01-10T01:00"), ("2024-07-09T08:00", "2024-07-10T00:00")),
        ("/NQ", "UTC", ("2024-01-08T23:00", "2024-01-09T22:00"), ("2024-07-08T22:00", "2024-07-09T21:00")),
    ],
)
def test_a_date_is_the_trading_day_and_its_bar_is_not_known_before_it_ends(
    archive, tmp_path, symbol, timezone, winter, summer
):
    run(archive, write(tmp_path, DAYS), symbol=symbol, time_is="open", timezone=timezone, timeframe="1d")
    spans = [(iso(bar.ts_open)[:16], iso(bar.ts)[:16]) for bar in archive.bars(symbol, "1d")]
    assert (spans[0], spans[-1]) == (winter, summer)
    with pytest.raises(InvalidInput, match="carry their date, which is no close"):
        run(archive, write(tmp_path, DAYS), symbol=symbol, time_is="close", timezone=timezone, timeframe="1d")


def test_a_day_bar_with_a_time_of_day_opens_then(archive, tmp_path):
    text = DAYS.replace("-09,", "-09T14:30:00Z,").replace("-10,", "-10T14:30:00Z,")
    run(archive, write(tmp_path, text), symbol="SPY", time_is="open", timeframe="1d")
    first = archive.bars("SPY", "1d")[0]
    assert (iso(first.ts_open)[:16], iso(first.ts)[:16]) == ("2024-01-09T14:30", "2024-01-10T01:00")


def test_a_day_stamped_at_its_close_is_of_that_day_for_splits_too(archive, tmp_path):
    text = DAYS.replace("-09,", "-09T21:00:00Z,").replace("-10,", "-10T21:00:00Z,")
    run(archive, write(tmp_path, text), symbol="SPY", time_is="close", timeframe="1d")
    archive.set_factors("SPY", [Factor(date(2024, 1, 9), 0.5)])  # 2:1 on the 10th
    assert [bar.close for bar in archive.bars("SPY", "1d", adjust=True)] == [0.75, 1.5, 1.5]
    assert iso(archive.bars("SPY", "1d")[0].ts_open)[:16] == "2024-01-09T09:00"


def test_the_meaning_of_a_stamp_is_asked_for(archive, tmp_path):
    with pytest.raises(InvalidInput, match="--time-is"):
        run(archive, write(tmp_path, HEAD + row(0) + row(1)))
    assert archive.holdings() == []


def test_every_wrong_row_is_refused_with_its_reason_and_the_rest_is_stored(archive, tmp_path):
    path = write(
        tmp_path,
        HEAD
        + row(0)
        + row(1, prices="100,99,98,100")
        + row(2, prices="100,101,abc,100")
        + row(3, prices=",101,99,100")
        + row(4, prices="100,101,-1,100")
        + row(5, volume="-5")
        + "soon,SPY,100,101,99,100.5,10\n"
        + ",SPY,100,101,99,100.5,10\n"
        + "2026-11-18T15:08:00Z,SPY,100,101\n"
        + row(9),
    )
    lines, done = run(archive, path, time_is="open", timeframe="1")
    assert lines.rejections == {"the line has 4 fields instead of 7": (1, 0)}
    assert done.rejections == {
        "high is below another price of the bar": (1, 2),
        "low is empty or no number": (1, 3),
        "open is empty or no number": (1, 4),
        "low is not above 0": (1, 5),
        "volume is negative or no number": (1, 6),
        "time is no time": (1, 7),
        "time is empty": (1, 8),
    }
    assert [iso(bar.ts_open)[14:16] for bar in archive.bars("SPY", "1")] == ["00", "09"]


def test_a_file_of_many_symbols_is_stored_symbol_by_symbol(archive, tmp_path):
    path = write(tmp_path, HEAD + row(0) + row(1) + row(0, "MES") + row(1, "MES") + row(0, "?!") + row(1, "?!"))
    done = {each.symbol: each for each in run(archive, path, time_is="close")}
    assert done["/MES"].written.added == done["SPY"].written.added == 2
    ((reason, counted),) = done["?!"].rejections.items()
    assert reason.startswith("symbol: expected")
    assert counted == (2, 5)


def test_a_dry_run_says_the_same_and_writes_nothing(archive, tmp_path):
    path = write(tmp_path, HEAD + row(0) + row(1) + row(2, volume="-1"))
    (done,) = run(archive, path, time_is="open", dry_run=True)
    assert (done.rows, sum(n for n, _ in done.rejections.values())) == (3, 1)
    assert archive.holdings() == []


def test_zipped_and_gzipped_files_are_read_with_foreign_names_and_semicolons(archive, tmp_path):
    text = "Date;Time;Last;Qty\n2026-11-18;10:00:00.000000001;10.5;3\n2026-11-18;10:00:01;10.25;1\n"
    packed = tmp_path / "ticks.zip"
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("a.csv", text)
    gzipped = tmp_path / "ticks.csv.gz"
    gzipped.write_bytes(gzip.compress(text.encode()))
    options = {"symbol": "SPY", "timezone": "America/New_York", "source": "x"}
    (first,), (again,) = run(archive, packed, **options), run(archive, gzipped, **options)
    assert (first.kind, first.written.added, again.written.added) == ("ticks", 2, 0)
    ticks = list(archive.ticks("SPY"))
    assert [(tick.price, tick.size) for tick in ticks] == [(10.5, 3.0), (10.25, 1.0)]
    assert iso(ticks[0].ts) == "2026-11-18T15:00:00.000000001Z"


def test_bars_of_prints_without_prices_name_the_missing_column(archive, tmp_path):
    with pytest.raises(InvalidInput, match="--map price=COLUMN"):
        run(archive, write(tmp_path, "time,foo\n2026-11-18T15:00:00Z,1\n"), symbol="SPY")


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.zip", "x.parquet", "x.dbn.zst", "x.dbn"])
def test_a_damaged_file_is_refused_in_our_words(archive, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"\x00\x01nothing of the kind")
    with pytest.raises(InvalidInput, match=r"x\.|price"):
        run(archive, path, symbol="SPY")


def dbn(shared_data, schema):
    (path,) = (shared_data / "dbn").glob(f"*.{schema}.dbn.zst")
    return path


@pytest.mark.parametrize("schema", ["trades", "tbbo"])
def test_genuine_databento_prints_are_read_to_the_nanosecond(archive, shared_data, schema):
    (done,) = run(archive, dbn(shared_data, schema))
    assert (done.symbol, done.written.added) == ("/ESH21", 4)
    first = next(iter(archive.ticks("/ESH21")))
    assert (first.ts, first.price, first.size) == (1_609_113_600_246_507_011, 3702.75, 1.0)
    assert (first.bid, first.ask) == (3702.5, 3702.75) if schema == "tbbo" else first.bid != first.bid


def test_genuine_databento_bars_are_stamped_at_their_close(archive, shared_data):
    (done,) = run(archive, dbn(shared_data, "ohlcv-1m"))
    assert (done.timeframe, done.written.added) == ("1", 4)
    first = archive.bars("/ESH21", "1")[0]
    assert first.ts_open == 1_609_113_600 * NS_PER_S
    assert first.ts == first.ts_open + NS_PER_MINUTE
    assert (first.open, first.high, first.low, first.close, first.volume) == (3702.75, 3704.75, 3702.5, 3704.75, 306)


@pytest.mark.parametrize(("schema", "held"), [("mbp-1", "no trades"), ("definition", "InstrumentDefMsg records")])
def test_databento_files_without_prints_say_what_they_hold(archive, shared_data, schema, held):
    with pytest.raises(InvalidInput, match=rf"holds no print and no bar, but \d+ .*{held}; trades, tbbo"):
        run(archive, dbn(shared_data, schema))


def test_a_week_of_prints_is_the_same_in_the_archive_as_in_its_file(archive, shared_data):
    path = shared_data / "equity_ticks_IBM_2013-10.parquet"
    (done,) = run(archive, path)
    assert done.written == (126_395, 0, 0)
    ours, theirs = archive.tick_columns("IBM"), read_ticks(path)
    for name in ("ts", "price", "size", "conditions"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_factors_of_splits_make_old_prices_comparable(archive, shared_data, settings, capsys):
    settings.ARCHIVE_DIR = str(archive.root)
    call_command("import_history", str(shared_data / "equity_split_dividend_factors.csv"))  # seen from the columns
    call_command("import_history", str(shared_data / "equity_bars_1d.parquet"), symbol="AAPL", time_is="open")
    assert "refused 0" not in capsys.readouterr().out
    later = from_datetime(datetime(2002, 1, 1, tzinfo=UTC))  # it halved in a day of 2000, without any split
    raw, adjusted = (archive.bar_columns("AAPL", "1d", start=later, adjust=adjust) for adjust in (False, True))
    assert np.abs(np.diff(np.log(raw.close))).max() > 1.3  # 7:1 and 4:1
    assert np.abs(np.diff(np.log(adjusted.close))).max() < 0.25


def test_the_command_says_what_happened_as_text_and_as_json(tmp_path, settings, capsys):
    settings.ARCHIVE_DIR = str(tmp_path / "a")
    path = write(tmp_path, HEAD + row(0) + row(1) + row(2, volume="-1"))
    call_command("import_history", str(path), time_is="open")
    text = capsys.readouterr().out
    assert "SPY 1 bars: 3 rows" in text
    assert "refused 1: volume is negative" in text
    assert "2 rows are new in the archive; 1 refused." in text
    call_command("import_history", str(path), time_is="open", as_json=True)
    (document,) = json.loads(capsys.readouterr().out)
    assert (document["added"], document["present"], document["rejected"][0]["rows"]) == (0, 2, 1)
    assert (
        tables.column(Archive(settings.ARCHIVE_DIR).bar_table("SPY", "1"), "source").tolist() == ["file:bars.csv"] * 2
    )


def test_the_command_refuses_an_unknown_kind(tmp_path, settings):
    settings.ARCHIVE_DIR = str(tmp_path)
    with pytest.raises(CommandError, match="expected one of bars, ticks, factors"):
        call_command("import_history", str(write(tmp_path, HEAD)), kind="candles")
