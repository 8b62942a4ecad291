"""From wishes to one net order: arbitration, correlation, sizing, planning."""
