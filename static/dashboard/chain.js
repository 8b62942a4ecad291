// An option chain that moves: calls, strikes and puts around the money, as the server tells them twice a second.

import { byId, element, moved, setText } from "./dom.js";
import { age, price, timeOf } from "./format.js";
import { Socket } from "./socket.js";
import { bindThemeToggle } from "./theme-toggle.js";

const config = JSON.parse(byId("page-config").textContent);
const TONES = { open: "good", closed: "warn", empty: "warn", unknown: "bad" };
const cells = new Map(); // contract → its cells, kept from frame to frame: only text changes
let strikes = "";
let centred = false;

bindThemeToggle(() => {});
byId("chain-symbol").addEventListener("change", (event) => location.assign(event.target.value));
byId("chain-source").addEventListener("change", () => byId("chain-form").submit());
new Socket(`/ws/chain/${encodeURIComponent(config.symbol)}?source=${encodeURIComponent(config.source)}`, {
  onMessage: show, onState: connection, speaks: true,
});

function connection(state, event) {
  if (state === "connected") return;
  badge(event?.reason || "reconnecting: nothing moves", "bad");
  document.body.dataset.cut = "yes";
}

function show(chain) {
  document.body.dataset.cut = "no";
  if (chain.error) return tell(chain.error);
  badge(chain.state, TONES[chain.state]);
  setText(byId("chain-words"), chain.words);
  setText(byId("chain-expiry"), `expiring ${chain.expiry}`);
  tell(chain.problem);
  const spot = chain.spot;
  told(byId("chain-spot"), spot.price === null ? "no price" : price(spot.price, 2), spot.price === null ? "" : `${timeOf(spot.at)} by ${spot.by}`);
  byId("chain-spot").dataset.old = spot.is_stale ? "yes" : "no";
  choice(byId("chain-call"), chain.choices[0]);
  choice(byId("chain-put"), chain.choices[1]);
  setText(byId("chain-quotes"), quotes(chain));
  rows(chain);
}

function tell(problem) {
  byId("chain-problem").hidden = !problem;
  setText(byId("chain-problem"), problem ?? "");
}

function badge(text, tone) {
  setText(byId("chain-state"), text);
  byId("chain-state").dataset.state = tone;
}

// What would be bought, and why; or why nothing would.
const choice = (target, found) => told(target, found.contract ?? "nothing", found.refused ? `not now: ${found.refused}` : found.reason);

// A figure, and below it what it rests on.
function told(target, text, below) {
  if (!target.firstElementChild) target.replaceChildren(element("span"), element("small", { className: "muted" }));
  setText(target.children[0], text);
  setText(target.children[1], below);
}

function quotes(chain) {
  if (!chain.newest_at) return "none";
  const by = chain.streamed ? `${chain.streamed} streamed` : `asked ${timeOf(chain.asked_at)}`;
  return `${timeOf(chain.newest_at)} · ${chain.told_by} · ${by} · ${chain.listed} contracts`;
}

function rows(chain) {
  const body = byId("chain-rows");
  const key = chain.rows.map((row) => row.strike).join(" ");
  if (key !== strikes) {
    strikes = key;
    cells.clear();
    body.replaceChildren(...(chain.rows.length ? chain.rows.map(row) : [element("tr", {}, element("td", { className: "empty", colSpan: 17, text: "There is nothing to show." }))]));
  }
  for (const each of chain.rows) {
    cells.get(each.strike).line.dataset.money = each.is_at_the_money ? "yes" : "no";
    for (const name of ["call", "put"]) fill(cells.get(each.strike)[name], each[name], chain.now);
  }
  if (!centred && chain.rows.length) {
    centred = true;
    const scroll = body.closest(".scroll");
    const line = body.querySelector("[data-money=yes]");
    if (line) scroll.scrollTop = line.offsetTop - scroll.clientHeight / 2;
  }
}

const WIDE = new Set(["at", "theta", "gamma", "volatility", "last"]);
const CALL = ["at", "theta", "gamma", "volatility", "last", "delta", "bid", "ask"];
const PUT = ["bid", "ask", "delta", "last", "volatility", "gamma", "theta", "at"];

function row(found) {
  const side = (names) => Object.fromEntries(names.map((name) => [name, element("td", { className: WIDE.has(name) ? "n wide" : "n" })]));
  const call = side(CALL);
  const put = side(PUT);
  const line = element("tr", {}, ...CALL.map((name) => call[name]),
    element("th", { scope: "row", className: "strike", text: price(found.strike, found.strike % 1 ? 2 : 0) }), ...PUT.map((name) => put[name]));
  cells.set(found.strike, { line, call, put });
  return line;
}

function fill(into, found, now) {
  const texts = found === null ? {} : {
    bid: found.bid === null ? "no bid" : price(found.bid, 2),
    ask: found.ask === null ? "no offer" : price(found.ask, 2),
    last: price(found.last, 2),
    delta: greek(found.delta, 2), gamma: greek(found.gamma, 4), theta: greek(found.theta, 2),
    volatility: found.volatility === null ? "–" : `${(found.volatility * 100).toFixed(1)} %`,
    at: found.at === null ? "–" : age(now - found.at),
  };
  for (const [name, cell] of Object.entries(into)) {
    const text = texts[name] ?? "–";
    if (cell.textContent !== text && cell.textContent && (name === "bid" || name === "ask")) moved(cell, text);
    setText(cell, text);
    cell.dataset.old = found?.is_stale ? "yes" : "no";
    cell.dataset.chosen = found?.is_chosen ? "yes" : "no";
  }
  if (found) {
    const title = `${found.contract}: quoted ${found.at === null ? "at no known time" : timeOf(found.at)}${found.is_streamed ? ", streamed" : ""}${found.is_stale ? ", old" : ""}`;
    for (const name of ["bid", "ask"]) if (into[name].title !== title) into[name].title = title;
  }
}

const greek = (value, places) => (value === null ? "–" : value.toFixed(places).replace(/^-(?=0\.?0*$)/, "").replace("-", "−"));
