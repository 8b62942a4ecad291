"""What people can be told of, in the words of the settings page."""

KINDS: dict[str, str] = {
    "kill_switch": "a book was halted, resumed or flattened",
    "trader": "a book's process is dead, or back",
    "feed": "a traded symbol's prices are stale in its session, or fresh again",
    "account": "an account differs or is closed; an order is unknown, rejected or stuck; a stop was refused",
    "loss": "a loss limit was reached",
    "strategy": "a strategy broke and was disabled",
    "rule": "a promoted rule does worse than it was validated, or well again",
    "login": "a broker login ends soon, fails, or works again",
    "machine": "disk, memory, Redis or database",
    "roll": "a future is held whose contract rolls within a day, or has rolled",
    "stop": "a stop closed a position",
    "fill": "an order was filled",
    "mover": "a symbol runs away, or trades more than it used to",
    "order": "an order was approved and sent",
    "test": "the test button",
}
ORDINARY = ("fill", "mover", "order")  # what happens all day: not ticked on a new channel
