"""How each venue's adapter is made, by the venue's name; paper needs none, its orders are filled by our own venue."""

from brokers.venue import Venue, VenueKind, VenueSetup
from engine.ports import ChainSource
from engine.registry import Registry

VENUES: Registry[VenueKind] = Registry("venue adapter")


def _tastytrade(setup: VenueSetup) -> Venue:
    from brokers.tastytrade.broker import make  # an adapter costs its imports only where it is used

    return make(setup)


def _schwab(setup: VenueSetup) -> Venue:
    from brokers.schwab.broker import make  # likewise

    return make(setup)


def _alpaca(setup: VenueSetup) -> Venue:
    from brokers.alpaca.broker import make  # likewise

    return make(setup)


def _tastytrade_chains(setup: VenueSetup) -> ChainSource:
    from brokers.tastytrade.chains import make  # likewise

    return make(setup)


def _schwab_chains(setup: VenueSetup) -> ChainSource:
    from brokers.schwab.chains import make  # likewise

    return make(setup)


def _ibkr(setup: VenueSetup) -> Venue:
    from brokers.ibkr.broker import make  # likewise

    return make(setup)


VENUES.add("tastytrade", VenueKind(_tastytrade, "REST and the account streamer", _tastytrade_chains))
VENUES.add("schwab", VenueKind(_schwab, "REST and the streamer's account activity", _schwab_chains))
VENUES.add("alpaca", VenueKind(_alpaca, "REST and trade_updates"))
VENUES.add("ibkr", VenueKind(_ibkr, "the socket of TWS or IB Gateway"))
