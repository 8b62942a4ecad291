// The search for symbols: a list below a field, by mouse and by keyboard.

import { call, Refused } from "./api.js";
import { byId, element, setText } from "./dom.js";

const PAUSE_MS = 180;

export class SymbolSearch {
  constructor(onChosen) {
    this.onChosen = onChosen;
    this.text = byId("search-text");
    this.list = byId("search-results");
    this.found = [];
    this.at = -1;
    this.asked = 0;
    this.text.addEventListener("input", () => this.soon());
    this.text.addEventListener("keydown", (event) => this.key(event));
    byId("search").addEventListener("submit", (event) => { event.preventDefault(); this.now(true); });
    document.addEventListener("click", (event) => { if (!byId("search").contains(event.target)) this.close(); });
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.now(), PAUSE_MS);
  }

  // With `isChosen` the best one is taken at once: Enter after what was typed.
  async now(isChosen = false) {
    clearTimeout(this.timer);
    const q = this.text.value.trim();
    const number = ++this.asked; // an answer that is overtaken is dropped
    if (!q) return this.close();
    let answer;
    try {
      answer = await call("GET", `/api/market/search?${new URLSearchParams({ q })}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      answer = { results: [], problem: error.message };
    }
    if (number !== this.asked) return;
    this.show(answer);
    if (isChosen && this.found.length) this.choose(this.found[0]);
  }

  show(answer) {
    this.found = answer.results;
    this.at = -1;
    this.list.replaceChildren(...this.found.map((each, index) => this.option(each, index)));
    this.open(this.found.length > 0);
    const more = (answer.count ?? 0) - this.found.length;
    setText(byId("search-note"), answer.problem || (more > 0 ? `${this.found.length} of ${answer.count} shown: type more.` : ""));
  }

  option(each, index) {
    const made = element("li", { role: "option", id: `found-${index}`, ariaSelected: "false" },
      element("b", { text: each.symbol }), element("span", { text: each.name || each.asset_class }),
      element("span", { className: "state", text: each.asset_class }),
      element("small", { className: each.trade.at.length ? "muted" : "problem", text: tradable(each) }),
      element("small", { className: "muted", text: carried(each) }));
    made.addEventListener("click", () => this.choose(each));
    return made;
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.found.length) {
      event.preventDefault();
      this.point((this.at + step + this.found.length) % this.found.length);
    } else if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && this.at >= 0) {
      event.preventDefault();
      this.choose(this.found[this.at]);
    }
  }

  point(at) {
    this.at = at;
    [...this.list.children].forEach((option, index) => { option.ariaSelected = String(index === at); });
    this.text.setAttribute("aria-activedescendant", `found-${at}`);
    this.list.children[at].scrollIntoView({ block: "nearest" });
  }

  choose(each) {
    this.text.value = "";
    this.close();
    setText(byId("search-note"), each.trade.at.length ? "" : `${each.symbol}: ${tradable(each)}`);
    this.onChosen(each);
  }

  open(is) {
    this.list.hidden = !is;
    this.text.setAttribute("aria-expanded", String(is));
    this.text.removeAttribute("aria-activedescendant");
  }

  close() {
    this.found = [];
    this.at = -1;
    this.asked += 1;
    this.open(false);
    setText(byId("search-note"), "");
  }
}

function tradable({ trade }) {
  const where = trade.at.length ? `can be traded at ${trade.at.join(", ")}` : `cannot be traded: ${trade.problems.join(" ")}`;
  return trade.doubt ? `${where}; ${trade.doubt}` : where;
}

const carried = ({ feed }) => (feed.name ? `${feed.name}: ${feed.state}${feed.reason ? `, ${feed.reason}` : ""}` : feed.reason);
