// The market: quotes and movers as the server tells them twice a second, the search, and a chart of any of them.

import { Chart } from "./chart.js";
import { byId, element, fillRows, moved, setText, toast } from "./dom.js";
import { age, price, shortTime } from "./format.js";
import { SymbolSearch } from "./search.js";
import { Socket } from "./socket.js";
import { bindThemeToggle } from "./theme-toggle.js";

const config = JSON.parse(byId("page-config").textContent);
const KEPT = "market-symbols"; // what was chosen on this device
const TONES = { fresh: "good", unknown: "", none: "" };

class Page {
  constructor() {
    this.rows = new Map(); // symbol → its cells: only text changes from frame to frame
    this.symbols = this.begin();
    this.timeframes = new Map();
    byId("feed").addEventListener("change", () => this.watch());
    byId("minutes").addEventListener("change", () => this.watch());
    byId("movers-form").addEventListener("submit", (event) => event.preventDefault());
    byId("chart-close").addEventListener("click", () => this.closeChart());
    new SymbolSearch((found) => this.add(found.symbol));
    this.lines();
    this.watch();
  }

  begin() {
    if (config.is_chosen) return [...config.symbols];
    try {
      const kept = JSON.parse(localStorage.getItem(KEPT) ?? "null");
      return Array.isArray(kept) && kept.length ? kept : [...config.symbols];
    } catch {
      return [...config.symbols];
    }
  }

  add(symbol) {
    if (this.symbols.includes(symbol)) return this.rows.get(symbol)?.line.querySelector("button")?.focus();
    if (this.symbols.length >= config.most) return toast(`${config.most} symbols at most: remove one first.`, "bad");
    this.choose([symbol, ...this.symbols]);
  }

  remove(symbol) {
    this.choose(this.symbols.filter((each) => each !== symbol));
    byId("search-text").focus();
  }

  choose(symbols) {
    this.symbols = symbols;
    this.lines();
    this.watch();
    try {
      localStorage.setItem(KEPT, JSON.stringify(symbols));
    } catch { /* a browser may forbid it; the address has them, too */ }
  }

  // One socket for what is chosen now; the address says the same, so that it can be sent to somebody.
  watch() {
    const query = new URLSearchParams({ symbols: this.symbols.join(","), feed: byId("feed").value, minutes: byId("minutes").value });
    history.replaceState(null, "", `?${query}`);
    this.socket?.close();
    this.socket = new Socket(`/ws/market?${query}`, { onMessage: (message) => this.take(message), onState: (...args) => this.connection(...args), speaks: true });
  }

  connection(state, event) {
    if (state === "connected") return;
    this.badge(event?.reason || "reconnecting: nothing moves", "bad");
    document.body.dataset.cut = "yes";
  }

  badge(text, tone) {
    setText(byId("market-state"), text);
    byId("market-state").dataset.state = tone;
  }

  take(message) {
    if (message.kind === "movers") return this.movers(message);
    this.problem(message.error);
    if (message.error) return;
    for (const quote of message.quotes) this.show(quote);
    const fresh = message.quotes.filter((quote) => quote.state === "fresh").length;
    if (!message.quotes.length) return this.badge("connected", "good");
    this.badge(`${fresh} of ${message.quotes.length} fresh`, fresh === message.quotes.length ? "good" : fresh ? "warn" : "bad");
  }

  problem(text) {
    document.body.dataset.cut = text ? "yes" : "no";
    byId("market-problem").hidden = !text;
    setText(byId("market-problem"), text ?? "");
    if (text) this.badge("nothing moves", "bad");
  }

  lines() {
    this.rows.clear();
    fillRows(byId("quotes"), this.symbols.map((symbol) => this.line(symbol)), "No symbol is chosen: find one above.", 6);
  }

  line(symbol) {
    const cells = { last: element("td", { className: "n" }), size: element("td", { className: "n wide" }), came: element("td", { className: "n wide" }), bid: element("span"), ask: element("span") };
    const name = element("small", { className: "muted" });
    const state = element("span", { className: "state", text: "–" });
    const why = element("small", { className: "muted" });
    const chart = element("button", { type: "button", className: "button small", text: "Chart", ariaLabel: `Chart of ${symbol}`, hidden: true });
    chart.addEventListener("click", () => this.openChart(symbol));
    const drop = element("button", { type: "button", className: "button small", text: "×", ariaLabel: `Remove ${symbol}` });
    drop.addEventListener("click", () => this.remove(symbol));
    const line = element("tr", { data: { symbol } },
      element("th", { scope: "row" }, element("span", { text: symbol }), " ", state, name, why),
      cells.last, element("td", { className: "n" }, cells.bid, cells.ask), cells.size, cells.came, element("td", { className: "actions" }, chart, drop));
    this.rows.set(symbol, { line, cells, name, state, why, chart });
    return line;
  }

