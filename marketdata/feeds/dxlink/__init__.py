"""DXLink: dxFeed's WebSocket protocol, which tastytrade's market data speaks."""
