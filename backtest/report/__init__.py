"""What a run came to: one document of plain values, and the pages and files made of it."""
