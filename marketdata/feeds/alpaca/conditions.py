"""Sale conditions of the tapes A, B (CTA) and C (UTP), letter by letter."""

from collections.abc import Sequence

from engine.model.conditions import Condition

# https://docs.alpaca.markets/docs/market-data-faq and the tapes' own specifications. "@" and " " say: regular.
_FLAGS: dict[str, int] = {
    "@": 0, " ": 0, "": 0, "E": 0, "Y": 0, "K": 0, "A": 0, "D": 0, "S": 0, "1": 0,
    "I": Condition.ODD_LOT,
    "T": Condition.EXTENDED_HOURS,
    "U": Condition.EXTENDED_HOURS | Condition.OUT_OF_SEQUENCE,
    "L": Condition.OUT_OF_SEQUENCE, "Z": Condition.OUT_OF_SEQUENCE, "G": Condition.OUT_OF_SEQUENCE,
    "W": Condition.AVERAGE_PRICE,
    "C": Condition.SETTLEMENT, "N": Condition.SETTLEMENT, "R": Condition.SETTLEMENT,
    "P": Condition.REFERENCE, "4": Condition.REFERENCE,
    "V": Condition.CONTINGENT, "7": Condition.CONTINGENT,
    "H": Condition.PRICE_VARIATION,
    "O": Condition.AUCTION, "5": Condition.AUCTION, "6": Condition.AUCTION, "X": Condition.AUCTION,
    "F": Condition.SWEEP,
}  # fmt: skip
# Plain numbers: a flag is ten times as slow to combine, and this is done for every print.
_BITS = {mark: int(flags) for mark, flags in _FLAGS.items()}
_AVERAGE, _OTHER = int(Condition.AVERAGE_PRICE), int(Condition.OTHER)
OFFICIAL = frozenset("MQ9")  # an exchange's word on its open or close: no trade, its size was counted before


def bits(marks: Sequence[str], tape: str) -> int:
    """`Tick.conditions` of these letters; B is an average price on CTA's tapes and a bunched trade on UTP's."""
    found = 0
    for mark in marks:
        if mark == "B":
            found |= 0 if tape == "C" else _AVERAGE
        else:
            found |= _BITS.get(mark, _OTHER)
    return found
