"""What Interactive Brokers' socket API can do, as this product uses it."""

from brokers.features import Features
from engine.instruments.instrument import AssetClass

FEATURES = Features(
    title="Interactive Brokers",
    asset_classes=frozenset({AssetClass.EQUITY, AssetClass.FUTURE, AssetClass.OPTION, AssetClass.FOREX}),
    # A practice account needs a login of its own at the venue, so the product counts it as absent.
    has_paper=False,
    extended_hours=True,
    one_cancels_other=True,
    client_order_ids=True,
    paired_exits=frozenset({AssetClass.EQUITY, AssetClass.FUTURE, AssetClass.OPTION, AssetClass.FOREX}),
    moves_stops=True,
    needs_gateway=True,
    reasons={AssetClass.INDEX: "An index cannot be bought or sold; trade its options or a future on it."},
)
