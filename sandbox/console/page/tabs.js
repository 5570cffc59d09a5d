// The tabs. A wide page always shows the requests, so there only Send and Faults take turns.
import { byId } from "./dom.js";

const TABS = ["requests", "send", "faults"];
const wide = matchMedia("(min-width: 60rem)");

export function openTab(name, { focus = false } = {}) {
  if (wide.matches && name === "requests") return;
  document.body.dataset.tab = name;
  for (const one of TABS) {
    const tab = byId(`tab-${one}`);
    tab.setAttribute("aria-selected", String(one === name));
    tab.tabIndex = one === name ? 0 : -1;
  }
  if (focus) byId(`tab-${name}`).focus();
}

for (const [number, name] of TABS.entries()) {
  byId(`tab-${name}`).addEventListener("click", () => openTab(name));
  byId(`tab-${name}`).addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const names = wide.matches ? TABS.slice(1) : TABS;
    openTab(names.at((names.indexOf(TABS[number]) + step) % names.length), { focus: true });
  });
}
wide.addEventListener("change", () => openTab(wide.matches && document.body.dataset.tab === "requests" ? "send" : document.body.dataset.tab));
