"""Trading as a library: events in, events out; no clock, no I/O, no framework."""
