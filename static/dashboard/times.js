// How long orders took, per account, and how long decisions take: read every half minute.

import { call } from "./api.js";
import { byId, element, fillRows } from "./dom.js";

const EVERY_MS = 30000;
const SOON_MS = 1000;
const SPANS = [["sent", "Approved → sent"], ["accepted", "Sent → accepted"], ["filled", "Accepted → filled"], ["whole", "Approved → filled"]];

export class OrderTimes {
  constructor(book) {
    this.path = `/api/orders/times?book=${encodeURIComponent(book)}&days=7`;
    this.load();
    setInterval(() => this.load(), EVERY_MS);
  }

  // Something was traded: soon, and once for all that happens together.
  soon() {
    this.timer ??= setTimeout(() => { this.timer = undefined; this.load(); }, SOON_MS);
  }

  async load() {
    let found;
    try {
      found = await call("GET", this.path);
    } catch {
      return; // not for this person, or the server is away: the page says so elsewhere
    }
    const rows = found.accounts.flatMap((account) => SPANS.filter(([name]) => account.spans[name]).map(([name, title], index) => {
      const span = account.spans[name];
      const cells = ["p50_ms", "p95_ms", "p99_ms"].map((key) => element("td", { className: "n", text: duration(span[key]) }));
      return element("tr", {}, element("td", { text: index ? "" : account.account }), element("td", { text: title }), element("td", { className: "n", text: String(span.orders) }), ...cells);
    }));
    fillRows(byId("times").tBodies[0], rows, "No order in the last seven days.", 6);
  }
}

export const duration = (ms) => (ms === null || ms === undefined ? "–" : ms < 1 ? "< 1 ms" : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
