"""Many runs of one strategy over one set of bars: compiled where that is possible, else by the engine itself."""
