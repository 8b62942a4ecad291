"""How each venue's adapter is made, by the venue's name; paper needs none, its orders are filled by our own venue."""

from brokers.venue import VenueKind
from engine.registry import Registry

VENUES: Registry[VenueKind] = Registry("venue adapter")
