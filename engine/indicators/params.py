"""The kinds of parameter that indicators share."""

from typing import Annotated, Literal

from msgspec import Meta

Period = Annotated[int, Meta(ge=1, le=10_000)]
SpanPeriod = Annotated[int, Meta(ge=2, le=10_000)]  # where one bar makes no span
Factor = Annotated[float, Meta(ge=0.0, le=1000.0)]
Average = Literal["sma", "ema", "wma", "wilder", "hma"]
Seed = Literal["first", "sma"]
Rounding = Literal["half_up", "down"]
FirstBar = Literal["skip", "count"]  # a bar without a predecessor: no value, or what can be said of it alone
