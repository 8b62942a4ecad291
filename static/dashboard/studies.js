// The form that starts a study, and the list below it.

import { call, Refused } from "./api.js";
import { byId, setText } from "./dom.js";
import { exitsOf, plain, strategyBox } from "./strategy-form.js";
import { bindThemeToggle } from "./theme-toggle.js";

const config = JSON.parse(byId("page-config").textContent);
const MOST_VALUES = 200_000; // as many runs as a study may have

bindThemeToggle(() => {});
const form = byId("new-study");
if (form) bind();

function bind() {
  byId("add-strategy").addEventListener("click", () => add(byId("strategy").value));
  form.addEventListener("input", count);
  form.addEventListener("submit", (event) => { event.preventDefault(); start(); });
  add(byId("strategy").value);
}

function add(name) {
  if (document.querySelector(`[data-strategy="${CSS.escape(name)}"]`)) return;
  const { params } = config.strategies.find((each) => each.name === name);
  const box = strategyBox(name, params, { onRemove: count });
  byId("chosen").append(box);
  count();
}

// "5, 8, 13" or "5:20:5"; text stays text. `name` is what a refusal calls it.
export function values(text, name) {
  return text.split(",").map((part) => part.trim()).filter(Boolean).flatMap((part) => {
    const range = /^(-?[\d.]+):(-?[\d.]+):([\d.]+)$/.exec(part);
    if (!range) return [plain(part)];
    const [first, last, step] = range.slice(1).map(Number);
    const count = Math.floor((last - first) / step + 1e-9) + 1;
    if (!(step > 0 && last >= first && count <= MOST_VALUES)) throw new Refused(`${name}: first:last:step was expected, going up, with at most ${MOST_VALUES.toLocaleString("en")} values; found ${part}`);
    const places = Math.max(...range.slice(1).map((each) => (each.split(".")[1] ?? "").length));
    return Array.from({ length: count }, (_, at) => Number((first + at * step).toFixed(places)));
  });
}

function chosen() {
  const grids = {};
  const strategies = [];
  for (const box of document.querySelectorAll("[data-strategy]")) {
    const grid = {};
    for (const input of box.querySelectorAll("[data-param]")) if (input.value.trim()) grid[input.dataset.param] = form.search.value ? input.value.trim() : values(input.value, input.dataset.param);
    if (Object.keys(grid).length) grids[box.dataset.strategy] = grid;
    else strategies.push(box.dataset.strategy);
  }
  return { grids, strategies };
}

function count() {
  let runs = 0;
  try {
    const { grids, strategies } = chosen();
    const each = (grid) => (form.search.value ? Number(form.count.value) : Object.values(grid).reduce((product, found) => product * found.length, 1));
    runs = strategies.length + Object.values(grids).reduce((sum, grid) => sum + each(grid), 0);
    setText(byId("form-error"), "");
  } catch (error) {
    setText(byId("form-error"), error.message);
  }
  form.count.disabled = !form.search.value;
  for (const name of ["folds", "purge_days"]) form[name].disabled = !form.split.value;
  for (const name of ["warmup_days", "behaviour"]) form[name].disabled = form.kind.value !== "campaign";
  form.seed.disabled = !form.search.value && form.split.value !== "random";
  setText(byId("count"), `${form.search.value ? "up to " : ""}${runs.toLocaleString("en")} ${runs === 1 ? "run" : "runs"}${form.kind.value === "campaign" ? " on every day" : ""}`);
}

async function start() {
  const button = form.querySelector("button.primary");
  button.disabled = true;
  try {
    const given = Object.fromEntries(new FormData(form));
    const body = {
      name: given.name, kind: given.kind, symbol: given.symbol, timeframe: given.timeframe, data: given.data,
      fixed: { fees: given.fees || "none", slippage: given.slippage || "none", quantity: given.quantity || "1" },
      rank_by: given.rank_by, ...(given.kind === "campaign" ? { warmup_days: Number(given.warmup_days), behaviour: given.behaviour } : {}),
      ...chosen(),
    };
    if (given.time_is && given.data) body.time_is = given.time_is;
    if (given.search) body.search = { kind: given.search, count: Number(given.count), seed: Number(given.seed) };
    if (given.exits.trim()) body.fixed.exits = exitsOf(given.exits);
    if (given.start) body.start = given.start;
    if (given.end) body.end = given.end;
    if (given.split) body.split = { kind: given.split, folds: Number(given.folds), purge_days: Number(given.purge_days), seed: Number(given.seed ?? 1) };
    const study = await call("POST", "/api/backtests", body);
    location.assign(`/backtests/${study.id}`);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    setText(byId("form-error"), error.message);
  } finally {
    button.disabled = false;
  }
}
