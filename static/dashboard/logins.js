// Logins at brokers: how long each lasts, and a banner where one needs a person.

import { call } from "./api.js";
import { byId, setText, toast } from "./dom.js";

const EVERY_MS = 60000;
const SOON_S = 48 * 3600;

export class Logins {
  constructor() {
    this.asked = 0;
    this.load();
    setInterval(() => this.load(), EVERY_MS);
  }

  told(notice) {
    toast(`${notice.broker}: ${notice.text}`, notice.level === "error" ? "bad" : "");
    this.load();
  }

  // The answer to the latest question counts: an earlier one may come after it, and is older.
  async load() {
    const question = ++this.asked;
    let rows;
    try {
      rows = await call("GET", "/api/brokers/status");
    } catch {
      return; // not for this person, or the server is away: the page says so elsewhere
    }
    if (question === this.asked) this.show(rows.filter((row) => row.state !== "disconnected"));
  }

  show(rows) {
    const urgent = rows.filter((row) => !row.is_connected || row.state === "failing");
    const soon = rows.filter((row) => row.is_connected && row.refresh_left_s !== null && row.refresh_left_s < SOON_S);
    const ends = rows.filter((row) => row.countdown).map((row) => `${row.title} ${row.countdown}`);
    byId("health-logins-item").hidden = !rows.length;
    const chip = byId("health-logins");
    chip.dataset.state = urgent.length ? "bad" : soon.length ? "warn" : "good";
    chip.title = rows.map((row) => `${row.title}: ${row.state}${row.last_error ? `, ${row.last_error}` : ""}`).join("\n");
    setText(chip.querySelector("b"), urgent.length ? urgent.map((row) => `${row.title} ${row.state}`).join(", ") : ends.join(", ") || "connected");
    const banner = byId("logins");
    const lines = [
      ...urgent.map((row) => `${row.title} ${row.state === "failing" ? "does not renew the login" : "must be connected again"}: ${row.last_error || "no reason given"}.`),
      ...soon.filter((row) => !urgent.includes(row)).map((row) => `The login at ${row.title} ends in ${row.countdown}. Connect it again before that.`),
    ];
    banner.hidden = !lines.length;
    banner.dataset.tone = urgent.length ? "bad" : "";
    setText(byId("logins-text"), lines.join(" "));
  }
}
