"""What Schwab's trader API can do."""

from brokers.features import NO_PAIRS, Features
from engine.instruments.instrument import AssetClass
from engine.model.enums import TimeInForce

FEATURES = Features(
    title="Charles Schwab",
    asset_classes=frozenset({AssetClass.EQUITY, AssetClass.OPTION}),
    time_in_force=frozenset({TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.EXTENDED}),
    extended_hours=True,
    one_cancels_other=True,
    # Orders carry no id of ours; they are found again by the account's recent orders.
    client_order_ids=False,
    linked_reversal=frozenset({AssetClass.EQUITY, AssetClass.OPTION}),
    orders_per_minute=120,
    paired_exits=frozenset({AssetClass.EQUITY, AssetClass.OPTION}),
    moves_stops=True,
    reasons={
        AssetClass.FUTURE: (
            "Charles Schwab's order API takes equities and options only, no futures. "
            "Set this quantity to 0 and trade the future at another broker."
        ),
        AssetClass.INDEX: "An index cannot be bought or sold; trade its options.",
        AssetClass.FOREX: NO_PAIRS.format("Charles Schwab"),
    },
)
