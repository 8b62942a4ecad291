// Small helpers to build elements. Text is always text: nothing from the server is read as HTML.

export const byId = (id) => document.getElementById(id);

export function element(tag, { className, text, title, data, ...rest } = {}, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  if (title) made.title = title;
  Object.assign(made.dataset, data ?? {});
  Object.assign(made, rest);
  made.append(...children);
  return made;
}

export function setText(target, text, className) {
  if (target.textContent !== text) target.textContent = text;
  if (className !== undefined && target.className !== className) target.className = className;
}

export function chip(id, state, text, title = "") {
  const target = byId(id);
  target.dataset.state = state;
  target.title = title;
  setText(target.querySelector("b"), text);
}

export function fillRows(body, rows, empty, columns) {
  if (rows.length) body.replaceChildren(...rows);
  else body.replaceChildren(element("tr", {}, element("td", { className: "empty", text: empty, colSpan: columns })));
}

export function fillList(list, items, empty) {
  list.replaceChildren(...(items.length ? items : [element("li", { className: "empty", text: empty })]));
}

export function toast(text, tone = "") {
  const made = element("div", { className: "toast", text, data: { tone } });
  byId("toasts").append(made);
  setTimeout(() => made.remove(), 6000);
}

export function confirmed(title, text, verb) {
  const dialog = byId("confirm");
  setText(byId("confirm-title"), title);
  setText(byId("confirm-text"), text);
  setText(byId("confirm-yes"), verb);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

// A price that went up or down shows it for a moment.
export function moved(cell, text) {
  const [before, after] = [cell.textContent, text].map((each) => Number(each.replaceAll(",", "")));
  if (Number.isNaN(before) || Number.isNaN(after)) return;
  cell.dataset.moved = after > before ? "up" : "down";
  clearTimeout(cell.timer);
  cell.timer = setTimeout(() => { cell.dataset.moved = ""; }, 900);
}
