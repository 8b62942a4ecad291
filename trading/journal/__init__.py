"""The durable record: outputs of the engine become rows, in one transaction with the state that made them."""
