// The bell on every page: what people are told, unread until the list is opened, and a toast for what is critical.

import { call } from "./api.js";
import { byId, element, setText, toast } from "./dom.js";
import { Socket } from "./socket.js";

class Bell {
  constructor() {
    this.button = byId("bell");
    this.panel = byId("bell-panel");
    this.list = byId("bell-list");
    this.button.addEventListener("click", () => (this.panel.hidden ? this.open() : this.close()));
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(); });
    document.addEventListener("click", (event) => { if (!event.target.closest("#bell-panel, #bell")) this.close(); });
    this.socket = new Socket("/ws/notices", {
      onMessage: (notice) => this.told(notice),
      onState: (state) => { if (state === "connected") this.load(); }, // what was missed meanwhile
    });
  }

  async load() {
    let inbox;
    try {
      inbox = await call("GET", "/api/notifications");
    } catch {
      return; // the page says elsewhere that the server is away
    }
    this.show(inbox);
  }

  told(notice) {
    const isGood = notice.is_over || notice.notice === "fill"; // critical is what must be seen, and not all of it is bad
    if (notice.level === "critical") toast(notice.text, isGood ? "" : "bad");
    this.load();
  }

  show({ unread, items }) {
    setText(byId("bell-count"), unread > 99 ? "99+" : String(unread));
    byId("bell-count").hidden = !unread;
    this.button.setAttribute("aria-label", unread ? `Notices, ${unread} unread` : "Notices");
    this.list.replaceChildren(...items.map((item) => this.row(item)));
    byId("bell-empty").hidden = items.length > 0;
  }

  row(item) {
    const away = element("button", { type: "button", className: "button ghost small", text: "×", ariaLabel: `Dismiss: ${item.text}` });
    const row = element(
      "li",
      { data: { level: item.is_over ? "info" : item.level, read: String(item.is_read) } },
      element("div", {}, element("p", { text: item.text }), element("p", { className: "muted", text: when(item) })),
      away,
    );
    away.addEventListener("click", async (event) => {
      event.stopPropagation();
      await call("DELETE", `/api/notifications/${item.id}`).catch(() => {});
      this.load();
    });
    return row;
  }

  async open() {
    await this.load();
    this.panel.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    await call("POST", "/api/notifications/read").catch(() => {});
    byId("bell-count").hidden = true;
    this.button.setAttribute("aria-label", "Notices");
  }

  close() {
    this.panel.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
  }
}

function when(item) {
  const at = new Date(item.at).toLocaleString([], { dateStyle: "short", timeStyle: "medium" });
  return item.times > 1 ? `${at} · told ${item.times} times` : at;
}

if (byId("bell")) new Bell();
