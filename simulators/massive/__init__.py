"""Massive (formerly Polygon) in miniature: its WebSocket and its REST interface."""
