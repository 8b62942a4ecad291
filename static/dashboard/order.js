// Ordering by hand: a form, what it would do, and the button that does exactly that.

import { call, Refused } from "./api.js";
import { follow } from "./command.js";
import { byId, element, setText } from "./dom.js";
import { fees, price } from "./format.js";

const PRICES = ["limit_price", "stop_price", "trail", "stop_loss", "take_profit"];
const words = (text) => text.replaceAll("_", " ");

export class OrderForm {
  constructor(config) {
    this.config = config;
    this.dialog = byId("order");
    this.form = byId("order-form");
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.preview(); });
    this.form.addEventListener("input", () => this.forget());
    this.form.elements.symbol.addEventListener("change", () => this.accounts());
    this.form.elements.type.addEventListener("change", () => this.fields());
    byId("order-place").addEventListener("click", () => this.place());
    byId("order-start")?.addEventListener("click", (event) => this.start(event.target));
  }

  async open(symbol) {
    try {
      this.choices = await call("GET", `/api/orders/form?book=${encodeURIComponent(this.config.book)}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.choices = { is_running: false, symbols: [] };
      this.error(error.message);
    }
    byId("order-idle").hidden = this.choices.is_running;
    this.form.hidden = !this.choices.is_running;
    setText(byId("order-title"), `Order · book ${this.config.book} · ${this.config.mode === "live" ? "real money" : "simulated fills"}`);
    if (this.choices.is_running) this.fill(symbol);
    if (!this.dialog.open) this.dialog.showModal();
  }

  fill(symbol) {
    const names = this.choices.symbols.map((row) => row.symbol);
    this.form.elements.symbol.replaceChildren(...names.map((name) => element("option", { value: name, text: name, selected: name === symbol })));
    this.fields();
    this.accounts();
    this.forget();
  }

  get chosen() {
    return this.choices.symbols.find((row) => row.symbol === this.form.elements.symbol.value);
  }

  fields() {
    showFor(this.form, this.form.elements.type.value);
    this.forget();
  }

  accounts() {
    const rows = this.chosen.accounts.map((account) => {
      const input = element("input", { name: `at:${account.account}`, value: account.quantity, inputMode: "decimal" });
      input.setAttribute("aria-label", `Quantity at ${account.account}`);
      const held = account.held === "0" ? "" : `, holds ${account.held}`;
      return element("label", { className: "account" }, element("span", { text: account.account }), element("span", { className: "muted", text: `${account.venue}${held}` }), input);
    });
    byId("order-accounts").replaceChildren(...rows);
    for (const name of ["limit_price", "stop_price", "trail", "stop_loss", "take_profit"]) this.form.elements[name].placeholder = `× ${this.chosen.tick_size}`;
    this.forget();
  }

  entry() {
    const fields = this.form.elements;
    const shown = (name) => !fields[name].closest(".field").hidden;
    const prices = PRICES.filter((name) => shown(name) && fields[name].value.trim()).map((name) => [name, number(fields[name].value)]);
    const quantities = [...this.form.querySelectorAll("[name^='at:']")].map((input) => [input.name.slice(3), number(input.value)])
      .filter(([, quantity]) => quantity && quantity !== "0");
    return {
      book: this.config.book, symbol: fields.symbol.value, side: fields.side.value, type: fields.type.value, tif: fields.tif.value,
      quantities: Object.fromEntries(quantities), ...Object.fromEntries(prices),
    };
  }

  async preview() {
    const entry = this.entry();
    if (!Object.keys(entry.quantities).length) return this.error("Say how much at one account at least.");
    try {
      this.show(await call("POST", "/api/orders/plan", entry), entry);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.error(error.message);
    }
    return undefined;
  }

  show(plan, entry) {
    this.error("");
    this.plan = { ...plan, entry };
    const isReal = plan.mode === "live";
    byId("order-plan").replaceChildren(...plan.accounts.map(accountPlan), ...plan.problems.filter((text) => !plan.accounts.some((account) => text.startsWith(`${account.account}: `)))
      .map((text) => element("p", { className: "problem", text })));
    const button = byId("order-place");
    button.disabled = !plan.can_place;
    button.classList.toggle("danger", isReal);
    setText(button, isReal ? "Place with real money" : "Place");
    button.scrollIntoView({ block: "nearest" });
  }

  async place() {
    const button = byId("order-place");
    if (!this.plan || button.disabled) return;
    button.disabled = true;
    const { entry, preview } = this.plan;
    try {
      const placed = await call("POST", "/api/orders", { ...entry, preview });
      this.dialog.close();
      this.forget();
      await follow(placed.commands);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.content?.accounts) this.show(error.content, entry);
      this.error(error.message);
    }
  }

  forget() {
    this.plan = null;
    byId("order-place").disabled = true;
    byId("order-plan").replaceChildren();
    this.error("");
  }

  error(text) {
    byId("order-error").hidden = !text;
    setText(byId("order-error"), text);
  }

  async start(button) {
    button.disabled = true;
    try {
      await call("POST", "/api/start-trading", { strategy: "manual" });
      await this.open();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      setText(byId("order-idle").querySelector("p"), error.message);
    } finally {
      button.disabled = false;
    }
  }
}

// Only the prices that this type of order has.
export function showFor(form, type) {
  for (const field of form.querySelectorAll("[data-for]")) field.hidden = !field.dataset.for.split(" ").includes(type);
}

// Digits as they are typed: 5,012.25 is 5012.25.
export const number = (text) => text.trim().replaceAll(",", "");

function accountPlan(account) {
  const orders = account.orders.map((order) => element("li", { className: order.problem ? "is-refused" : "" },
    element("span", { text: sentence(order) }),
    ...(order.problem ? [element("span", { className: "problem", text: order.problem })] : []),
    ...(order.request && !(order.problem && order.request.refused) ? [request(order.request)] : [])));
  const facts = [
    `${account.position} → ${account.position_after}`,
    account.cost && `cost about ${fees(account.cost)}`,
    account.buying_power && `buying power ${fees(account.buying_power)}${account.buying_power_after ? ` → ${fees(account.buying_power_after)}` : ""}`,
  ].filter(Boolean).join(" · ");
  return element("section", { className: "plan" },
    element("h3", { text: `${account.account} ` }, element("span", { className: "muted", text: `${account.venue} · ${facts}` })),
    ...account.withdrawn.map((name) => element("p", { text: `First withdraws ${name}` })),
    element("ol", {}, ...orders),
    ...(account.problem ? [element("p", { className: "problem", text: account.problem })] : []),
    ...account.notes.map((text) => element("p", { className: "muted", text })));
}

function sentence(order) {
  const at = [order.limit_price && `limit ${price(order.limit_price)}`, order.stop_price && `stop ${price(order.stop_price)}`, order.trail && `trailing by ${order.trail}`].filter(Boolean).join(", ");
  const what = order.is_exit ? "Then guards it: " : "";
  return `${what}${order.side} ${order.quantity} ${order.type === "market" ? "at the market" : at || words(order.type)}, ${order.tif}${order.is_exit ? "" : ` (${words(order.intent)})`}`;
}

function request(content) {
  if (content.refused) return element("span", { className: "problem", text: `${content.venue} would refuse it: ${content.refused}` });
  return element("details", {}, element("summary", { text: `What ${content.venue} gets` }),
    element("pre", { text: `${content.method} ${content.path}\n${JSON.stringify(content.body, null, 2)}` }));
}
