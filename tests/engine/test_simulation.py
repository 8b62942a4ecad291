"""Engine and simulated venue together: what must hold after every step, whatever the market does."""

import random
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bars.expand import Expander
from engine.core import Engine, EngineConfig, ExitPlacement
from engine.exits.config import BreakEven, Distance, ExitConfig, Target
from engine.model.commands import Flatten
from engine.model.event import Event
from engine.model.market import PartialBar, Tick
from engine.model.orders import ApprovedOrder, OrderFilled
from engine.model.positions import TradeClosed
from engine.simulation import step
from engine.venue.latency import FixedLatency
from engine.venue.matching import SimulatedVenue
from strategies.registry import STRATEGIES
from tests.engine.scenario import INSTRUMENTS, MINUTE, World, bar, slot, tick

D = Decimal
ZERO = D(0)

EXITS = st.one_of(
    st.none(),
    st.builds(
        ExitConfig,
        stop=st.builds(Distance, st.sampled_from([0.002, 0.01])),
        trailing=st.none() | st.builds(Distance, st.sampled_from([0.003, 0.008])),
        targets=st.sampled_from(
            [
                (),
                (Target(Distance(0.004)),),
                (Target(Distance(0.002), 0.5), Target(Distance(0.005), 0.3)),
                (Target(Distance(0.001), 0.34), Target(Distance(0.002), 0.33), Target(Distance(0.003), 0.33)),
            ]
        ),
        break_even=st.none() | st.just(BreakEven(Distance(0.002))),
        max_hold_s=st.none() | st.just(240.0),
    ),
)
SCRIPTS = st.dictionaries(st.integers(1, 30), st.sampled_from([-1, 0, 1]), max_size=12)


def walk(seed, count, kind):
    """Bars, or the same walk as ticks or partial bars with the bars between."""
    rng, price = random.Random(seed), 100.0
    events: list[Event] = []
    for number in range(1, count + 1):
        path = [price]
        for _ in range(4):
            path.append(round(path[-1] + rng.choice([-0.4, -0.1, -0.01, 0.0, 0.01, 0.1, 0.4]), 2))
        start, price = (number - 1) * MINUTE, path[-1]
        for place, (before, now) in enumerate(pairwise(path), start=1):
            ts = start + place * 1_000_000_000
            if kind == "ticks":
                events.append(tick(ts, now))
            elif kind == "partials":
                low, high = min(before, now), max(before, now)
                events.append(PartialBar(ts, "SPY", "1", start, path[0], max(path), min(path), now, 1.0, 1, high, low))
        volume = float(rng.choice([200, 1000, 5000]))
        events.append(bar(number, path[-1], open_=path[0], high=max(path), low=min(path), volume=volume))
    return events


