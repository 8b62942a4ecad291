// The tables and lists of a book, drawn from its overview (the database) and its pulse (what moves between facts).

import { byId, chip, element, fillList, fillRows, setText } from "./dom.js";
import { cash, fees, price, shortTime, spaced, tone } from "./format.js";
import { duration } from "./times.js";

const SLOT_STATES = { ready: "good", warming: "warn", gapped: "warn", stopped: "", faulted: "bad", halted: "bad" };
const FEED_TROUBLE = ["stale", "gapped", "suspect"];

const cell = (text, className = "") => element("td", { text, className });

export class BookView {
  constructor({ can, onCommand, onTrade, onPosition, onChange, onCancel }) {
    Object.assign(this, { onTrade, onPosition, onChange, onCancel });
    this.can = can;
    this.onCommand = onCommand;
    this.overview = null;
    this.pulse = { slots: [], feeds: [], marks: [], trader: {} };
    this.seen = { trades: null, decisions: null, commands: null };
  }

  showOverview(overview) {
    this.overview = overview;
    this.totals();
    this.positions();
    this.orders();
    this.strategies();
    this.trades();
    this.decisions();
    this.alerts();
    this.commands();
  }

  showPulse(pulse) {
    this.pulse = pulse;
    if (!this.overview) return;
    this.totals();
    this.positions();
    this.strategies();
    this.alerts();
    this.health();
  }

  markOf(position) {
    return this.pulse.marks.find(
      (mark) => mark.symbol === position.symbol && mark.strategy === position.strategy && mark.broker === position.broker,
    );
  }

  totals() {
    const { totals, positions } = this.overview;
    const open = positions.length ? this.pulse.open_pnl : "0";
    setText(byId("total-pnl"), cash(totals.pnl), tone(totals.pnl));
    setText(byId("total-open"), cash(open), tone(open));
    setText(byId("total-positions"), String(positions.length));
    setText(byId("total-trades"), String(totals.trades));
    setText(byId("total-won"), totals.trades ? `${Math.round((100 * totals.won) / totals.trades)} %` : "–");
    setText(byId("total-fees"), fees(totals.fees));
  }

  positions() {
    const rows = this.overview.positions.map((position) => {
      const mark = this.markOf(position);
      const profit = mark?.unrealized_pnl ?? null;
      const side = element("span", { className: position.side === "long" ? "up" : "down", text: `${position.side} ${position.quantity.replace("-", "")}` });
      return element("tr", { data: { symbol: position.symbol } },
        element("td", { title: [`${position.strategy} at ${position.broker}`, position.contract].filter(Boolean).join(", ") }, this.positionOpener(position), " ", side, ...progress(mark)),
        element("td", { className: "n prices" }, element("span", { text: price(position.average_price), title: "entry" }), element("span", { text: price(mark?.price), title: "now" })),
        element("td", { className: "n exits", title: position.exit_kind },
          guard("stop", position.stop_price, mark?.stop_distance), guard("target", position.target_price, mark?.target_distance)),
        cell(cash(profit), `n ${tone(profit)}`));
    });
    const body = byId("positions").tBodies[0];
    const held = JSON.stringify(this.overview.positions.map(({ strategy, symbol, broker }) => [strategy, symbol, broker]));
    if (rows.length && body.dataset.held === held) rows.forEach((row, index) => renew(body.rows[index], row));
    else fillRows(body, rows, "Nothing is held. A position appears here with its profit as soon as an order fills.", 4);
    body.dataset.held = held;
  }

  orders() {
    const items = this.overview.orders.map((row) => entry(row.at, [element("span", { className: "state", text: row.state.replace("_", " "), data: { state: row.state === "unknown" ? "bad" : "" } }),
      `${row.side} ${row.quantity} ${row.symbol} ${orderPrices(row) || row.type.replaceAll("_", " ")}`, ...this.orderButtons(row)], `${row.reason} · ${row.broker}`));
    byId("orders").replaceChildren(...items);
  }

