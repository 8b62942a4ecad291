// The candlestick chart: draws what the relay sends. Every line value comes from the server's own indicators.

import { cash, dayOf, decimalsOf, minuteOf, momentOf, price, timeOf } from "./format.js";
import { isDark } from "./theme-toggle.js";

const STEP_S = 0.001; // tick bars may open in the same instant: the axis needs them one after the other
const LINE_COLOURS = ["--line-1", "--line-2", "--line-3", "--line-4"];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Chart {
  constructor(element, legend) {
    this.element = element;
    this.legendElement = legend;
    this.candles = []; // {time, open_ms, close_ms, bar}: what the series holds, in order
    this.lines = [];
    this.fills = [];
    this.priceLines = [];
    this.forming = null;
    this.decimals = 2;
    this.chart = LightweightCharts.createChart(element, {
      autoSize: true,
      timeScale: { timeVisible: true, rightOffset: 6, barSpacing: 9, tickMarkFormatter: tickMark },
      localization: { timeFormatter: (time) => `${momentOf(time * 1000)} ET` },
      crosshair: { mode: LightweightCharts.CrosshairMode.Normal },
      rightPriceScale: { scaleMargins: { top: 0.12, bottom: 0.1 } },
    });
    this.series = this.chart.addCandlestickSeries({ priceLineStyle: LightweightCharts.LineStyle.Dotted });
    this.chart.subscribeCrosshairMove((event) => this.legend(event));
    this.recolour();
  }

  recolour() {
    const grid = colour("--line-soft");
    this.chart.applyOptions({
      layout: { background: { color: colour("--card") }, textColor: colour("--muted"), fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { vertLines: { color: grid }, horzLines: { color: grid } },
      rightPriceScale: { borderColor: colour("--line") },
      timeScale: { borderColor: colour("--line") },
    });
    const up = isDark() ? "#2ebd85" : "#16916a";
    const down = isDark() ? "#f0616d" : "#d0413e";
    this.series.applyOptions({ upColor: up, wickUpColor: up, borderUpColor: up, downColor: down, wickDownColor: down, borderDownColor: down });
    this.lines.forEach((line) => line.series.applyOptions({ color: colour(line.colour) }));
    this.mark();
  }

  clear() {
    this.load({ bars: [], forming: null, lines: [] });
  }

  load(history) {
    this.candles = [];
    this.forming = null;
    this.makeLines(history.lines);
    for (const bar of history.bars) this.append(bar);
    if (history.forming) this.form(history.forming);
    this.setDecimals(history.bars.slice(-60).map((bar) => decimalsOf(bar.close)));
    this.series.setData(this.candles.map(candlePoint));
    this.lines.forEach((line, index) => line.series.setData(this.candles.map((candle) => linePoint(candle, index))));
    this.mark();
    this.legend();
    this.chart.timeScale().scrollToRealTime();
  }

  update(frame) {
    const from = Math.max(0, this.candles.length - (this.forming ? 1 : 0));
    for (const bar of frame.bars) this.append(bar);
    if (frame.forming) this.form(frame.forming);
    for (const candle of this.candles.slice(from)) {
      this.series.update(candlePoint(candle));
      this.lines.forEach((line, index) => line.series.update(linePoint(candle, index)));
    }
    if (frame.bars.length) this.mark();
    this.legend();
  }

  get last() {
    return this.candles.at(-1)?.bar;
  }

  // A closed bar ends the candle that was forming, or is one of its own.
  append(bar) {
    const candle = this.forming ?? this.newCandle(bar);
    candle.bar = bar;
    candle.close_ms = bar.time;
    this.forming = null;
  }

  form(forming) {
    if (this.forming && this.forming.bar.time_open !== forming.time_open) this.forming = null;
    this.forming ??= this.newCandle(forming);
    this.forming.bar = forming;
    this.forming.close_ms = Infinity;
  }

  newCandle(bar) {
    const last = this.candles.at(-1);
    const time = Math.max(bar.time_open / 1000, last ? last.time + STEP_S : 0);
    const candle = { time, open_ms: bar.time_open, close_ms: bar.time, bar };
    this.candles.push(candle);
    return candle;
  }

  makeLines(lines) {
    this.lines.forEach((line) => this.chart.removeSeries(line.series));
    this.lines = lines.map((line, index) => {
      const name = LINE_COLOURS[index % LINE_COLOURS.length];
      const series = this.chart.addLineSeries({
        color: colour(name), lineWidth: 2, lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false,
      });
      return { ...line, colour: name, series };
    });
  }

  setDecimals(found) {
    this.decimals = Math.min(4, Math.max(2, ...found));
    const priceFormat = { type: "price", precision: this.decimals, minMove: 10 ** -this.decimals };
    [this.series, ...this.lines.map((line) => line.series)].forEach((series) => series.applyOptions({ priceFormat }));
  }

  setFills(fills) {
    this.fills = fills;
    this.mark();
  }

  mark() {
    const markers = this.fills.map((fill) => this.marker(fill)).filter(Boolean).sort((a, b) => a.time - b.time);
    this.series.setMarkers(markers);
    this.element.dataset.markers = markers.length;
    this.element.dataset.bars = this.candles.length;
  }

  marker(fill) {
    const candle = this.candleAt(fill.time);
    if (!candle) return null;
    const bought = fill.side === "buy";
    const closes = fill.intent === "exit";
    return {
      time: candle.time,
      position: bought ? "belowBar" : "aboveBar",
      shape: closes ? "circle" : bought ? "arrowUp" : "arrowDown",
      color: colour(bought ? "--up" : "--down"),
      text: `${bought ? "+" : "−"}${fill.quantity}`,
    };
  }

  // The last candle that opened before the moment; nothing for what happened before the chart begins.
  candleAt(ms) {
    let low = 0;
    let high = this.candles.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.candles[middle].open_ms < ms) low = middle + 1;
      else high = middle;
    }
    return this.candles[low - 1];
  }

  // Open positions as lines across the chart: entry with its profit, stop and target where they are armed.
  setPositions(positions, marks) {
    this.priceLines.forEach((line) => this.series.removePriceLine(line));
    this.priceLines = positions.flatMap((position, index) => this.positionLines(position, marks[index]));
  }

  positionLines(position, mark) {
    const style = LightweightCharts.LineStyle;
    const profit = mark?.unrealized_pnl ?? null;
    const line = (value, title, name, lineStyle) =>
      this.series.createPriceLine({ price: Number(value), title, color: colour(name), lineStyle, lineWidth: 1 });
    const entry = line(
      position.average_price, `${position.side} ${position.quantity.replace("-", "")}  ${cash(profit)}`,
      Number(profit) < 0 ? "--down" : "--up", style.Solid,
    );
    const guards = [["stop_price", "stop", "--down"], ["target_price", "target", "--up"]];
    return [entry, ...guards.filter(([key]) => position[key]).map(([key, title, name]) => line(position[key], title, name, style.Dashed))];
  }

  // Under the pointer, or the newest candle.
  legend(event) {
    const pointed = event?.time === undefined ? undefined : this.candles.find((candle) => candle.time === event.time);
    const candle = pointed ?? this.candles.at(-1);
    if (!candle) return this.legendElement.replaceChildren();
    const { bar } = candle;
    const parts = [["O", bar.open], ["H", bar.high], ["L", bar.low], ["C", bar.close]].map(([name, value]) => key(name, price(value, this.decimals)));
    const lines = this.lines.map((line, index) => key(line.label, price(bar.values[index], this.decimals), line.colour));
    this.legendElement.replaceChildren(...parts, ...lines);
  }
}

function key(name, value, line) {
  const element = document.createElement("span");
  element.className = "key";
  if (line) element.append(Object.assign(document.createElement("i"), { style: `background: var(${line})` }));
  element.append(`${name} `, Object.assign(document.createElement("b"), { textContent: value }));
  return element;
}

const candlePoint = ({ time, bar }) => ({ time, open: bar.open, high: bar.high, low: bar.low, close: bar.close });

function linePoint({ time, bar }, index) {
  const value = bar.values[index];
  return value === null || value === undefined ? { time } : { time, value };
}

function tickMark(time, kind) {
  const ms = time * 1000;
  if (kind <= 2) return dayOf(ms);
  return kind === 4 ? timeOf(ms) : minuteOf(ms);
}
