// Talk to the console's server, and show what it says of a button.
import { byId, make } from "./dom.js";

export async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(15000) });
  const content = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(content.message), { status: answer.status });
  return content;
}

// Return what the button did; null if it failed.
export async function press(action, fields = {}) {
  const problem = byId("problem");
  problem.hidden = true;
  let done = null;
  try {
    const answer = await fetch(`/actions/${action}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(fields),
    });
    const content = await answer.json();
    if (!answer.ok) throw new Error(content.message);
    done = content;
  } catch (error) {
    problem.textContent = error instanceof TypeError ? "That did not reach make local. Start it again." : error.message;
    problem.hidden = false;
  }
  changed();
  return done;
}

// Let the page look at once.
export const changed = () => document.dispatchEvent(new Event("changed"));

export function note(text, label, act) {
  const line = byId("note");
  line.replaceChildren(make("span", "", text));
  const show = make("button", "plain", label);
  const close = make("button", "plain", "×");
  close.setAttribute("aria-label", "Close");
  show.addEventListener("click", act);
  for (const button of [show, close]) button.addEventListener("click", () => line.replaceChildren());
  line.append(show, close);
}
