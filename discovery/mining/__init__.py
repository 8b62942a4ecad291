"""Mining rules: pure, deterministic, with every trial counted."""
