"""Interactive Brokers' gateway, simulated: the socket protocol that TWS and IB Gateway speak to a program."""
