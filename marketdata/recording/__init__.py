"""What a running feed received, in its order: written ahead of what is published, archived, and played again."""
