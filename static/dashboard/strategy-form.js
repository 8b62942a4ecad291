// What forms that run strategies share: a box for each that is chosen, and what is typed into them.

import { Refused } from "./api.js";
import { element } from "./dom.js";

// One strategy: a field for each of its parameters, and a button that takes it out again.
export function strategyBox(name, params, { onRemove, head = [] }) {
  const remove = element("button", { type: "button", className: "button ghost small", text: "Remove" });
  const box = element("div", { className: "strategy-box", data: { strategy: name } },
    element("div", { className: "strategy-head" }, element("strong", { text: name }), ...head, remove),
    element("div", { className: "values" }, ...params.map((param) => element("label", { className: "field" },
      element("span", { text: param.name }), element("input", { name: `${name}.${param.name}`, placeholder: shown(param.default), data: { param: param.name } })))));
  remove.addEventListener("click", () => { box.remove(); onRemove(); });
  return box;
}

// What a person typed, as JSON has it: numbers and true or false, else text.
export function plain(text) {
  if (text === "true" || text === "false") return text === "true";
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

export function exitsOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused(`Exits: JSON like {"stop": {"value": 0.01}} was expected, found ${text}`);
  }
}

function shown(value) {
  return value === null || typeof value === "object" ? "default" : String(value);
}
