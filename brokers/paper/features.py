"""What simulated execution can do: everything that the simulated venue matches."""

from brokers.features import Features
from engine.instruments.instrument import AssetClass

FEATURES = Features(
    title="Paper",
    asset_classes=frozenset({AssetClass.EQUITY, AssetClass.FUTURE, AssetClass.OPTION, AssetClass.FOREX}),
    has_paper=True,
    extended_hours=True,
    one_cancels_other=True,
    client_order_ids=True,
    fractional=frozenset({AssetClass.EQUITY}),
    reasons={AssetClass.INDEX: "An index cannot be bought or sold; trade its options or a future on it."},
)