  orderButtons(row) {
    if (!this.can.change || row.group) return []; // exits of a position are changed there
    const button = (text, act) => {
      const made = element("button", { className: "button small", type: "button", text });
      made.setAttribute("aria-label", `${text} ${row.side} ${row.symbol} ${row.type.replaceAll("_", " ")}`);
      made.addEventListener("click", () => act(row));
      return made;
    };
    const change = row.type === "market" ? [] : [button("Change", this.onChange)];
    return [element("span", { className: "actions" }, ...change, button("Cancel", this.onCancel))];
  }

  positionOpener(position) {
    const made = element("button", { className: "link", type: "button", text: position.symbol });
    made.setAttribute("aria-label", `${position.symbol} of ${position.strategy} at ${position.broker}`);
    made.addEventListener("click", () => {
      const now = this.overview.positions.find((row) => row.symbol === position.symbol && row.strategy === position.strategy && row.broker === position.broker);
      if (now) this.onPosition(now, this.markOf(now));
    });
    return made;
  }

  commands() {
    const items = this.overview.commands.map((row) => entry(row.at, [
      element("span", { className: "state", text: row.state, data: { state: { accepted: "good", refused: "bad" }[row.state] ?? "warn" } }),
      `${spaced(row.kind)} ${row.subject}`], `${row.by}${row.detail ? ` · ${row.detail}` : ""}`, this.isNew("commands", row.id)));
    this.saw("commands", this.overview.commands);
    fillList(byId("commands"), items, "Nobody has told this book anything yet.");
  }

  strategies() {
    const items = this.overview.strategies.map((row) => this.strategy(row));
    const list = byId("strategies");
    const text = JSON.stringify([this.overview.strategies, this.pulse.slots, this.pulse.trader.is_running, this.held()]);
    if (list.dataset.shown === text) return; // buttons are not replaced under the finger
    list.dataset.shown = text;
    fillList(list, items, "No strategy has a ticker yet. Add one in the admin, then start it here.");
  }

  strategy(row) {
    const slots = row.slots.map((slot) => this.slot(row, slot));
    return element("li", {}, element("div", { className: "strategy-head" },
      element("strong", { text: row.strategy }), this.strategyState(row), this.buttons(row)),
      element("ul", { className: "slots" }, ...slots));
  }

  strategyState(row) {
    if (!row.is_running) return element("span", { className: "state", text: "stopped" });
    if (!this.pulse.trader.is_running) return element("span", { className: "state", text: "starting…", data: { state: "warn" } });
    return element("span", { className: "state", text: "running", data: { state: "good" } });
  }

  buttons(row) {
    const button = (text, command) => {
      const made = element("button", { className: "button small", type: "button", text });
      made.setAttribute("aria-label", `${text} ${row.strategy}`);
      made.addEventListener("click", () => this.onCommand(command, row.strategy, made));
      return made;
    };
    const held = this.held().includes(row.strategy);
    return element("span", { className: "actions" },
      ...(row.is_running && this.can.operate ? [button("Stop", "stop")] : []),
      ...(!row.is_running && this.can.start ? [button("Start", "start")] : []),
      ...(held && this.can.operate ? [button("Flatten", "flatten")] : []));
  }

  held() {
    return [...new Set(this.overview.positions.map((position) => position.strategy))];
  }

  slot(row, slot) {
    const found = this.pulse.slots.find((state) => state.strategy === row.strategy && state.symbol === slot.symbol);
    const name = element("span", { className: "slot-name", text: `${slot.symbol} · ${slot.timeframe}` });
    if (!row.is_running || !found) return element("li", {}, name, element("span", { className: "state", text: row.is_running ? "waiting" : "idle" }));
    const isWarming = found.state === "warming" && found.need;
    const text = isWarming ? `warming ${found.have}/${found.need}` : found.state;
    const state = element("span", { className: "state", text, title: found.reason, data: { state: SLOT_STATES[found.state] ?? "" } });
    const progress = isWarming ? element("progress", { max: found.need, value: found.have }) : "";
    if (progress) progress.setAttribute("aria-label", `bars seen on ${slot.symbol}`);
    const why = found.reason && !["ready", "warming"].includes(found.state) ? element("span", { className: "muted", text: found.reason }) : "";
    return element("li", {}, name, state, progress, why);
  }