def check(world, closed):
    """What must hold between any two events."""
    engine = world.engine
    position = engine.ledger.position("scripted", "SPY", "sim")
    holding = engine.holdings["scripted", "SPY", "sim"]
    open_orders = engine.open_orders
    assert {o.client_id for o in world.venue.working} == {o.order.client_id for o in open_orders}
    assert abs(position.quantity) <= 10
    assert position.cash == sum((t.pnl for t in closed), ZERO) - sum((x.sign * x.cost for x in position.lots), ZERO)
    if not position.quantity:
        assert not [o for o in open_orders if o.is_protective]
        assert holding.guard is None
        return
    guard = holding.guard
    if holding.plan is not None or any(o.order.side.sign * position.quantity < 0 for o in holding.working.values()):
        return  # it is being closed or turned
    assert guard is not None
    assert guard.covered == abs(position.quantity)
    if guard.plan is not None and not guard.is_held:
        working = {w.order.client_id: w for book in world.venue._books.values() for w in book}
        stops = [working[name].remaining for name, o in holding.protective.items() if working[name].is_stop]
        targets = [working[name].remaining for name, o in holding.protective.items() if not working[name].is_stop]
        assert stops
        assert all(quantity == abs(position.quantity) for quantity in stops)
        assert sum(targets, ZERO) <= abs(position.quantity)


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    script=SCRIPTS,
    exits=EXITS,
    kind=st.sampled_from(["bars", "ticks", "partials"]),
    placement=st.sampled_from(list(ExitPlacement)),
    participation=st.sampled_from([None, 0.002, 0.005]),
    is_linked=st.booleans(),
    cut=st.integers(0, 150),
)
def test_every_position_is_guarded_and_every_order_accounted_for(
    seed, script, exits, kind, placement, participation, is_linked, cut
):
    def world():
        venue = SimulatedVenue(instruments=INSTRUMENTS, participation=participation)
        config = {"exit_placement": {"sim": placement}, "linked_reversal": {"sim": is_linked}}
        return World(slot(script, exits=exits), venue=venue, **config)

    events = walk(seed, 30, kind)
    whole, closed = world(), []
    first = world()
    for number, event in enumerate(events):
        closed += [out for out in whole.send(event) if isinstance(out, TradeClosed)]
        check(whole, closed)
        if number < cut:
            first.send(event)
    second = world()
    second.engine.restore(first.engine.snapshot())
    second.venue.restore(first.venue.snapshot())
    assert first.out + second.run(events[cut:]).out == whole.out
    whole.send(Flatten(31 * MINUTE, "end"))
    for number in range(32, 60):
        whole.run([bar(number, 100, volume=5000)] if kind == "bars" else [tick(number * MINUTE, 100.0, size=5000)])
    assert whole.engine.ledger.position("scripted", "SPY", "sim").quantity == 0
    assert not whole.engine.open_orders


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), script=SCRIPTS, exits=EXITS, delay_s=st.sampled_from([0.5, 61.0]))
def test_with_orders_and_cancels_under_way_it_still_ends_flat(seed, script, exits, delay_s):
    """A cancel that is under way can lose the race with a fill; what then is held the wrong way is closed again."""
    venue = SimulatedVenue(instruments=INSTRUMENTS, latency=FixedLatency(int(delay_s * 1e9)))
    world = World(slot(script, exits=exits), venue=venue).run(walk(seed, 30, "ticks"))
    world.send(Flatten(31 * MINUTE, "end"))
    for number in range(32, 60):
        world.run([tick(number * MINUTE, 100.0)])
    assert world.engine.ledger.position("scripted", "SPY", "sim").quantity == 0
    assert not world.engine.open_orders


def trades(events, **venue):
    config = EngineConfig("r1", (slot(strategy="ema", period_1=3, period_2=8),), INSTRUMENTS)
    engine, market = Engine(config, strategies=STRATEGIES), SimulatedVenue(instruments=INSTRUMENTS, **venue)
    out = [output for event in events for output in step(engine, market, event)]
    closed = [output for output in out if isinstance(output, TradeClosed)]
    return [(t.side, t.entry_bar_ts, t.entry_price, t.exit_bar_ts, t.exit_price, t.pnl) for t in closed]


@pytest.mark.parametrize("seed", range(3))
def test_runs_on_ticks_and_on_bars_make_the_same_trades(seed):
    """The tick that opens the next bar fills what was decided on the bar before: at that bar's open."""
    rng, price, ticks = random.Random(seed), 100.0, []
    for number in range(6000):
        price = round(price + rng.choice([-0.02, -0.01, 0.0, 0.01, 0.02]), 2)
        ticks.append(Tick(number * 7_000_000_000 + rng.randrange(1_000_000), "SPY", price, 100.0))
    expander = Expander("SPY", ("1",))
    on_ticks = [event for t in ticks for event in (*expander.on_tick(t), t)]
    on_bars = [event for event in on_ticks if not isinstance(event, Tick)]
    found = trades(on_bars)
    assert trades(on_ticks)[: len(found)] == found  # the last decision may have no next bar
    assert len(found) > 20


def test_a_fill_never_precedes_its_decision():
    world = World(slot({1: 1, 3: -1, 5: 0})).run(walk(3, 10, "ticks"))
    decided = {o.client_id: o.signal_ts for o in (e.order for e in world.of(ApprovedOrder))}
    assert world.of(OrderFilled)
    assert all(fill.ts > decided[fill.client_id] for fill in world.of(OrderFilled))
