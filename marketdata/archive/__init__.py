"""Stored history: Parquet files of prints and bars, partitioned by kind, symbol and date."""