  show(quote) {
    const row = this.rows.get(quote.symbol);
    if (!row) return; // removed a moment ago
    const texts = { last: number(quote.last), bid: number(quote.bid), ask: number(quote.ask), size: !quote.size ? "–" : quote.size.toLocaleString("en-US"), came: cameOf(quote) };
    for (const [name, cell] of Object.entries(row.cells)) {
      if (cell.textContent !== texts[name] && cell.textContent && name !== "came" && name !== "size") moved(cell, texts[name]);
      setText(cell, texts[name]);
      cell.dataset.old = (name === "bid" || name === "ask" ? quote.is_quote_old : quote.is_old) ? "yes" : "no";
    }
    row.cells.came.title = quote.last_at ? `printed ${shortTime(quote.last_at)} New York time` : "";
    setText(row.name, quote.name);
    setText(row.state, quote.state);
    row.state.dataset.state = TONES[quote.state] ?? "bad";
    row.state.title = quote.feed ? `by ${quote.feed}` : "";
    setText(row.why, whyOf(quote));
    row.chart.hidden = !quote.timeframes.length;
    this.timeframes.set(quote.symbol, quote.timeframes);
  }

  movers(message) {
    const span = message.minutes < 60 ? `${message.minutes} minutes` : message.minutes === 60 ? "hour" : `${message.minutes / 60} hours`;
    for (const kind of ["fast", "slow"]) {
      const body = byId(kind);
      const rows = message[kind].map((found) => this.mover(found));
      const focused = body.contains(document.activeElement) ? document.activeElement.textContent : "";
      fillRows(body, rows, `None in the last ${span}${message.feed ? ` by ${message.feed}` : ""}.`, kind === "fast" ? 5 : 6);
      if (focused) [...body.querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
    }
  }

  mover(found) {
    const add = element("button", { type: "button", className: "link", text: found.symbol, title: `${found.name ? `${found.name}: ` : ""}watch its quote` });
    add.addEventListener("click", () => this.add(found.symbol));
    const sign = found.change > 0 ? "+" : found.change < 0 ? "−" : "";
    const cells = [
      element("td", { text: shortTime(found.ts) }), element("td", { className: "n", text: number(found.price) }),
      element("td", { className: `n ${found.change > 0 ? "up" : found.change < 0 ? "down" : ""}`, text: `${sign}${Math.abs(found.change * 100).toFixed(2)} %` }),
    ];
    if (found.mover === "slow") cells.push(element("td", { className: "n", text: found.volume_ratio === null ? "–" : `${found.volume_ratio.toFixed(1)} ×` }));
    return element("tr", {}, element("td", {}, add), ...cells, element("td", { className: "wide muted", text: found.feed }));
  }

  // ---- the chart ----

  openChart(symbol, timeframe) {
    const frames = this.timeframes.get(symbol) ?? [];
    const chosen = timeframe ?? frames[0];
    byId("chart-card").hidden = false;
    this.chart ??= new Chart(byId("chart"), byId("legend"));
    this.chart.clear();
    setText(byId("chart-title"), `${symbol} ${chosen}`);
    byId("chart").setAttribute("aria-label", `Candlestick chart of ${symbol}, ${chosen}`);
    byId("timeframes").replaceChildren(...frames.map((name) => {
      const button = element("button", { type: "button", text: name, ariaPressed: String(name === chosen) });
      button.addEventListener("click", () => this.openChart(symbol, name));
      return button;
    }));
    this.note("Loading the chart…");
    this.bars?.close();
    this.bars = new Socket(`/ws/chart?${new URLSearchParams({ symbol, timeframe: chosen, ack: "1" })}`, {
      onMessage: (message) => this.frame(message, symbol, chosen), acknowledges: true, speaks: true,
      onState: (state, event) => { if (state !== "connected") this.note(event?.reason || "Reconnecting to the chart…", "warn"); },
    });
    byId("chart-card").scrollIntoView({ block: "nearest" });
  }

  frame(message, symbol, timeframe) {
    if (message.kind === "history") this.chart.load(message);
    else this.chart.update(message);
    const { state, reason } = message.feed;
    if (!this.chart.last) return this.note(`No bar of ${symbol} ${timeframe} yet.`);
    if (state === "fresh") return this.note("");
    this.note(`The feed is ${state}${reason ? `: ${reason}` : ""}. The chart shows what came before.`, "warn");
  }

  note(text, tone = "") {
    setText(byId("chart-note"), text);
    byId("chart-note").dataset.tone = tone;
  }

  closeChart() {
    this.bars?.close();
    byId("chart-card").hidden = true;
  }
}

const number = (value) => (value === null ? "–" : price(value));

// Why it is old, and since when; nothing of what is new.
function whyOf(quote) {
  const since = quote.is_old && quote.age_s !== null ? `last print ${age(quote.age_s * 1000)} ago` : "";
  const opens = quote.opens_at && quote.is_old && quote.state === "fresh" ? `opens ${shortTime(quote.opens_at)}` : "";
  return [quote.reason, opens, since].filter(Boolean).join(", ");
}

const cameOf = (quote) => (quote.age_s === null ? "never" : `${age(quote.age_s * 1000)} ago`);

const page = new Page();
bindThemeToggle(() => page.chart?.recolour());
