"""Split and dividend factors from a file into the archive."""

from collections.abc import Iterator
from pathlib import Path

from engine.errors import InvalidInput
from engine.instruments.catalog import normalize_symbol
from engine.instruments.instrument import AssetClass
from marketdata.archive.imports.run import Imported, ImportOptions
from marketdata.archive.store import Archive, Written
from marketdata.files.factors import read_factors
from marketdata.files.table import read_table


def import_factors(archive: Archive, path: Path, options: ImportOptions) -> Iterator[Imported]:
    """The factors of every symbol of the file, in place of those known so far. See `read_factors` for its columns."""
    table = read_table(path)
    if "symbol" not in table.column_names:
        raise InvalidInput("symbol: a file of factors needs a column symbol", field="symbol")
    for name in sorted({str(each) for each in table.column("symbol").to_pylist() if each}):
        symbol = normalize_symbol(name, options.asset_class or AssetClass.EQUITY)
        if options.symbol not in (None, name, symbol):
            continue
        found = read_factors(path, name).factors
        if not options.dry_run:
            archive.set_factors(symbol, found)
        yield Imported(
            symbol=symbol, kind="factors", rows=len(found), written=Written(0 if options.dry_run else len(found))
        )
