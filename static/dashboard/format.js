// Numbers and times as people read them. Times are New York's: the market's own.

const clock = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minutes = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", day: "numeric", month: "short" });
const dayClock = new Intl.DateTimeFormat("en-GB", {
  timeZone: "America/New_York", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

export const timeOf = (ms) => clock.format(ms);
export const minuteOf = (ms) => minutes.format(ms);
export const dayOf = (ms) => day.format(ms);
export const momentOf = (ms) => dayClock.format(ms);

export function shortTime(iso) {
  const ms = Date.parse(iso);
  return dayOf(ms) === dayOf(Date.now()) ? timeOf(ms) : `${dayOf(ms)} ${minuteOf(ms)}`;
}

// Cash with a sign that is a character, so that colour is not the only hint.
export function cash(text) {
  if (text === null || text === undefined) return "–";
  const value = Number(text);
  const body = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  if (Number(body.replaceAll(",", "")) === 0) return "0.00";
  return (value < 0 ? "−" : "+") + body;
}

export const fees = (text) => Number(text).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const tone = (text) => {
  const value = Number(text ?? 0);
  return value > 0 ? "up" : value < 0 ? "down" : "";
};

// As many decimals as the number was written with, two at least: 431.25, 17 850.00.
export function price(value, decimals) {
  if (value === null || value === undefined) return "–";
  const places = decimals ?? decimalsOf(value);
  return Number(value).toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
}

export function decimalsOf(value) {
  const text = String(Number(Number(value).toFixed(6))); // sums of binary fractions end in dust
  const point = text.indexOf(".");
  return Math.min(6, Math.max(2, point < 0 ? 0 : text.length - point - 1));
}

// "ManualOrder" as people say it.
export const spaced = (kind) => kind.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();

// How long ago, in the largest unit.
export function age(ms) {
  const seconds = Math.max(0, ms) / 1000;
  return seconds < 60 ? `${seconds.toFixed(0)} s` : seconds < 3600 ? `${(seconds / 60).toFixed(0)} min` : seconds < 172800 ? `${(seconds / 3600).toFixed(0)} h` : `${(seconds / 86400).toFixed(0)} days`;
}

// Cells that hold an amount, as people read it; with its colour unless it says data-plain.
export function dressCash(root) {
  for (const cell of root.querySelectorAll("[data-cash]")) {
    if (!cell.dataset.cash) continue;
    cell.textContent = cash(cell.dataset.cash);
    if (!("plain" in cell.dataset) && tone(cell.dataset.cash)) cell.classList.add(tone(cell.dataset.cash));
  }
}
