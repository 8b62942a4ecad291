"""Redis: names, clients, streams, leases."""
