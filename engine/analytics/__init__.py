"""What a run was worth: ratios of its returns, figures of its trades, each with its convention."""
