// Elements and texts. Insert foreign text as text only, never as markup.
export const byId = (id) => document.getElementById(id);

export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  if (tag === "button") element.type = "button";
  return element;
}

export function write(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

export function many(number, one, more = `${one}s`) {
  return `${number} ${number === 1 ? one : more}`;
}

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const text = whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return text.replaceAll(" ", "\u00a0"); // a number and its unit stay on one line
}

export function clock(seconds, digits) {
  const parts = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", fractionalSecondDigits: digits };
  return new Date(seconds * 1000).toLocaleTimeString([], parts);
}

export function webAddress(text) {
  if (!text || !URL.canParse(text)) return null;
  const address = new URL(text);
  return ["http:", "https:"].includes(address.protocol) ? address.href : null;
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

// A title that opens a text, and a button that copies it.
export function buildText(item) {
  const block = make("div", "text");
  const details = make("details");
  const copy = make("button", "plain", "Copy");
  const text = make("pre");
  copy.setAttribute("aria-label", `Copy: ${item.key}`);
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text.textContent);
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  });
  text.tabIndex = 0; // a scrolling text needs keyboard focus
  text.setAttribute("role", "group");
  text.setAttribute("aria-label", item.key);
  details.append(make("summary", "", item.key), text);
  details.open = item.open === true;
  block.append(details, copy);
  return block;
}

export const fillText = (block, item) => write(block.querySelector("pre"), item.text);
