// The live page: two sockets (the book and its chart), drawn as they speak.

import { call, Refused } from "./api.js";
import { BookView } from "./book.js";
import { Chart } from "./chart.js";
import { follow } from "./command.js";
import { byId, chip, confirmed, element, setText, toast } from "./dom.js";
import { cash, price } from "./format.js";
import { Logins } from "./logins.js";
import { OptionsPanel } from "./options.js";
import { OrderForm } from "./order.js";
import { cancelOrder, ChangeDialog, PositionDialog } from "./position.js";
import { Socket } from "./socket.js";
import { bindThemeToggle } from "./theme-toggle.js";
import { OrderTimes } from "./times.js";
import { showTrade } from "./trade.js";

const STALE_MS = 15000;

const config = byId("page-config") && JSON.parse(byId("page-config").textContent);

function start() {
  const page = new Page();
  bindThemeToggle(() => page.chart.recolour());
  byId("book-choice")?.addEventListener("change", (event) => location.assign(event.target.value));
  setInterval(() => page.tick(), 500);
}

class Page {
  constructor() {
    this.states = { book: "connecting", chart: "connecting" };
    this.logins = new Logins();
    this.options = new OptionsPanel({ canOperate: config.can.operate });
    this.charts = config.charts;
    this.fills = new Map();
    this.chart = new Chart(byId("chart"), byId("legend"));
    const [position, change] = [new PositionDialog(config.book), new ChangeDialog()];
    this.view = new BookView({
      can: config.can, onCommand: (...args) => this.command(...args), onTrade: (id) => showTrade(config.book, id),
      onPosition: (...args) => position.open(...args), onChange: (order) => change.open(order), onCancel: cancelOrder,
    });
    const order = byId("new-order") && new OrderForm(config);
    byId("new-order")?.addEventListener("click", () => order.open(this.symbol));
    this.times = new OrderTimes(config.book);
    byId("symbol").addEventListener("change", (event) => this.show(event.target.value, this.timeframe));
    byId("flatten-all")?.addEventListener("click", (event) => this.command("flatten", "", event.target));
    byId("halt")?.addEventListener("click", (event) => this.command(event.target.dataset.command ?? "halt", "", event.target));
    const [symbol, timeframe] = wanted(this.charts);
    if (symbol) this.show(symbol, timeframe);
    else this.note("No strategy has a ticker yet, so there is no chart to show.");
    this.book = new Socket(`/ws/book/${encodeURIComponent(config.book)}`, {
      onMessage: (message) => this.fact(message),
      onState: (state, event) => this.connection("book", state, event),
    });
  }

  // ---- the chart ----

  show(symbol, timeframe) {
    const frames = this.charts.filter((row) => row.symbol === symbol).map((row) => row.timeframe);
    this.symbol = symbol;
    this.timeframe = frames.includes(timeframe) ? timeframe : frames[0] ?? timeframe;
    this.choices(frames.length ? frames : [timeframe]);
    history.replaceState(null, "", `#${encodeURIComponent(symbol)}/${this.timeframe}`);
    this.chart.clear();
    this.chart.setPositions([], []);
    this.feed = undefined;
    this.moved = undefined;
    this.forming(null);
    this.price();
    this.note("Loading the chart…");
    byId("chart").setAttribute("aria-label", `Candlestick chart of ${symbol}, ${this.timeframe}`);
    this.loadFills(symbol);
    this.socket?.close();
    const query = new URLSearchParams({ symbol, timeframe: this.timeframe, ack: "1" });
    this.socket = new Socket(`/ws/chart?${query}`, {
      onMessage: (message) => this.frame(message),
      onState: (state, event) => this.connection("chart", state, event),
      acknowledges: true,
      speaks: true,
    });
  }

  choices(frames) {
    const symbols = [...new Set(this.charts.map((row) => row.symbol))];
    if (!symbols.includes(this.symbol)) symbols.unshift(this.symbol);
    byId("symbol").replaceChildren(...symbols.map((name) => element("option", { value: name, text: name, selected: name === this.symbol })));
    byId("timeframes").replaceChildren(...frames.map((name) => {
      const button = element("button", { type: "button", text: name, ariaPressed: String(name === this.timeframe) });
      button.addEventListener("click", () => this.show(this.symbol, name));
      return button;
    }));
  }

  frame(message) {
    if (message.kind === "history") {
      this.chart.load(message);
      this.positionLines();
    } else this.chart.update(message);
    this.feed = message.feed;
    if (message.kind === "history" || message.bars.length || message.latency.updates) this.moved = performance.now();
    this.forming(message.forming);
    this.price();
    this.tick();
  }

