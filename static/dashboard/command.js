// A command on its way: what the book's process answered is told, never that it was only sent.

import { call, Refused } from "./api.js";
import { toast } from "./dom.js";
import { spaced } from "./format.js";

const PAUSE_MS = 250;
const PATIENCE_MS = 15000;

// Sends, waits for the answer, tells it; true where the book accepted. What went wrong is given to `bad`: a toast, or
// what the form that asked has for it.
export async function tell(path, body, { done = "", bad = alarm } = {}) {
  let sent;
  try {
    sent = await call("POST", path, body);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    bad(error.message);
    return false;
  }
  return follow(sent.commands ?? [sent], { done, bad });
}

export async function follow(commands, { done = "", bad = alarm } = {}) {
  const answers = await Promise.all(commands.map((command) => answer(command.command)));
  for (const found of answers) (found?.state === "accepted" ? toast : bad)(said(found, done));
  return answers.every((found) => found?.state === "accepted");
}

function alarm(text) {
  toast(text, "bad");
}

async function answer(id) {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    try {
      const found = await call("GET", `/api/commands/${id}`);
      if (found.state !== "sent") return found;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return null;
}

function said(found, done) {
  if (!found) return "The book has not answered yet. The list of commands will show what becomes of it.";
  const name = `The ${spaced(found.kind)} (${found.command.slice(0, 6)})`;
  if (found.state === "refused") return `${name} was refused: ${found.detail}`;
  return done || `${name} was accepted${found.detail ? `: ${found.detail}` : ""}`;
}
