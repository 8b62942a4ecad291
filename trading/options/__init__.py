"""Options of a book: where their chains come from, and what pages show of them."""