  price() {
    const bar = this.chart.last;
    setText(byId("last-price"), bar ? price(bar.close, this.chart.decimals) : "–");
    if (!bar) return setText(byId("last-change"), "", "muted");
    const change = bar.close - bar.open;
    const sign = change > 0 ? "+" : change < 0 ? "−" : "±";
    setText(byId("last-change"), `${sign}${price(Math.abs(change), this.chart.decimals)} in this bar`, change > 0 ? "up" : change < 0 ? "down" : "muted");
    document.title = `${price(bar.close, this.chart.decimals)} ${this.symbol} · ${config.book}`;
    return undefined;
  }

  forming(bar) {
    const isKnown = bar && bar.fill !== null;
    byId("filling").hidden = !isKnown;
    if (!isKnown) return;
    const count = /^\d+t$/.test(this.timeframe) ? `${bar.trade_count}/${parseInt(this.timeframe, 10)} · ` : "";
    byId("filling-done").style.width = `${(100 * bar.fill).toFixed(1)}%`;
    setText(byId("filling-text"), `${count}${(100 * bar.fill).toFixed(1)} % full`);
  }

  async loadFills(symbol) {
    try {
      const { fills } = await call("GET", `/api/book/${config.book}/fills?symbol=${encodeURIComponent(symbol)}`);
      if (symbol === this.symbol) this.mark(fills);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.note(error.message, "warn");
    }
  }

  mark(fills) {
    fills.forEach((fill) => this.fills.set(fill.id, fill));
    this.chart.setFills([...this.fills.values()].filter((fill) => fill.symbol === this.symbol));
  }

  positionLines() {
    const held = (this.view.overview?.positions ?? []).filter((position) => position.symbol === this.symbol);
    this.chart.setPositions(held, held.map((position) => this.view.markOf(position)));
  }

  note(text, tone = "") {
    const note = byId("chart-note");
    note.dataset.tone = tone;
    setText(note, text);
  }

  // ---- the book ----

  fact(message) {
    if (message.kind === "batch") return message.events.forEach((event) => this.fact(event));
    if (message.kind === "overview") return this.overview(message);
    if (message.kind === "pulse") return this.pulse(message);
    if (message.kind === "FeedStateChanged" && message.event.state !== "fresh") {
      toast(`${message.event.symbol}: data ${message.event.state}, ${message.event.reason || "no reason given"}`);
    }
    if (message.kind === "BrokerNotice") this.logins.told(message);
    if (message.kind === "OrderFilled") this.filled(message.event);
    if (message.kind === "TradeClosed") toast(`${message.event.symbol}: trade closed, ${cash(message.event.pnl)} after fees`);
    return undefined;
  }

  filled(event) {
    this.times.soon();
    toast(`${event.side === "buy" ? "Bought" : "Sold"} ${event.quantity} ${event.symbol} at ${price(event.price)}`);
  }

  // The first after each connection: from here on nothing is missed, so what went by before is asked for once.
  overview(message) {
    if (!this.isFollowed) this.logins.load();
    this.isFollowed = true;
    this.view.showOverview(message);
    this.options.show(message.options);
    this.mark(message.fills);
    this.positionLines();
    this.newCharts(message.strategies);
  }

  // Tickers that were added while the page was open.
  newCharts(strategies) {
    const known = new Set(this.charts.map((row) => `${row.symbol} ${row.timeframe}`));
    const added = strategies.flatMap((row) => row.slots).filter((slot) => !known.has(`${slot.symbol} ${slot.timeframe}`));
    if (!added.length) return;
    this.charts = [...this.charts, ...added];
    if (!this.symbol) this.show(added[0].symbol, added[0].timeframe);
    else this.choices(this.charts.filter((row) => row.symbol === this.symbol).map((row) => row.timeframe));
  }

  pulse(message) {
    this.broken = message.error;
    if (!message.error) {
      this.view.showPulse(message);
      this.positionLines();
    }
    this.banner();
  }

  // ---- health ----

  connection(name, state, event) {
    this.states[name] = state;
    if (event?.code === 4404 || event?.code === 4400) this.refusal = event.reason;
    if (name === "book" && state !== "connected") this.isFollowed = false;
    if (state === "reconnecting") this.checkSession();
    const states = Object.values(this.states);
    const worst = ["reconnecting", "connecting"].find((one) => states.includes(one)) ?? "connected";
    chip("health-connection", { connected: "good", reconnecting: "bad" }[worst] ?? "wait", worst, worst === "connected" ? "What you see is current." : "The page shows the last it knew, and goes on trying.");
    this.banner();
  }