  trades() {
    const rows = this.overview.trades.map((trade) => element("tr", { className: this.isNew("trades", trade.id), data: { trade: trade.id } },
      element("td", { text: shortTime(trade.exit_at), title: `opened ${shortTime(trade.entry_at)}` }),
      element("td", {}, this.opener(trade)),
      cell(trade.side, trade.side === "long" ? "up" : "down"),
      cell(trade.quantity, "n"), cell(price(trade.entry_price), "n wide"), cell(price(trade.exit_price), "n wide"),
      cell(fees(trade.fees), "n wide"), cell(cash(trade.pnl), `n ${tone(trade.pnl)}`),
      element("td", { className: "why wide", text: trade.exit_reason || "–", title: `entered: ${trade.entry_reason}` })));
    this.saw("trades", this.overview.trades);
    fillRows(byId("trades").tBodies[0], rows, "No trade has closed yet. The first one appears here with its profit after fees.", 9);
  }

  opener(trade) {
    const made = element("button", { className: "link", type: "button", text: trade.symbol, title: `Why: ${trade.strategy} at ${trade.broker}` });
    made.setAttribute("aria-label", `${trade.symbol}: why this trade`);
    made.addEventListener("click", () => this.onTrade(trade.id));
    return made;
  }

  decisions() {
    const items = this.overview.decisions.map((row) => {
      const wish = { 1: "go long", "-1": "go short", 0: "go flat" }[row.target];
      const tag = element("span", { className: "state", text: row.kind, data: { state: { denied: "bad", fault: "bad", suppressed: "warn" }[row.kind] ?? "" } });
      const what = [row.strategy, row.symbol, row.kind === "signal" ? wish : ""].filter(Boolean).join(" · ");
      return entry(row.at, [tag, what], [row.reason, row.rule && `rule ${row.rule}`, evidence(row.evidence)].filter(Boolean).join(" · "), this.isNew("decisions", row.id));
    });
    this.saw("decisions", this.overview.decisions);
    fillList(byId("decisions"), items, "No decision yet. Each signal, refusal and stop appears here with its reason.");
  }

  alerts() {
    const rows = [...this.presentTrouble(), ...this.overview.alerts];
    const list = byId("alerts");
    const text = JSON.stringify(rows);
    if (list.dataset.shown === text) return;
    list.dataset.shown = text;
    const items = rows.map((row) => entry(row.at, [element("span", { className: "state", text: row.kind, data: { state: "bad" } }), row.subject], row.text));
    fillList(list, items, "Nothing needs your attention.");
  }

  // What is wrong at this moment, before what went wrong.
  presentTrouble() {
    const { book } = this.overview;
    const halted = book.is_halted ? [{ kind: "halted", subject: book.name, text: book.halt_reason || "No new entries until it is resumed." }] : [];
    const feeds = this.pulse.feeds.filter((feed) => FEED_TROUBLE.includes(feed.state))
      .map((feed) => ({ kind: feed.state, subject: feed.symbol, text: feed.reason || "its data cannot be trusted now" }));
    const dead = this.isDead() ? [{ kind: "no process", subject: book.name, text: "A strategy should run, and no trader process has shown a sign of life for 15 s." }] : [];
    return [...halted, ...dead, ...feeds];
  }

  isDead() {
    return this.pulse.trader.is_running === false && this.overview.strategies.some((row) => row.is_running);
  }

