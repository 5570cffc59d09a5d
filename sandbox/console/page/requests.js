// The list of requests: a row opens into the life of its request.
import { ask, byId, changed, clock, make, many, reconcile, write } from "./dom.js";

export function drawRows(rows, now) {
  reconcile(byId("rows"), rows, buildRow, (row, item) => fillRow(row, item, now));
  byId("empty").hidden = rows.length > 0;
}

function buildRow() {
  const row = make("li", "row");
  const line = make("span", "line");
  line.append(make("strong", "title"), make("span", "badge"));
  const head = make("summary");
  head.append(line, make("span", "facts"), make("span", "words"));
  const life = make("ol", "life");
  life.setAttribute("aria-label", "Life of the request");
  const details = make("details");
  details.append(head, life, make("div", "texts"));
  details.addEventListener("toggle", changed);
  const link = make("a", "link");
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  row.append(details, link);
  return row;
}

function fillRow(row, item, now) {
  write(row.querySelector(".title"), item.title);
  const badge = row.querySelector(".badge");
  badge.dataset.kind = item.kind;
  write(badge, item.badge);
  const facts = [item.label, clock(item.sent_at), ...waiting(item, now), item.note];
  write(row.querySelector(".facts"), facts.filter(Boolean).join(" · "));
  write(row.querySelector(".words"), item.words);
  const link = row.querySelector(".link");
  link.hidden = !isWebAddress(item.link);
  if (!link.hidden && link.textContent !== item.link) {
    link.href = link.textContent = item.link;
    link.setAttribute("aria-label", `Survey link of ${item.title}, opens a new tab`);
  }
}

const isWebAddress = (text) => URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol);

function waiting(item, now) {
  const tries = item.tries > 0 && many(item.tries, "try", "tries");
  if (item.in_flight) return [tries, item.badge !== "in flight" && "in flight"];
  const seconds = Math.round(item.next_try - now);
  return [tries, item.next_try && (seconds > 0 ? `retry in ${seconds} s` : "retry due now")];
}

export async function drawLives() {
  for (const row of byId("rows").querySelectorAll(".row:has(> [open])")) {
    const request = await ask(`/requests/${row.dataset.key}`);
    const steps = request.life.map((step, number) => ({ key: `${number} ${step.what}`, ...step }));
    reconcile(row.querySelector(".life"), steps, buildStep, fillStep);
    const texts = Object.entries(request.texts).map(([key, text]) => ({ key, text }));
    reconcile(row.querySelector(".texts"), texts, buildText, (details, item) => write(details.lastElementChild, item.text));
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
  write(time, clock(step.at, 2));
  write(what, step.what);
  write(text, step.text);
}

function buildText(item) {
  const details = make("details");
  const text = make("pre");
  text.tabIndex = 0; // a scrolling text needs keyboard focus
  text.setAttribute("role", "group");
  text.setAttribute("aria-label", item.key);
  details.append(make("summary", "", item.key), text);
  return details;
}