  // A refused handshake does not say why: a session that ended sends the page to the sign-in.
  checkSession() {
    if (this.checking) return;
    this.checking = call("GET", `/api/book/${config.book}/fills?symbol=none`).catch(() => {}).finally(() => setTimeout(() => { this.checking = null; }, 5000));
  }

  banner() {
    const banner = byId("banner");
    const lost = Object.values(this.states).includes("reconnecting");
    const text = this.refusal || (lost && "The connection to the server is cut. The page shows the last it knew and reconnects by itself.") || (this.broken && `The server cannot read the book: ${this.broken}`) || "";
    banner.hidden = !text;
    setText(banner, text);
  }

  tick() {
    if (!this.symbol) return;
    const age = this.moved === undefined ? Infinity : performance.now() - this.moved;
    const bar = this.chart.last;
    if (this.states.chart !== "connected") return this.note("Reconnecting to the chart…", "warn");
    if (!bar && !this.feed) return this.note("Loading the chart…");
    if (!bar) return this.note(`No bar of ${this.symbol} ${this.timeframe} yet. The chart begins with the feed's first price.`);
    if (this.feed && !["fresh", "unknown"].includes(this.feed.state)) return this.note(`Feed ${this.feed.state}: ${this.feed.reason || "the data cannot be trusted now"}`, "warn");
    if (age > STALE_MS) return this.note(`No price of ${this.symbol} for ${Math.round(age / 1000)} s.`, "warn");
    const source = this.feed?.name ? ` from ${this.feed.name}` : "";
    return this.note(`New York time · last price${source} ${(age / 1000).toFixed(0)} s ago`);
  }

  // ---- commands ----

  async command(name, strategy, button) {
    const action = COMMANDS[name];
    if (action.question && !(await confirmed(...action.question(strategy)))) return;
    button.disabled = true;
    try {
      const told = await call("POST", action.path, action.body(strategy));
      if (told.command) follow(told.commands ?? [told], { done: action.done(strategy) });
      else toast(action.done(strategy));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      toast(error.message, "bad");
    } finally {
      button.disabled = false;
    }
  }
}

const COMMANDS = {
  start: { path: "/api/start-trading", body: (strategy) => ({ strategy }), done: (strategy) => `${strategy} is starting: it warms up on history first.` },
  stop: {
    path: "/api/stop-trading", body: (strategy) => ({ strategy }), done: (strategy) => `${strategy} opens nothing new.`,
    question: (strategy) => [`Stop ${strategy}?`, "It opens nothing new. What it holds stays, guarded by its exits.", "Stop"],
  },
  flatten: {
    path: "/api/flatten", body: (strategy) => ({ strategy, book: config.book }), done: () => "Closing orders are on their way.",
    question: (strategy) => [`Flatten ${strategy || "everything"}?`, `Every open position${strategy ? ` of ${strategy}` : ""} is closed at the market.`, "Flatten"],
  },
  halt: {
    path: "/api/halt", body: () => ({ book: config.book, reason: "halted on the page" }), done: () => "Halted: no new entries. Exits still pass.",
    question: () => ["Halt the book?", "No new position is opened until you resume. Exits still pass.", "Halt"],
  },
  resume: { path: "/api/resume", body: () => ({ book: config.book }), done: () => "Resumed: entries are allowed again." },
};

// The chart in the address, else the first one.
function wanted(charts) {
  const [symbol, timeframe] = location.hash.slice(1).split("/").reduce(
    (parts, part, index, all) => (index === all.length - 1 ? [parts.join("/"), part] : [...parts, part]), []);
  const name = symbol ? decodeURIComponent(symbol) : "";
  return charts.some((row) => row.symbol === name) ? [name, timeframe] : [charts[0]?.symbol, charts[0]?.timeframe];
}

// Nothing has been started yet: the page offers what could be.
function offer() {
  bindThemeToggle(() => {});
  for (const button of document.querySelectorAll("[data-start]")) {
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await call("POST", "/api/start-trading", { strategy: button.dataset.start });
        location.reload();
      } catch (error) {
        button.disabled = false;
        if (!(error instanceof Refused)) throw error;
        toast(error.message, "bad");
      }
    });
  }
}

if (config) start();
else offer();
