"""Strategies and what each of them trades."""
