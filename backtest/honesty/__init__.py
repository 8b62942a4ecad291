"""What a result is worth: proofs that nothing looked ahead, and how easily chance or costs make the same."""
