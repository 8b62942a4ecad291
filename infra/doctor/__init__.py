"""What is wrong on this machine and with this installation, each with its remedy."""
