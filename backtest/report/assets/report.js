// Draws the charts of a report from the data in the page. Times are UTC, or those of the zone that the data name.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const charts = [];
  const recolours = [];
  const inZone = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: data.zone, ...options });
  const day = data.zone && inZone({ day: "numeric", month: "short" });
  const clock = data.zone && inZone({ hour: "2-digit", minute: "2-digit" });
  const full = data.zone && inZone({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  const zoned = data.zone ? { localization: { timeFormatter: (time) => full.format(time * 1000) } } : {};
  const ticks = data.zone ? { tickMarkFormatter: (time, kind) => (kind > 2 ? clock : day).format(time * 1000) } : {}; // 3, 4: within a day

  function make(id, options = {}) {
    const element = document.getElementById(id);
    if (!element || typeof LightweightCharts === "undefined") return null;
    const chart = LightweightCharts.createChart(element, {
      autoSize: true,
      timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.02, ...ticks },
      ...zoned,
      rightPriceScale: { scaleMargins: { top: 0.08, bottom: 0.06 }, minimumWidth: 76 }, // charts under each other share their axis
      handleScroll: { vertTouchDrag: false },
      ...options,
    });
    charts.push(chart);
    return chart;
  }

  function recolour() {
    const layout = { background: { color: colour("--card") }, textColor: colour("--muted"), fontFamily: getComputedStyle(document.body).fontFamily };
    const grid = { vertLines: { color: colour("--soft") }, horzLines: { color: colour("--soft") } };
    for (const chart of charts) {
      chart.applyOptions({ layout, grid, rightPriceScale: { borderColor: colour("--line") }, timeScale: { borderColor: colour("--line") } });
    }
    recolours.forEach((each) => each());
  }

  // The axis wants moments that rise: of those that share a second the last stands.
  function points(time, values) {
    const found = [];
    for (let i = 0; i < time.length; i += 1) {
      const point = { time: time[i], value: values[i] };
      if (found.length && found[found.length - 1].time >= point.time) found[found.length - 1].value = point.value;
      else found.push(point);
    }
    return found;
  }

  const cash = { type: "custom", minMove: 1, formatter: (value) => Math.round(value).toLocaleString("en-US").replace("-", "−") };
  const quiet = { priceFormat: cash, priceLineVisible: false, lastValueVisible: false, crosshairMarkerRadius: 3 };

  function drawEquity() {
    const chart = make("equity");
    if (!chart) return;
    const held = data.equity.benchmark && chart.addLineSeries({ ...quiet, lineWidth: 1 });
    const run = chart.addAreaSeries({ ...quiet, lineWidth: 2, lastValueVisible: true });
    if (held) held.setData(points(data.equity.time, data.equity.benchmark));
    run.setData(points(data.equity.time, data.equity.equity));
    const below = make("drawdown");
    const deep = below.addAreaSeries({ ...quiet, lineWidth: 1, invertFilledArea: true });
    deep.setData(points(data.equity.time, data.equity.drawdown));
    recolours.push(() => {
      if (held) held.applyOptions({ color: colour("--held") });
      run.applyOptions({ lineColor: colour("--accent"), topColor: `${colour("--accent")}33`, bottomColor: `${colour("--accent")}05` });
      deep.applyOptions({ lineColor: colour("--down"), topColor: `${colour("--down")}08`, bottomColor: `${colour("--down")}40` });
    });
    follow(chart, below);
    for (const each of [chart, below]) each.timeScale().subscribeSizeChange(() => each.timeScale().fitContent()); // a phone is turned
    chart.timeScale().fitContent();
    below.timeScale().fitContent();
  }

  function follow(one, other) {
    const link = (from, to) => from.timeScale().subscribeVisibleLogicalRangeChange((range) => { if (range) to.timeScale().setVisibleLogicalRange(range); });
    link(one, other);
    link(other, one);
  }

  function drawExposure() {
    const chart = make("exposure");
    if (!chart) return;
    const gross = chart.addAreaSeries({ ...quiet, lineWidth: 1, lineType: 1 });
    const net = chart.addLineSeries({ ...quiet, lineWidth: 1, lineType: 1 });
    gross.setData(points(data.exposure.time, data.exposure.gross));
    net.setData(points(data.exposure.time, data.exposure.net));
    recolours.push(() => {
      gross.applyOptions({ lineColor: `${colour("--muted")}55`, topColor: `${colour("--muted")}22`, bottomColor: `${colour("--muted")}05` });
      net.applyOptions({ color: colour("--accent") });
    });
    chart.timeScale().fitContent();
  }

  let priceChart = null;
  let candles = null;

  function drawPrice(found) {
    if (!priceChart) {
      priceChart = make("price");
      if (!priceChart) return;
      candles = priceChart.addCandlestickSeries({ priceLineVisible: false });
      recolours.push(() => candles.applyOptions({ upColor: `${colour("--up")}99`, wickUpColor: `${colour("--up")}99`, borderUpColor: `${colour("--up")}99`,
        downColor: `${colour("--down")}99`, wickDownColor: `${colour("--down")}99`, borderDownColor: `${colour("--down")}99` }));
      recolours.push(() => mark(shown));
    }
    candles.applyOptions({ priceFormat: { type: "price", precision: found.decimals, minMove: 10 ** -found.decimals } });
    candles.setData(bars(found));
    mark(found);
    const folded = found.bars_in_candle > 1 ? `, ${found.bars_in_candle} in each candle` : "";
    const whole = found.bars.toLocaleString("en-US");
    const which = found.skipped ? `the last ${(found.bars - found.skipped).toLocaleString("en-US")} of ${whole}` : whole;
    const left = found.left_out ? `; ${found.trades.length.toLocaleString("en-US")} of ${(found.trades.length + found.left_out).toLocaleString("en-US")} trades` : "";
    document.getElementById("candle-note").textContent = `${found.symbol}, ${which} bars of ${found.timeframe}${folded}${left}; drag and scroll to look closer`;
    const last = found.trades[found.trades.length - 1];
    const count = found.time.length;
    const at = last ? place(found.time, last.exit) : count;
    priceChart.timeScale().setVisibleLogicalRange({ from: Math.max(at - 120, -2), to: Math.min(at + 8, count + 5) });
  }

  function bars(found) {
    const made = [];
    for (let i = 0; i < found.time.length; i += 1) {
      const bar = { time: found.time[i], open: found.open[i], high: found.high[i], low: found.low[i], close: found.close[i] };
      if (made.length && made[made.length - 1].time >= bar.time) bar.time = made[made.length - 1].time + 1;
      made.push(bar);
    }
    return made;
  }

  // The first candle whose close is not before the moment.
  function place(times, moment) {
    let low = 0;
    let high = times.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < moment) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  let shown = null;

  function mark(found) {
    shown = found;
    if (!found) return;
    const times = bars(found).map((bar) => bar.time);
    const made = [];
    for (const trade of found.trades) {
      const isLong = trade.side === "long";
      const won = trade.pnl >= 0 ? "+" : "−";
      made.push({ time: times[place(found.time, trade.entry + 1)], position: isLong ? "belowBar" : "aboveBar", shape: isLong ? "arrowUp" : "arrowDown", color: colour("--accent"), text: `${isLong ? "buy" : "sell"} ${trade.quantity}` });
      made.push({ time: times[place(found.time, trade.exit + 1)], position: isLong ? "aboveBar" : "belowBar", shape: "circle", color: colour(trade.pnl >= 0 ? "--up" : "--down"), text: `${won}${Math.abs(trade.pnl).toFixed(2)}` });
    }
    made.sort((a, b) => a.time - b.time);
    candles.setMarkers(made);
  }

  function chooseSymbol() {
    const select = document.getElementById("symbol");
    if (data.prices.length > 1) {
      select.hidden = false;
      data.prices.forEach((each, index) => select.add(new Option(`${each.symbol} (${each.trades.length})`, index)));
      select.addEventListener("change", () => { drawPrice(data.prices[Number(select.value)]); recolour(); });
    }
    if (data.prices.length) drawPrice(data.prices[0]);
  }

  function watchTheme() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    document.getElementById("theme")?.addEventListener("click", () => {
      const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
      root.dataset.theme = isDark ? "light" : "dark";
    });
    new MutationObserver(recolour).observe(root, { attributeFilter: ["data-theme"] });
    dark.addEventListener("change", recolour);
  }

  drawEquity();
  chooseSymbol();
  drawExposure();
  watchTheme();
  recolour();
})();
