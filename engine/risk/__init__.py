"""What may be sent: rules, their limits, and the gate that applies them."""
