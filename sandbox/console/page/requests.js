// The sum, and the list of requests: a row opens into the life of its request.
import { buildText, byId, clock, duration, fillText, make, many, reconcile, webAddress, write } from "./dom.js";
import { ask, changed } from "./server.js";
import { openTab } from "./tabs.js";

const PAGE = 50; // rows
const QUIET = 3000; // ms between two announcements, so that a screen reader can finish
const WAYS = { http: "HTTP", eventbridge: "Event", sqs: "Queue", direct: "Direct" };
const EMPTY = {
  all: "Nothing yet. Send a sample.",
  waiting: "Nothing waits.",
  parked: "Nothing is parked.",
  errors: "No HTTP call ended without a result.",
  results: "No result yet.",
};

export const view = { show: "all", most: PAGE };
const opened = new Set();
let wanted = null; // the row to go to once it is there

// ---- the sum

export function drawSum(counts) {
  for (const button of document.querySelectorAll("[data-filter]")) {
    const name = button.dataset.filter;
    write(button.querySelector("b"), counts[name]);
    button.setAttribute("aria-pressed", String(name === view.show));
  }
  for (const part of byId("bar").children) part.style.flexGrow = counts[part.className];
  const verdict = byId("verdict");
  verdict.dataset.kind = counts.missing ? "rejected" : counts.all ? "created" : "quiet";
  write(verdict, sum(counts));
}

function sum(counts) {
  if (!counts.all) return "Nothing has been sent yet.";
  const text = `${counts.all} sent = ${many(counts.results, "result")} + ${counts.waiting} waiting + ${counts.parked} parked` +
    (counts.errors ? ` + ${many(counts.errors, "HTTP error")}` : "");
  return counts.missing
    ? `${text} + ${counts.missing} missing: another consumer took them, or no rule matches the event.`
    : `${text}. Nothing is lost.`;
}

let said = "";
let saidAt = 0;
let heard = new Set();

function announce(state) {
  const sentence = state.counts.all ? sum(state.counts) : "";
  if (sentence === said || Date.now() - saidAt < QUIET) return;
  const fresh = state.rows.filter((row) => !heard.has(row.key)).map((row) => row.title);
  const rest = fresh.length > 3 ? ` and ${fresh.length - 3} more` : "";
  heard = new Set([...heard, ...state.rows.map((row) => row.key)]);
  said = sentence;
  saidAt = Date.now();
  byId("announcement").textContent = fresh.length ? `New: ${fresh.slice(0, 3).join(", ")}${rest}. ${sentence}` : sentence;
}

// ---- the list

export function drawRows(state) {
  announce(state);
  reconcile(byId("rows"), state.rows, buildRow, (row, item) => fillRow(row, item, state.now));
  const empty = byId("empty");
  empty.hidden = state.rows.length > 0;
  write(empty, EMPTY[state.show]);
  byId("more").hidden = state.more === 0;
  write(byId("more"), `Show ${Math.min(state.more, PAGE)} of ${state.more} more`);
  if (wanted) goTo(wanted);
}

function buildRow(item) {
  const row = make("li", "row");
  const head = make("button", "row-head");
  const line = make("span", "line");
  line.append(make("strong", "title"), make("span", "badge"));
  head.append(line, make("span", "facts"), make("span", "words"));
  head.setAttribute("aria-expanded", "false");
  head.setAttribute("aria-controls", `life-of-${item.key}`);
  head.addEventListener("click", () => toggle(item.key, !opened.has(item.key)));
  const link = make("a", "link");
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  const detail = make("div", "detail");
  detail.id = `life-of-${item.key}`;
  detail.hidden = true;
  const life = make("ol", "life");
  life.setAttribute("aria-label", "Life of the request");
  detail.append(life, make("div", "texts"));
  row.append(head, link, detail);
  return row;
}

function fillRow(row, item, now) {
  row.dataset.kind = item.kind;
  write(row.querySelector(".title"), item.title);
  const badge = row.querySelector(".badge");
  badge.dataset.kind = item.kind;
  write(badge, item.badge);
  const way = WAYS[item.way] ?? item.way;
  const facts = [item.label === item.title || item.label.startsWith(way) ? item.label : `${way}, ${item.label}`,
    clock(item.sent_at), ...waiting(item, now), item.note];
  write(row.querySelector(".facts"), facts.filter(Boolean).join(" · "));
  const words = row.querySelector(".words");
  words.hidden = !item.words;
  write(words, item.words);
  const link = row.querySelector(".link");
  const address = webAddress(item.link);
  link.hidden = !address;
  if (address && link.href !== address) {
    link.href = address;
    link.textContent = item.link;
    link.setAttribute("aria-label", `Survey link of ${item.title}, opens a new tab`);
  }
  const open = opened.has(item.key);
  row.querySelector(".row-head").setAttribute("aria-expanded", String(open));
  row.querySelector(".detail").hidden = !open;
}

function waiting(item, now) {
  const tries = item.tries > 0 && many(item.tries, "try", "tries");
  if (item.in_flight) return [tries, item.badge !== "in flight" && "in flight"];
  const next = item.next_try && (item.next_try > now ? `retry in ${duration(item.next_try - now)}` : "retry due now");
  return [tries, next];
}

function toggle(key, open) {
  if (open) opened.add(key);
  else opened.delete(key);
  changed();
}

// ---- the life of a request

export async function drawLives() {
  for (const row of byId("rows").querySelectorAll(".row:has([aria-expanded=true])")) {
    const request = await ask(`/requests/${row.dataset.key}`);
    const steps = request.life.map((step, number) => ({ key: `${number} ${step.what}`, ...step }));
    reconcile(row.querySelector(".life"), steps, buildStep, fillStep);
    const texts = Object.entries(request.texts).map(([key, text]) => ({ key, text }));
    reconcile(row.querySelector(".texts"), texts, buildText, fillText);
  }
}

function buildStep() {
  const step = make("li");
  step.append(make("time"), make("b"), make("span"));
  return step;
}

function fillStep(element, step) {
  const [time, what, text] = element.children;
  element.dataset.kind = step.kind;
  write(time, step.at === null ? "now" : clock(step.at, 2));
  write(what, step.what);
  write(text, step.text);
}

// ---- lead to a row

export function reveal(key, open = true) {
  wanted = key;
  view.show = "all";
  if (open) opened.add(key);
  openTab("requests");
  changed();
}

function goTo(key) {
  const row = [...byId("rows").children].find((one) => one.dataset.key === key);
  if (!row && view.most === PAGE) {
    view.most = 1000;
    changed();
    return;
  }
  wanted = null;
  row?.scrollIntoView({ block: "center" });
  row?.querySelector(".row-head").focus({ preventScroll: true });
}

for (const button of document.querySelectorAll("[data-filter]")) {
  button.addEventListener("click", () => {
    Object.assign(view, { show: button.dataset.filter, most: PAGE });
    openTab("requests");
    changed();
  });
}
byId("more").addEventListener("click", () => {
  view.most = Math.min(1000, view.most + PAGE);
  changed();
});
