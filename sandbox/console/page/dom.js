// Elements, texts, and the console's server. Foreign text is inserted as text only, never as markup.
export const byId = (id) => document.getElementById(id);

export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

export function write(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

export const many = (number, one, more = `${one}s`) => `${number} ${number === 1 ? one : more}`;

export function clock(seconds, digits) {
  const parts = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", fractionalSecondDigits: digits };
  return new Date(seconds * 1000).toLocaleTimeString([], parts);
}

// Keep the element of a key, so that it keeps its focus and selection.
export function reconcile(parent, items, build, fill) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let before = parent.firstElementChild;
  for (const item of items) {
    let element = known.get(item.key);
    known.delete(item.key);
    if (!element) {
      element = build(item);
      element.dataset.key = item.key;
    }
    fill(element, item);
    if (element === before) before = before.nextElementSibling;
    else parent.insertBefore(element, before);
  }
  for (const gone of known.values()) gone.remove();
}

export async function ask(path, options = {}) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(15000), ...options });
  const content = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(content.message), { status: answer.status });
  return content;
}

// Run a button's action; show what went wrong.
export async function press(action, fields = {}) {
  const problem = byId("problem");
  problem.hidden = true;
  try {
    const headers = { "Content-Type": "application/json" };
    await ask(`/actions/${action}`, { method: "POST", headers, body: JSON.stringify(fields) });
  } catch (error) {
    problem.textContent = error instanceof TypeError ? "That did not reach make local. Start it again." : error.message;
    problem.hidden = false;
  }
  changed();
}

// Let the page look at once.
export const changed = () => document.dispatchEvent(new Event("changed"));
