// The story of one trade, in a dialog: why it was opened, why it was closed, on which bars and values.

import { call, Refused } from "./api.js";
import { byId, element, toast } from "./dom.js";
import { cash, fees, momentOf, price, tone } from "./format.js";

export async function showTrade(book, id) {
  try {
    const trade = await call("GET", `/api/book/${encodeURIComponent(book)}/trades/${id}`);
    byId("trade-title").textContent = `${trade.symbol} ${trade.side} ${trade.quantity} · ${trade.strategy}`;
    byId("trade-body").replaceChildren(summary(trade), leg("Opened", trade.entry, trade.entry_at, trade.entry_price), leg("Closed", trade.exit, trade.exit_at, trade.exit_price));
    byId("trade").showModal();
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
