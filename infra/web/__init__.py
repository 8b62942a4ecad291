"""What every HTTP surface shares: error mapping, health, system checks."""
