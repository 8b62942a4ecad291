"""What is traded on quotes alone: the reference of a fill is the quote, or is left out where there was none."""

from decimal import Decimal

from engine.instruments.catalog import instrument_for
from engine.model.enums import Side
from engine.model.market import Quote
from engine.model.orders import ApprovedOrder, Order, OrderFilled, OrderRejected
from engine.venue.matching import SimulatedVenue
from infra import codec

OPTION = "SPXW  261127C06000000"


def order(number: int, side: Side) -> ApprovedOrder:
    return ApprovedOrder(number, Order(f"o{number}", "s", OPTION, "sim", side, Decimal(1)))


def fills(venue: SimulatedVenue, quote: Quote) -> list[OrderFilled]:
    return [report for report in venue.match(quote) if isinstance(report, OrderFilled)]


def test_without_a_print_the_quote_is_what_the_decision_saw():
    venue = SimulatedVenue(instruments={"SPX": instrument_for("SPX")})
    venue.execute(order(1, Side.BUY))
    [entry] = fills(venue, Quote(1, OPTION, 6.6, 6.7))
    assert entry.price == Decimal("6.7")
    assert entry.reference_price != entry.reference_price, "nothing was known when it was sent"
    venue.execute(order(2, Side.SELL))
    [leave] = fills(venue, Quote(2, OPTION, 6.2, 6.3))
    assert (leave.price, leave.reference_price) == (Decimal("6.2"), 6.6)


def test_a_fill_without_a_reference_survives_the_wire_also_after_a_restart():
    venue = SimulatedVenue(instruments={"SPX": instrument_for("SPX")})
    venue.execute(order(1, Side.BUY))
    continued = SimulatedVenue(instruments={"SPX": instrument_for("SPX")})
    continued.restore(venue.snapshot())
    [entry] = fills(continued, Quote(1, OPTION, 6.6, 6.7))
    decoded = codec.decode(codec.encode(entry))
    assert isinstance(decoded, OrderFilled)
    assert decoded.price == Decimal("6.7")


def test_an_option_that_settles_on_opening_prices_is_not_listed():
    venue = SimulatedVenue(instruments={"SPX": instrument_for("SPX")})
    [answer] = venue.execute(ApprovedOrder(1, Order("o1", "s", "SPX   261120C06000000", "sim", Side.BUY, Decimal(1))))
    assert isinstance(answer, OrderRejected)
    assert "the venue does not know 'SPX   261120C06000000'" in answer.reason