  health() {
    const { trader, feeds } = this.pulse;
    setText(byId("decision-time"), trader.decision_p50_ms === undefined ? "–" : `${duration(trader.decision_p50_ms)} (99 %: ${duration(trader.decision_p99_ms)})`);
    if (trader.is_running) chip("health-trader", "good", "running");
    else if (this.isDead()) chip("health-trader", "bad", "no process", "A strategy should run, and nothing runs it.");
    else chip("health-trader", "wait", "idle", "No strategy is started.");
    const halt = this.pulse.halt ?? (this.overview.book.is_halted ? this.overview.book.halt_reason || "halted" : null);
    chip("health-halt", halt ? "bad" : "good", halt ? "halted" : "allowed", halt ?? "New positions may be opened.");
    const trouble = feeds.filter((feed) => FEED_TROUBLE.includes(feed.state));
    const known = feeds.filter((feed) => feed.state !== "unknown");
    if (trouble.length) chip("health-feed", "bad", trouble.length === 1 ? `${trouble[0].symbol} ${trouble[0].state}` : `${trouble.length} of ${feeds.length} in trouble`, trouble.map((feed) => `${feed.symbol}: ${feed.reason || feed.state}`).join("\n"));
    else if (!known.length) chip("health-feed", feeds.length ? "warn" : "wait", "no data", "No feed has said anything about these symbols yet.");
    else chip("health-feed", "good", "fresh", known.map((feed) => feed.symbol).join(", "));
    const button = byId("halt");
    if (button) {
      setText(button, halt ? "Resume" : "Halt");
      button.dataset.command = halt ? "resume" : "halt";
    }
  }

  isNew(kind, id) {
    return this.seen[kind] !== null && id > this.seen[kind] ? "is-new" : "";
  }

  saw(kind, rows) {
    this.seen[kind] = Math.max(this.seen[kind] ?? 0, ...rows.map((row) => row.id));
  }
}

function entry(at, what, why, className = "") {
  const time = at ? element("time", { text: shortTime(at), dateTime: at }) : element("time", { text: "now" });
  return element("li", { className }, time, element("span", { className: "what" }, ...what), element("span", { className: "why", text: why }));
}

// The row with its new figures; its button stays, so that it is not replaced under the finger.
function renew(row, fresh) {
  const button = row.cells[0].querySelector("button");
  [...row.cells[0].childNodes].filter((node) => node !== button).forEach((node) => node.remove());
  row.cells[0].append(...[...fresh.cells[0].childNodes].slice(1));
  [...row.cells].slice(1).forEach((old) => old.replaceWith(fresh.cells[1])); // moving one brings the next to its place
}

// Stop or target with how far the price is from it.
function guard(name, value, distance) {
  if (!value) return element("span", { className: "muted", text: name === "stop" ? "no stop" : "" });
  const away = distance === null || distance === undefined ? "" : ` ${distance < 0 ? "−" : ""}${price(Math.abs(distance))}`;
  return element("span", { title: `${name} at ${price(value)}` }, price(value), element("i", { className: "muted", text: away }));
}

// The way to the target, or towards the stop: the same in words for those who do not see it.
function progress(mark) {
  if (mark?.progress === null || mark?.progress === undefined) return [];
  const share = Math.round(100 * mark.progress);
  const text = share >= 0 ? `${share} % of the way to the target` : `${-share} % of the way to the stop`;
  const bar = element("span", { className: share >= 0 ? "way" : "way against", title: text }, element("i", { style: `width: ${Math.abs(share)}%` }));
  bar.setAttribute("role", "img");
  bar.setAttribute("aria-label", text);
  return [bar];
}

function orderPrices(row) {
  const parts = [row.limit_price && `limit ${price(row.limit_price)}`, row.stop_price && `stop ${price(row.stop_price)}`, row.trail && `trailing by ${row.trail}`].filter(Boolean);
  return parts.join(", ");
}

const evidence = (values) => Object.entries(values ?? {}).filter(([, value]) => typeof value !== "object").slice(0, 4)
  .map(([name, value]) => `${name} ${typeof value === "number" ? Number(value.toPrecision(7)) : value}`).join(", ");
