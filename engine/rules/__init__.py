"""Rules as data: conditions on a bar, in phases, with a side. What they compile to is an indicator."""
