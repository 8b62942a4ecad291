// One position and one working order, each in a dialog: other exits, another price, the way out.

import { tell } from "./command.js";
import { byId, confirmed, element, setText } from "./dom.js";
import { cash, price, shortTime } from "./format.js";
import { number, showFor } from "./order.js";

export class PositionDialog {
  constructor(book) {
    this.book = book;
    byId("position-form")?.addEventListener("submit", (event) => { event.preventDefault(); this.setExits(); });
    byId("position-flatten")?.addEventListener("click", () => this.flatten());
  }

  open(position, mark) {
    this.position = position;
    setText(byId("position-title"), `${position.symbol} ${position.side} ${position.quantity.replace("-", "")}`);
    const rows = [
      ["Belongs to", `${position.strategy} at ${position.broker}`], ["Entry", price(position.average_price)], ["Now", price(mark?.price)],
      ["Open P&L", cash(mark?.unrealized_pnl)], ["Stop", level(position.stop_price, mark?.stop_distance)],
      ["Target", level(position.target_price, mark?.target_distance)], ["Guarded by", position.exit_kind || "nothing"],
      ...rolls(position),
    ];
    byId("position-facts").replaceChildren(...rows.flatMap(([name, text]) => [element("dt", { text: name }), element("dd", { text })]));
    const form = byId("position-form");
    if (form) {
      form.elements.stop.value = position.stop_price ?? "";
      form.elements.target.value = position.target_price ?? "";
      fail("position-error", "");
    }
    byId("position").showModal();
  }

  async setExits() {
    const form = byId("position-form").elements;
    const { strategy, symbol, broker } = this.position;
    const wanted = { stop: changed(form.stop, this.position.stop_price), target: changed(form.target, this.position.target_price) };
    if (!wanted.stop && !wanted.target) return fail("position-error", "Change the price of the stop or of the target.");
    return asked("position", "/api/positions/exits", { book: this.book, strategy, symbol, broker, ...wanted });
  }

  async flatten() {
    const { strategy, symbol } = this.position;
    byId("position").close();
    if (!(await confirmed(`Close ${symbol}?`, `What ${strategy} holds in ${symbol} is closed at the market, at every account.`, "Close"))) return;
    await tell("/api/flatten", { book: this.book, strategy, symbol });
  }
}

export class ChangeDialog {
  constructor() {
    byId("change-form").addEventListener("submit", (event) => { event.preventDefault(); this.change(); });
  }

  open(order) {
    this.order = order;
    const form = byId("change-form");
    setText(byId("change-title"), `Change: ${order.side} ${order.symbol} ${order.type.replaceAll("_", " ")}`);
    for (const name of ["quantity", "limit_price", "stop_price", "trail"]) form.elements[name].value = order[name] ?? "";
    showFor(form, order.type);
    fail("change-error", "");
    byId("change").showModal();
  }

  async change() {
    const form = byId("change-form").elements;
    const wanted = Object.fromEntries(["quantity", "limit_price", "stop_price", "trail"]
      .map((name) => [name, changed(form[name], this.order[name])]).filter(([, value]) => value));
    if (!Object.keys(wanted).length) return fail("change-error", "Nothing differs from the order as it is.");
    return asked("change", `/api/orders/${encodeURIComponent(this.order.client_id)}/replace`, wanted);
  }
}

// The dialog stays, with what was typed, until the book accepts it.
async function asked(dialog, path, wanted) {
  const button = byId(`${dialog}-form`).querySelector("button.primary");
  fail(`${dialog}-error`, "");
  button.disabled = true;
  try {
    if (await tell(path, wanted, { bad: (text) => fail(`${dialog}-error`, text) })) byId(dialog).close();
  } finally {
    button.disabled = false;
  }
}

export async function cancelOrder(order) {
  const what = `${order.side} ${order.quantity} ${order.symbol} ${order.type.replaceAll("_", " ")}`;
  if (!(await confirmed("Cancel this order?", `${what}, ${order.strategy} at ${order.broker}.`, "Cancel it"))) return;
  await tell(`/api/orders/${encodeURIComponent(order.client_id)}/cancel`);
}

const level = (value, distance) => (value ? `${price(value)}${distance === null || distance === undefined ? "" : `, ${price(distance)} away`}` : "none");

// The new value, or nothing where it is what it was.
const changed = (input, before) => (number(input.value) && Number(number(input.value)) !== Number(before ?? NaN) ? number(input.value) : undefined);

function fail(id, text) {
  byId(id).hidden = !text;
  setText(byId(id), text);
}

// Of a future: which contract is held, until when that is the one with prices here, and when it is closed before.
function rolls({ contract, rolls_at: at, closes_at: closes }) {
  if (!contract) return [];
  const left = closes ? `closed ${shortTime(closes)} (New York)` : "kept in it";
  return [["Contract", at ? `${contract}, rolls ${shortTime(at)}; ${left}` : contract]];
}
