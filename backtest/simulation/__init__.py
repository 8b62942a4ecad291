"""The engine on stored data: pure, no framework."""
