// The options that expire today: what is held and why, the chain it was chosen from, the time that is left, and
// a person's call, put and close, each answered with what became of it.

import { call, Refused } from "./api.js";
import { byId, element, setText, toast } from "./dom.js";
import { minuteOf, price, shortTime } from "./format.js";

const LOOK_MS = 500;
const PATIENCE_MS = 60000;
const ACTIONS = [["call", "Call"], ["put", "Put"], ["close", "Close"]];

export class OptionsPanel {
  constructor({ canOperate }) {
    this.canOperate = canOperate;
    this.rows = [];
    this.answers = new Map();
    this.opened = new Set(); // chains that a person looks at stay open
    setInterval(() => this.tick(), 1000);
  }

  show(rows) {
    this.rows = rows;
    byId("options").hidden = !rows.length;
    const text = JSON.stringify([rows, [...this.answers]]);
    if (text === this.shown) return; // buttons are not replaced under the finger
    this.shown = text;
    byId("options-slots").replaceChildren(...rows.map((row) => this.slot(row)));
    this.tick();
  }

  slot(row) {
    const held = row.held.map((each) => `${each.quantity} × ${each.contract}`).join(", ");
    return element("div", { className: "option-slot", data: { slot: key(row) } },
      element("div", { className: "strategy-head" }, element("strong", { text: `${row.strategy} · ${row.symbol}` }),
        element("span", { className: "state", text: held || "nothing held", data: { state: held ? "good" : "" } }),
        element("span", { className: "actions" }, ...(this.canOperate ? ACTIONS.map((action) => this.button(row, action)) : []))),
      element("p", { className: "option-answer", role: "status", text: this.answers.get(key(row)) ?? "" }),
      ...(row.refused ? [element("p", { className: "muted", text: `${shortTime(row.refused.at)} nothing was bought: ${row.refused.reason}` })] : []),
      ...(row.chosen ? [element("p", { text: why(row.chosen) }), this.chain(row)] : []));
  }

  chain(row) {
    const made = chain(row.chosen);
    made.open = this.opened.has(key(row));
    made.addEventListener("toggle", () => this.opened[made.open ? "add" : "delete"](key(row)));
    return made;
  }

  button(row, [action, label]) {
    const made = element("button", { className: `button small${action === "close" ? "" : " primary"}`, type: "button", text: label });
    made.setAttribute("aria-label", `${label} ${row.symbol} by ${row.strategy}`);
    made.addEventListener("click", () => this.trigger(row, action, label));
    return made;
  }

  // Accepted is not done: what became of it is asked for until it is known.
  async trigger(row, action, label) {
    try {
      let answer = await call("POST", "/api/manual-trigger", { ticker: row.symbol, action, strategy: row.strategy });
      const until = performance.now() + PATIENCE_MS;
      while (answer.success === null && performance.now() < until) {
        this.answer(row, `${label}: command ${answer.command.slice(0, 8)} is ${answer.state}. ${answer.detail || "The trader has not answered yet."}`);
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        answer = await call("GET", `/api/commands/${answer.command}`);
      }
      const end = { true: "done", false: "refused", null: "not known yet" }[answer.success];
      this.answer(row, `${label}: command ${answer.command.slice(0, 8)} ${end}: ${answer.detail}`);
      toast(`${label}: ${end}. ${answer.detail}`, answer.success === false ? "bad" : "");
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.answer(row, `${label}: refused: ${error.message}`);
      toast(error.message, "bad");
    }
  }

  answer(row, text) {
    this.answers.set(key(row), text);
    this.show(this.rows);
  }

  tick() {
    const [row] = this.rows;
    if (!row) return;
    const left = (Date.parse(row.closes_at) - Date.now()) / 60000;
    const at = minuteOf(Date.parse(row.closes_at));
    if (!row.is_open) setText(byId("options-left"), "no session is open");
    else if (left <= 0) setText(byId("options-left"), `closed since ${at}`);
    else setText(byId("options-left"), `all is sold at ${at}, in ${left >= 60 ? `${Math.floor(left / 60)} h ` : ""}${Math.floor(left % 60)} min ${Math.floor((left * 60) % 60)} s`);
  }
}

const key = (row) => `${row.strategy} ${row.symbol}`;

const why = (chosen) => `${shortTime(chosen.at)} ${chosen.contract} for ${price(chosen.bid)} / ${price(chosen.ask)}: ${chosen.reason} (${chosen.wish}; ${chosen.source}, ${chosen.listed} contracts)`;

function chain(chosen) {
  const strikes = [...new Set(chosen.chain.map((entry) => entry.strike))];
  const side = (strike, right) => {
    const entry = chosen.chain.find((each) => each.strike === strike && each.right === right);
    const isChosen = right === (chosen.target > 0 ? "C" : "P") && Number(chosen.contract.slice(13)) / 1000 === Number(strike);
    const quote = entry ? `${price(entry.bid)} / ${price(entry.ask)}` : "–";
    return element("td", { className: "n", text: quote, data: isChosen ? { chosen: "yes" } : {} });
  };
  const head = element("tr", {}, ...["Call", "Strike", "Put"].map((text) => element("th", { text, scope: "col", className: "n" })));
  const rows = strikes.map((strike) => element("tr", {}, side(strike, "C"), element("th", { text: price(strike), scope: "row", className: "n" }), side(strike, "P")));
  const table = element("table", {}, element("caption", { className: "visually-hidden", text: `The chain around ${price(chosen.spot)} when it was chosen` }),
    element("thead", {}, head), element("tbody", {}, ...rows));
  return element("details", {}, element("summary", { text: `Chain around ${price(chosen.spot)}` }), element("div", { className: "scroll" }, table));
}
