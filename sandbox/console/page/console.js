// Draws the state once a second: the sum, the faults that are on, the requests; and lets the buttons act.
import { ask, byId, changed, make, many, press, reconcile, write } from "./dom.js";
import { drawLives, drawRows } from "./requests.js";

const EVERY = 1000; // ms between two looks
const GONE = 410;
const filters = [...document.querySelectorAll("[data-filter]")];
const switches = [...document.querySelectorAll("[data-switch]")];
let show = "all";
let timer = 0;
let looks = 0;

async function look() {
  const mine = ++looks;
  clearTimeout(timer);
  try {
    const state = await ask("/state");
    if (mine !== looks) return; // a newer look is on its way; this state is outdated
    drawSum(state.counts);
    drawFaults(state.switches);
    drawRows(state.rows.filter((row) => show === "all" || show === row.group), state.now);
    await drawLives();
    connected("live", "Live", "");
  } catch (error) {
    if (mine !== looks) return;
    if (error.status === GONE) connected("lost", "Not live", error.message);
    else if (error instanceof TypeError) connected("lost", "Not live", "make local has ended; start it again.");
    else connected("lost", `No news: ${error.message}`, "");
  }
  if (mine === looks) timer = setTimeout(look, EVERY);
}

function connected(kind, text, gone) {
  const line = byId("connection");
  line.dataset.kind = kind;
  write(line, text);
  byId("gone").hidden = !gone;
  write(byId("gone"), gone);
}

function drawSum(counts) {
  for (const button of filters) {
    write(button.querySelector("b"), counts[button.dataset.filter]);
    button.setAttribute("aria-pressed", String(button.dataset.filter === show));
  }
  for (const part of byId("bar").children) part.style.flexGrow = counts[part.className];
  byId("verdict").dataset.kind = counts.missing ? "rejected" : counts.all ? "created" : "quiet";
  write(byId("verdict"), sum(counts));
}

function sum(counts) {
  if (!counts.all) return "Nothing has been sent yet.";
  const text = `${counts.all} sent = ${many(counts.results, "result")} + ${counts.waiting} waiting + ${counts.parked} parked` +
    (counts.errors ? ` + ${many(counts.errors, "HTTP error")}` : "");
  return counts.missing
    ? `${text} + ${counts.missing} missing: another consumer took them, or no rule matches the event.`
    : `${text}. Nothing is lost.`;
}

function drawFaults(states) {
  for (const button of switches) button.setAttribute("aria-pressed", String(states[button.dataset.switch]));
  const on = switches.filter((button) => states[button.dataset.switch]);
  reconcile(byId("banner"), on.map((button) => ({ key: button.dataset.switch, button })), buildBanner, () => {});
  byId("faults-on").hidden = on.length === 0;
  write(byId("faults-on"), on.length);
}

function buildBanner({ key, button }) {
  const line = make("li", "banner");
  const name = button.textContent;
  const off = make("button", "", "Switch off");
  off.setAttribute("aria-label", `Switch off: ${name}`);
  off.addEventListener("click", () => press("switch", { name: key, on: false }));
  const text = make("span");
  text.append(make("strong", "", `${name} is on. `), button.nextElementSibling.textContent);
  line.append(text, off);
  return line;
}

async function drawSamples() {
  const { samples } = await ask("/samples");
  for (const [way, members] of Map.groupBy(samples, (sample) => sample.way)) {
    const list = make("ul", "samples");
    list.append(...members.map(buildSample));
    byId("samples").append(make("h2", "", way), list);
  }
}

function buildSample(sample) {
  const item = make("li");
  const button = make("button", "", sample.label);
  button.setAttribute("aria-label", `Send ${sample.label}`);
  button.addEventListener("click", () => press("send", { sample: sample.name }));
  item.append(button);
  return item;
}

for (const button of filters) {
  button.addEventListener("click", () => {
    show = button.dataset.filter;
    changed();
  });
}
for (const button of switches) {
  button.addEventListener("click", () =>
    press("switch", { name: button.dataset.switch, on: button.getAttribute("aria-pressed") !== "true" }));
}
byId("send-many").addEventListener("click", () => press("send-many"));
byId("send-own").addEventListener("click", () => press("send-own", { text: byId("own").value }));
byId("revoke").addEventListener("click", () => press("revoke-tokens"));
byId("clear").addEventListener("click", () => press("clear"));
document.addEventListener("changed", look);
drawSamples();
look();
