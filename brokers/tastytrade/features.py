"""What tastytrade's API can do."""

from brokers.features import NO_PAIRS, Features
from engine.instruments.instrument import AssetClass
from engine.model.enums import OrderType

FEATURES = Features(
    title="tastytrade",
    asset_classes=frozenset({AssetClass.EQUITY, AssetClass.FUTURE, AssetClass.OPTION}),
    order_types=frozenset({OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT}),
    has_paper=True,
    extended_hours=True,
    one_cancels_other=True,
    client_order_ids=True,
    # Its futures flip with one order; elsewhere "to open" is refused while the other side is held.
    linked_reversal=frozenset({AssetClass.EQUITY, AssetClass.OPTION}),
    paired_exits=frozenset({AssetClass.EQUITY, AssetClass.FUTURE, AssetClass.OPTION}),
    moves_stops=True,
    reasons={
        AssetClass.INDEX: "An index cannot be bought or sold; trade its options or a future on it.",
        AssetClass.FOREX: NO_PAIRS.format("tastytrade"),
    },
)
