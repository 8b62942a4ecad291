// Draws a part of a page again from the server, every so often, while somebody looks at it.

import { byId } from "./dom.js";

export function renew(id, everyMs, dress = () => {}) {
  dress(byId(id));
  setInterval(() => again(id, dress), everyMs);
}

async function again(id, dress) {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const found = answer.ok && !answer.redirected && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
    if (!found) return;
    dress(found);
    byId(id).replaceChildren(...found.childNodes);
  } catch {
    // the server is away: the next round asks again
  }
}
