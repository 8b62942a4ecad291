"""What one streamer connection carries, and the requests that change it."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from brokers.schwab.wire import Requests
from marketdata.feeds.schwab.fields import CHART_EQUITY, CHART_FIELDS, EQUITIES, LEVEL_ONE

ANCHOR = "$SPX"  # kept subscribed while nothing is wanted: Schwab hangs up on a line without a subscription

Key = tuple[str, str]  # service, venue's name


class Subscriptions:
    """The keys of each service on one connection. SUBS replaces a service's keys, ADD and UNSUBS change them."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._carried: dict[str, set[str]] = {}
        self._is_anchored = False

    def forget(self) -> None:
        """Everything is to be asked for anew: the next keys of each service replace what it carries."""
        self._carried.clear()
        self._is_anchored = False

    def add(self, keys: Iterable[Key]) -> Iterator[bytes]:
        """Carry these too; one that is carried already is sent anew, as a whole."""
        for service, pairs in groupby(sorted(keys), lambda key: key[0]):
            names = [name for _, name in pairs]
            if service == EQUITIES and self._is_anchored:
                self.forget()
            carried = self._carried.setdefault(service, set())
            command = "ADD" if carried else "SUBS"
            carried.update(names)
            yield self._requests.request(service, command, keys=",".join(names), fields=_fields(service))

    def remove(self, names: Iterable[str]) -> Iterator[bytes]:
        """Carry these no longer, in whichever service."""
        gone = set(names)
        for service, carried in self._carried.items():
            dropped = sorted(carried & gone)
            if dropped:
                carried.difference_update(dropped)
                yield self._requests.request(service, "UNSUBS", keys=",".join(dropped))

    def anchor(self) -> Iterator[bytes]:
        """Nothing is wanted: keep the line by one key that nobody reads."""
        if not self._is_anchored and not any(self._carried.values()):
            self._is_anchored = True
            yield self._requests.request(EQUITIES, "SUBS", keys=ANCHOR, fields="0,3")


def _fields(service: str) -> str:
    return CHART_FIELDS if service == CHART_EQUITY else LEVEL_ONE[service].request
