"""What Alpaca's trading API can do."""

from decimal import Decimal

from brokers.features import NO_PAIRS, Features
from engine.instruments.instrument import AssetClass

FEATURES = Features(
    title="Alpaca",
    asset_classes=frozenset({AssetClass.EQUITY, AssetClass.OPTION}),
    has_paper=True,
    extended_hours=True,
    one_cancels_other=True,
    client_order_ids=True,
    # Selling more than is held is refused: a reversal closes first.
    linked_reversal=frozenset({AssetClass.EQUITY, AssetClass.OPTION}),
    fractional=frozenset({AssetClass.EQUITY}),
    fraction_step=Decimal("0.000000001"),
    orders_per_minute=200,
    paired_exits=frozenset({AssetClass.EQUITY}),  # options take no order classes
    moves_stops=True,
    reasons={
        AssetClass.FUTURE: "Alpaca trades no futures. Set this quantity to 0 and trade the future at another broker.",
        AssetClass.INDEX: "An index cannot be bought or sold; trade an ETF on it.",
        AssetClass.FOREX: NO_PAIRS.format("Alpaca"),
    },
)
