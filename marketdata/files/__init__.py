"""Market data in files: prints and bars as Parquet, CSV or zipped CSV, in and out."""
