"""Which symbols to follow: lists of assets, filters that say why, modes, limits and presets."""
