"""The gateway's codes in a person's words, and what each means for an order: pure.

https://ibkrcampus.com/campus/ibkr-api-page/twsapi-doc/#api-error-codes
"""

from brokers.venue import NotAuthorized, OrderRefused

CANCELLED, IN_USE, TOO_FAST = 202, 326, 100
LOST, RESTORED = frozenset({1100, 2110}), frozenset({1101, 1102})
READ_ONLY = "Read-Only"

WORDS = {
    103: "The number of the order was used before.",
    104: "The order is over already and cannot be changed.",
    105: "A change may not turn the order around or move it to another contract.",
    109: "The price is too far from the market for the limits that are set in IB Gateway.",
    110: "The price is not on the instrument's grid.",
    135: "IB Gateway does not know the order.",
    161: "The order is over already, or being cancelled.",
    200: "Interactive Brokers does not know this contract, or knows several that fit.",
    203: "The account may not trade this instrument.",
    321: "IB Gateway does not accept the request.",
    382: "The order is larger than the limit that is set in IB Gateway.",
    383: "The order is larger than the limit that is set in IB Gateway.",
    387: "This type of order does not exist for the instrument.",
    391: "This time in force does not exist for the instrument.",
    434: "The quantity must be more than 0.",
    435: "The order must name its account.",
    460: "The account has no permission to trade this.",
    10243: "Programs cannot order fractions of shares.",
    10244: "Programs cannot change an order for fractions of shares.",
    10326: "An order of a pair cannot leave its group.",
    10147: "IB Gateway does not know the order: another program placed it, or it is over.",
    10148: "The order is over already.",
}
_REASONS = (
    ("EQUITY WITH LOAN VALUE", "The account has not enough buying power."),
    ("available funds", "The account has not enough buying power."),
    ("insufficient", "The account has not enough buying power."),
    ("short sale", "These shares cannot be borrowed, so they cannot be sold short."),
    ("No trading permission", "The account has no permission to trade this."),
    ("minimum price variation", "The price is not on the instrument's grid."),
)
# Codes that refuse for certain. Many others are said beside an order that goes on (399: it waits for the opening;
# 10349: its time in force was taken from a preset), and new ones come with every version: none may end an order here.
_REFUSALS = frozenset(WORDS) | {106, 107, 111, 113, 116, 136, 163, 201, 329, 355, 361, 388, 411, 436, 461}
_NEWS = frozenset(range(2100, 2200))  # of the gateway's own lines


def refuses(code: int) -> bool:
    """Whether it is certain that what was asked of an order was not done."""
    return code in _REFUSALS


def is_news(code: int) -> bool:
    """Whether it tells of the gateway, and not of a request."""
    return code in _NEWS


def sentence(code: int, said: str) -> str:
    """Plain words, with the venue's behind them."""
    plain = next((ours for theirs, ours in _REASONS if theirs.lower() in said.lower()), WORDS.get(code, ""))
    return f"{plain} (Interactive Brokers: {said})" if plain and said else plain or said or f"error {code}"


def refusal(code: int, said: str) -> OrderRefused:
    """What a refused request becomes."""
    if code == 321 and READ_ONLY in said:
        return NotAuthorized(
            "IB Gateway is read-only: switch off Read-Only API in its settings (API, Settings)", venue_code=str(code)
        )
    return OrderRefused(sentence(code, said), venue_code=str(code))
