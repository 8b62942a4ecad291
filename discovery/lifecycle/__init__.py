"""The life of a rule: confirmed, repeated, promoted, watched, demoted; nothing else changes its state."""
