"""Files of other people into the archive: read, checked row by row, written with their provenance."""
