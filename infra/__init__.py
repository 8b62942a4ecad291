"""Plumbing shared by the adapters: Redis, codec, HTTP, WebSocket, logging, metrics."""
