// The form that starts a fingerprint.

import { call, Refused } from "./api.js";
import { byId, element, setText } from "./dom.js";
import { exitsOf, plain, strategyBox } from "./strategy-form.js";
import { bindThemeToggle } from "./theme-toggle.js";

const NUMBERS = ["move_atr", "caught", "least_moves", "gap_share", "seed_share"];
const config = JSON.parse(byId("page-config").textContent);

bindThemeToggle(() => {});
const form = byId("new-fingerprint");
if (form) bind();

function bind() {
  byId("add-strategy").addEventListener("click", () => add(byId("strategy").value));
  form.addEventListener("submit", (event) => { event.preventDefault(); start(); });
}

function add(name) {
  const { params } = config.strategies.find((each) => each.name === name);
  const title = element("input", { placeholder: "name, if it is there twice", maxLength: 40, ariaLabel: `Name of this ${name}`, data: { name: "" } });
  byId("chosen").append(strategyBox(name, params, { onRemove: () => {}, head: [title] }));
}

function chosen() {
  return [...document.querySelectorAll("[data-strategy]")].map((box) => {
    const typed = [...box.querySelectorAll("[data-param]")].filter((input) => input.value.trim());
    return {
      strategy: box.dataset.strategy, name: box.querySelector("[data-name]").value.trim(),
      params: Object.fromEntries(typed.map((input) => [input.dataset.param, plain(input.value.trim())])),
    };
  });
}

async function start() {
  const button = form.querySelector("button.primary");
  button.disabled = true;
  setText(byId("form-error"), "");
  try {
    const given = Object.fromEntries(new FormData(form));
    const body = {
      name: given.name, symbol: given.symbol, timeframe: given.timeframe, data: given.data, strategies: chosen(),
      fixed: { fees: given.fees || "none", slippage: given.slippage || "none", quantity: given.quantity || "1" },
    };
    for (const name of NUMBERS) if (given[name]) body[name] = Number(given[name]);
    for (const name of ["start", "end"]) if (given[name]) body[name] = given[name];
    if (given.time_is && given.data) body.time_is = given.time_is;
    if (given.exits.trim()) body.fixed.exits = exitsOf(given.exits);
    const run = await call("POST", "/api/discovery/fingerprints", body);
    location.assign(`/discovery/fingerprints/${run.id}`);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    setText(byId("form-error"), error.message);
  } finally {
    button.disabled = false;
  }
}
