// One study: its progress as it happens, and the way from a run to a ticker.

import { call, Refused } from "./api.js";
import { byId, element, setText, toast } from "./dom.js";
import { Socket } from "./socket.js";
import { bindThemeToggle } from "./theme-toggle.js";

const config = JSON.parse(byId("page-config").textContent);
const TRADES_SHOWN = 100; // of those that differ
const OVER = ["done", "partial", "cancelled", "failed"];

let chosen = null; // the run whose settings are looked at

bindThemeToggle(() => {});
for (const cell of document.querySelectorAll("[data-share]")) cell.style.setProperty("--share", `${cell.dataset.share}%`);
if (!config.is_over) {
  new Socket(`/ws/backtests/${config.study}`, { onMessage: progress, onState: () => {} });
}
byId("cancel")?.addEventListener("click", (event) => act(event.target, "cancel"));
byId("retry")?.addEventListener("click", (event) => act(event.target, "retry"));
for (const button of document.querySelectorAll("[data-apply]")) button.addEventListener("click", () => { chosen = button.dataset.apply; preview(chosen); });
byId("apply-sessions").addEventListener("change", () => preview(chosen));
document.querySelector("[data-close]").addEventListener("click", () => byId("apply-dialog").close());

function progress(message) {
  byId("progress").value = message.done;
  const failed = message.shards.failed ? `, ${message.shards.failed} shards failed` : "";
  setText(byId("progress-text"), `${message.done.toLocaleString("en")} of ${message.total.toLocaleString("en")} runs${failed}`);
  setText(byId("state"), message.is_cancelling ? "cancelling" : message.state);
  if (OVER.includes(message.state)) location.reload();
}

async function act(button, what) {
  button.disabled = true;
  try {
    await call("POST", `/api/backtests/${config.study}/${what}`);
    location.reload();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    toast(error.message, "bad");
    button.disabled = false;
  }
}

async function preview(number) {
  const path = `/api/backtests/${config.study}/runs/${number}/apply`;
  const body = byId("apply-body");
  const button = byId("apply-now");
  setText(byId("apply-error"), "");
  body.replaceChildren(element("p", { text: "Trying both on the last sessions…" }));
  button.disabled = true;
  if (!byId("apply-dialog").open) byId("apply-dialog").showModal();
  const sessions = byId("apply-sessions").value;
  try {
    const shown = await call("POST", `${path}?preview=true&sessions=${sessions}`);
    const held = await openPositions(shown.ticker);
    if (number !== chosen || sessions !== byId("apply-sessions").value) return; // another was asked for meanwhile
    body.replaceChildren(...compared(shown, held));
    button.disabled = false;
    button.onclick = () => apply(path, button);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    body.replaceChildren();
    setText(byId("apply-error"), error.message);
  }
}

// What the ticker holds now; nothing where this person may not see positions.
async function openPositions({ strategy, symbol }) {
  try {
    const found = await call("GET", `/api/positions?strategy=${encodeURIComponent(strategy)}`);
    return found.filter((each) => each.symbol === symbol && Number(each.quantity) !== 0);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return [];
  }
}

async function apply(path, button) {
  button.disabled = true;
  try {
    const ticker = await call("POST", path);
    byId("apply-dialog").close();
    toast(`${ticker.strategy} on ${ticker.symbol} has the new settings; they count from its next start.`, "good");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    setText(byId("apply-error"), error.message);
  }
}

function compared(shown, held) {
  const row = (name, now, then, digits = 2) => element("tr", {}, element("th", { scope: "row", text: name }),
    ...[now, then, then - now].map((value) => element("td", { className: "n", text: value.toFixed(digits) })));
  const [before, after] = [shown.exits.now, shown.exits.then].map((each) => JSON.stringify(each));
  const exits = before === after ? [] : [`exits: ${before} → ${after}`];
  const changes = Object.keys(shown.params.then).filter((name) => shown.params.now[name] !== shown.params.then[name]);
  return [
    element("p", { text: `${shown.ticker.strategy} on ${shown.ticker.symbol}, ${shown.sessions.length} sessions from ${shown.sessions[0]}.` }),
    element("p", { text: [...changes.map((name) => `${name}: ${shown.params.now[name] ?? "default"} → ${shown.params.then[name]}`), ...exits].join(", ") || "The settings are the same." }),
    element("p", { className: `verdict ${shown.judgement.is_significant ? "is-good" : "is-poor"}`, text: [shown.judgement.sentence, shown.walk_forward].filter(Boolean).join(" ") }),
    element("table", {}, element("thead", {}, element("tr", {}, element("th", { text: "" }), element("th", { className: "n", text: "Now" }), element("th", { className: "n", text: "Then" }), element("th", { className: "n", text: "Change" }))),
      element("tbody", {}, row("Net P&L", shown.now.net_pnl, shown.then.net_pnl), row("Trades", shown.now.trades, shown.then.trades, 0),
        row("Won", shown.now.wins, shown.then.wins, 0), row("Drawdown", shown.now.max_drawdown, shown.then.max_drawdown))),
    element("p", { text: `${shown.only_now.length} trades would not have happened, ${shown.only_then.length} others would.` }),
    ...trades("Only now", shown.only_now),
    ...trades("Only then", shown.only_then),
    element("div", { className: "scroll day-diff" }, element("table", {}, element("tbody", {}, ...shown.days.filter((day) => day.now !== day.then).map((day) => row(day.day, day.now, day.then))))),
    ...held.map((each) => element("p", { text: `Open now: ${each.side} ${Math.abs(Number(each.quantity))} ${each.symbol} at ${Number(each.average_price)} in ${each.book}, ${each.broker}. The new settings do not reach it before the next start.` })),
    element("p", { className: "muted", text: shown.note }),
  ];
}

// The trades that differ, the last ones first.
function trades(title, list) {
  if (!list.length) return [];
  const cells = (trade) => [trade.side, trade.entry_at.slice(0, 16).replace("T", " "), trade.entry_price, trade.exit_at.slice(0, 16).replace("T", " "), trade.exit_price, Number(trade.pnl).toFixed(2), trade.exit_reason];
  return [element("details", {}, element("summary", { text: `${title}: ${list.length} trades` }), element("div", { className: "scroll day-diff" }, element("table", {},
    element("thead", {}, element("tr", {}, ...["Side", "Entry (UTC)", "Price", "Exit (UTC)", "Price", "P&L", "Why out"].map((text) => element("th", { text })))),
    element("tbody", {}, ...list.slice(-TRADES_SHOWN).reverse().map((trade) => element("tr", {}, ...cells(trade).map((text) => element("td", { text }))))))))];
}
