// The story of one trade, in a dialog: why it was opened, why it was closed, on which bars and values.

import { call, Refused } from "./api.js";
import { Chart } from "./chart.js";
import { byId, element, toast } from "./dom.js";
import { cash, fees, momentOf, price, tone } from "./format.js";

export async function showTrade(book, id) {
  try {
    const trade = await call("GET", `/api/book/${encodeURIComponent(book)}/trades/${id}`);
    byId("trade-title").textContent = `${trade.symbol} ${trade.side} ${trade.quantity} · ${trade.strategy}`;
    byId("trade-body").replaceChildren(summary(trade), picture(trade), leg("Opened", trade.entry, trade.entry_at, trade.entry_price), leg("Closed", trade.exit, trade.exit_at, trade.exit_price));
    byId("trade").showModal();
    draw(trade);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    toast(error.message, "bad");
  }
}

function summary(trade) {
  const result = element("p", { className: "trade-result" }, element("b", { className: tone(trade.pnl), text: cash(trade.pnl) }),
    ` after ${fees(trade.fees)} fees at ${trade.broker} · worst ${fees(trade.mae)} · best ${fees(trade.mfe)}`);
  if (trade.is_ambiguous) result.append(" · one bar touched stop and target: the worse was taken");
  return result;
}

// The bars around the trade; how it was drawn belongs to the dialog and goes with it.
function picture(trade) {
  const { bars, timeframe } = trade.chart;
  if (!bars.length) return element("p", { className: "muted", text: "The bars around it are not stored any more." });
  const chart = element("div", { className: "trade-chart", id: "trade-chart", data: { bars: bars.length } });
  chart.setAttribute("role", "img");
  chart.setAttribute("aria-label", `${trade.symbol} ${timeframe}: ${bars.length} bars with entry and exit`);
  return chart;
}

function draw(trade) {
  const place = byId("trade-chart");
  if (!place) return;
  const chart = new Chart(place, element("div"));
  const bars = trade.chart.bars.map(([time_open, time, open, high, low, close]) => ({ time_open, time, open, high, low, close, values: [] }));
  chart.load({ bars, forming: null, lines: [] });
  const bought = trade.side === "long";
  chart.setFills([
    { time: Date.parse(trade.entry_at), side: bought ? "buy" : "sell", intent: "entry", quantity: trade.quantity },
    { time: Date.parse(trade.exit_at), side: bought ? "sell" : "buy", intent: "exit", quantity: trade.quantity },
  ]);
  chart.chart.timeScale().fitContent();
  byId("trade").addEventListener("close", () => chart.chart.remove(), { once: true });
}

function leg(title, side, at, level) {
  const lines = [
    ["When", `${momentOf(Date.parse(at))} ET at ${price(level)}`],
    ["Why", side.reason || "no reason was recorded"],
    ["Values", values(side.evidence)],
    ["Decided on", bar(side.decided_on)],
    ["Filled on", bar(side.bar)],
    ["Order", side.order ? `${side.type} ${side.intent}, ${side.order}` : ""],
    ["Its way", (side.timeline ?? []).map((step) => `${step.state} ${momentOf(Date.parse(step.at)).split(", ").at(-1)}`).join(" → ")],
  ].filter(([, text]) => text);
  return element("section", { className: "leg" }, element("h3", { text: title }),
    element("dl", {}, ...lines.flatMap(([name, text]) => [element("dt", { text: name }), element("dd", { text })])));
}

const values = (evidence) => Object.entries(evidence ?? {}).map(([name, value]) => `${name} = ${value}`).join("\n");

const bar = (row) => row && `${row.timeframe}, open ${row.open}, high ${row.high}, low ${row.low}, close ${row.close}`;
