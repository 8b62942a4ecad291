// The form that starts a search for rules.

import { call, Refused } from "./api.js";
import { byId, setText } from "./dom.js";
import { bindThemeToggle } from "./theme-toggle.js";

const NONE = "none";
const OF_SPLIT = ["kind", "train_share", "folds", "purge_days", "embargo_days", "seed"];
const OF_GRID = ["stop", "target", "trail", "hold"];
const WHOLE = ["depth", "beam", "screened", "patterns", "least_trades", "keep", "memory_mb"];
const NUMBERS = [...WHOLE, "overlap", "worst"];
const TEXTS = ["rank_by", "quantity", "fees", "slippage"];

bindThemeToggle(() => {});
const form = byId("new-search");
if (form) bind(JSON.parse(byId("defaults").textContent));

function bind(defaults) {
  for (const name of [...NUMBERS, ...TEXTS, "learned"]) form[name].value = defaults[name];
  for (const name of OF_GRID) form[name].value = defaults.grid[name].map((each) => each ?? NONE).join(", ");
  for (const name of OF_SPLIT) form[name].value = name === "train_share" ? Math.round(100 * defaults.split[name]) : defaults.split[name];
  form.gaps.value = defaults.gaps.map((each) => each.join("–")).join(", ");
  form.carry.checked = defaults.carry;
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => { event.preventDefault(); start(); });
  byId("load-seeds").addEventListener("click", load);
  const asked = new URLSearchParams(location.search).get("fingerprint");
  if (asked) { byId("fingerprint").value = asked; load(); }
  show();
}

// What goes together: which fields count, and what they add up to.
function show(event) {
  event?.target.removeAttribute("aria-invalid");
  const kind = form.kind.value;
  form.folds.disabled = kind === "chronological";
  form.seed.disabled = form.embargo_days.disabled = kind !== "random";
  const share = Number(form.train_share.value);
  const rest = { chronological: "; what comes after them judges", random: "; the rest judges" }[kind] ?? " before the first fold; each fold judges what comes next";
  setText(byId("share-text"), `${share} % of the days${rest}`);
  try {
    const exits = OF_GRID.reduce((product, name) => product * numbers(name).length, 1);
    setText(byId("count"), `${exits.toLocaleString("en")} ${exits === 1 ? "exit" : "exits"} for each of the best`);
  } catch (error) {
    setText(byId("count"), error.message);
  }
}

// "none, 1.5, 3"
function numbers(name) {
  return form[name].value.split(",").map((part) => part.trim()).map((part) => {
    if (part === NONE) return null;
    if (part === "" || !Number.isFinite(Number(part))) throw refused(name, `${name}: numbers like none, 1.5, 3 were expected, found ${form[name].value || "nothing"}`);
    return Number(part);
  });
}

// "1–3, 1–10"
function gaps() {
  return form.gaps.value.split(",").map((part) => {
    const found = /^\s*(\d+)\s*[–-]\s*(\d+)\s*$/.exec(part);
    if (!found) throw refused("gaps", `gaps: bars like 1–3, 1–10 were expected, found ${form.gaps.value || "nothing"}`);
    return [Number(found[1]), Number(found[2])];
  });
}

function seeds() {
  const text = form.seeds.value.trim();
  if (!text) return [];
  try {
    const found = JSON.parse(text);
    return Array.isArray(found) ? found : [found];
  } catch {
    throw refused("seeds", "seeds: a JSON list of rules was expected, found something else");
  }
}

function refused(field, message) {
  return new Refused(message, { field });
}

function number(name) {
  const text = form[name].value.trim();
  if (text === "" || !Number.isFinite(Number(text))) throw refused(name, `${name}: a number was expected, found ${text || "nothing"}`);
  return Number(text);
}

function search() {
  const kind = form.kind.value;
  return {
    sides: form.sides.value ? [form.sides.value] : ["long", "short"],
    categories: [...form.querySelectorAll("[name=categories]:checked")].map((each) => each.value),
    ...Object.fromEntries(NUMBERS.map((name) => [name, number(name)])),
    ...Object.fromEntries(TEXTS.map((name) => [name, form[name].value.trim()])),
    gaps: gaps(),
    grid: Object.fromEntries(OF_GRID.map((name) => [name, numbers(name)])),
    carry: form.carry.checked,
    split: { kind, train_share: number("train_share") / 100, folds: kind === "chronological" ? 1 : number("folds"), purge_days: number("purge_days"), embargo_days: number("embargo_days"), seed: number("seed") },
    learned: form.learned.disabled ? 0 : number("learned"),
    seeds: seeds(),
  };
}

async function start() {
  const button = form.querySelector("button.primary");
  button.disabled = true;
  setText(byId("form-error"), "");
  try {
    const body = { name: form.name.value, symbol: form.symbol.value, timeframe: form.timeframe.value, data: form.data.value, adjust: form.adjust.value, search: search() };
    if (form.data.value && form.time_is.value) body.time_is = form.time_is.value;
    for (const name of ["start", "end"]) if (form[name].value) body[name] = form[name].value;
    const run = await call("POST", "/api/discovery/mining", body);
    location.assign(`/discovery/${run.id}`);
  } catch (error) {
    tell(error);
    button.disabled = false;
  }
}

async function load() {
  const run = byId("fingerprint").value;
  setText(byId("form-error"), "");
  try {
    if (!run) throw new Refused("fingerprint: the number of a fingerprint was expected, found nothing");
    const path = `/api/discovery/fingerprints/${Number(run)}`;
    const [found, { spec }] = await Promise.all([call("GET", `${path}/seeds`), call("GET", path)]);
    form.seeds.value = JSON.stringify(found, null, 1);
    form.seeds.removeAttribute("aria-invalid");
    if (!form.symbol.value) takeBars(spec);
  } catch (error) {
    tell(error);
  }
}

// Search in the bars that the fingerprint was made of.
function takeBars(spec) {
  for (const name of ["symbol", "timeframe", "start", "end", "time_is"]) form[name].value = spec[name] ?? "";
  const file = [...form.data.options].find((option) => option.value && spec.data.endsWith(`/${option.value}`));
  form.data.value = file ? file.value : "";
}

// The message, and the field that it is about.
function tell(error) {
  if (!(error instanceof Refused)) throw error;
  setText(byId("form-error"), error.message);
  const names = (error.content?.field ?? "").split(/[^a-z_]+/i).filter((name) => name in form.elements);
  const field = names.length ? form.elements[names.at(-1)] : null;
  if (field?.setAttribute) { field.setAttribute("aria-invalid", "true"); field.focus(); }
}
