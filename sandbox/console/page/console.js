// Draws the state once a second. Everything that comes from outside is put in as text, never as markup.
"use strict";

const EVERY = 1000; // ms between two looks
const QUIET = 3000; // ms between two announcements, so that a screen reader can end its sentence

const byId = (id) => document.getElementById(id);

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function write(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

function many(number, one, more = `${one}s`) {
  return `${number} ${number === 1 ? one : more}`;
}

function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const text = whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return text.replaceAll(" ", "\u00a0"); // a number and its unit stay on one line
}

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });

// ---- lists: an element a key stays as long as its key does, so that focus and selection do

function reconcile(parent, items, build, fill) {
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

const WAYS = { http: "HTTP", eventbridge: "event", sqs: "queue", direct: "direct" };

function buildCard() {
  const card = make("li", "card");
  const head = make("p", "head");
  head.append(make("strong", "title"), make("span", "badge"));
  card.append(head, make("p", "facts"), make("p", "words"));
  return card;
}

function fillCard(card, item, badge, kind, facts, words) {
  write(card.querySelector(".title"), item.title);
  const label = card.querySelector(".badge");
  label.dataset.kind = kind;
  write(label, badge);
  label.hidden = !badge;
  const way = WAYS[item.way] ?? item.way;
  const origin = item.label === item.title ? way : `${way}, ${item.label.toLowerCase()}`;
  write(card.querySelector(".facts"), [origin, ...facts.filter(Boolean)].join(" · "));
  const line = card.querySelector(".words");
  write(line, words);
  line.hidden = !words;
}

function fillWaiting(card, item, now) {
  const since = item.sent_at && `for ${duration(now - item.sent_at)}`;
  const tries = item.tries > 0 && many(item.tries, "try", "tries");
  let next = "on its way";
  if (item.in_hand) next = item.way === "http" ? "being answered" : "being tried now";
  else if (item.next_try) next = item.next_try > now ? `next try in ${duration(item.next_try - now)}` : "try due now";
  fillCard(card, item, item.why || (item.in_hand ? "in hand" : "new"), item.why ? "waits" : "quiet", [since, tries, next], "");
}

function buildResult() {
  const card = buildCard();
  const link = make("a", "link");
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  card.append(link);
  return card;
}

function fillResult(card, item) {
  const kind = ["created", "rejected", "unknown"].includes(item.status) ? item.status : "quiet";
  const badge = item.status === item.code ? item.status : `${item.status}: ${item.code}`;
  fillCard(card, item, badge, kind, [item.replayed && "repeated, the first outcome again"], item.message);
  const link = card.querySelector(".link");
  const address = webAddress(item.link);
  link.hidden = !address;
  if (address && link.href !== address) {
    link.href = address;
    link.textContent = item.link;
    link.setAttribute("aria-label", `Survey link of ${item.title}, opens a new tab`);
  }
}

function webAddress(text) {
  if (!text || !URL.canParse(text)) return null;
  const address = new URL(text);
  return ["http:", "https:"].includes(address.protocol) ? address.href : null;
}

const fillParked = (card, item) =>
  fillCard(card, item, item.code || "parked", "rejected", [item.tries && many(Number(item.tries), "try", "tries")], item.message);

const fillAnswered = (card, item) =>
  fillCard(card, item, item.status ? `${item.status} ${item.code}`.trim() : "no answer", "quiet", ["its caller was told, and may try again"], "");

function buildCall() {
  const row = make("tr");
  row.append(make("td"), make("td"), make("td", "status"), make("td", "number"));
  return row;
}

function fillCall(row, call) {
  const [at, what, status, took] = row.children;
  write(at, clock(call.began));
  write(what, call.what);
  const open = call.milliseconds === null;
  write(status, call.status ?? (open ? "…" : "no answer"));
  status.dataset.kind = open ? "quiet" : call.status === 200 ? "created" : "rejected";
  write(took, open ? "" : `${call.milliseconds} ms`);
}

// ---- the whole page

function drawLane(name, items, count, build, fill) {
  const list = byId(name);
  reconcile(list, items, build, fill);
  const lane = list.parentElement;
  lane.querySelector(".empty").hidden = items.length > 0;
  write(byId(`number-${name}`), count);
  const more = lane.querySelector(".more");
  list.tabIndex = list.scrollHeight > list.clientHeight ? 0 : -1; // what scrolls has to be within the keyboard's reach
  more.hidden = count <= items.length;
  write(more, `and ${count - items.length} more`);
}

function drawSheet(counts) {
  const waiting = counts.waiting + counts.underway;
  const parts = { results: counts.results, waiting, parked: counts.parked, answered: counts.answered, missing: counts.missing };
  write(byId("count-sent"), counts.sent);
  for (const [name, number] of Object.entries(parts)) {
    document.querySelector(`#bar .${name}`).style.flexGrow = number;
    if (name !== "missing") write(byId(`count-${name}`), number);
  }
  const verdict = byId("verdict");
  verdict.dataset.kind = counts.missing ? "rejected" : counts.sent ? "created" : "quiet";
  write(verdict, conservation(counts, waiting));
  announce(counts, waiting);
}

function conservation(counts, waiting) {
  if (!counts.sent) return "Nothing has been sent yet.";
  const sum = `${counts.sent} sent = ${many(counts.results, "result")} + ${waiting} waiting + ${counts.parked} parked` +
    (counts.answered ? ` + ${many(counts.answered, "HTTP error")}` : "");
  return counts.missing
    ? `${sum} + ${counts.missing} not found: taken off a queue by somebody else, or an event that no rule matches.`
    : `${sum}. Nothing is lost.`;
}

let said = "";
let saidAt = 0;

function announce(counts, waiting) {
  const sentence = counts.sent ? conservation(counts, waiting) : "";
  if (sentence === said || Date.now() - saidAt < QUIET) return;
  said = sentence;
  saidAt = Date.now();
  byId("announcement").textContent = sentence;
}

function drawSamples(samples) {
  const groups = Map.groupBy(samples, (sample) => sample.way);
  const items = [...groups].map(([way, members]) => ({ key: way, members }));
  reconcile(byId("samples"), items, buildGroup, (group, item) =>
    reconcile(group.lastElementChild, item.members.map((one) => ({ key: one.name, ...one })), buildSample, (button, one) =>
      write(button, one.label)));
}

function buildGroup(item) {
  const group = make("div", "group");
  const title = make("h3", "", item.key);
  title.id = `way-${item.key.toLowerCase().replaceAll(" ", "-")}`;
  const buttons = make("div", "buttons");
  buttons.setAttribute("role", "group");
  buttons.setAttribute("aria-labelledby", title.id);
  group.append(title, buttons);
  return group;
}

function buildSample(sample) {
  const button = make("button");
  button.type = "button";
  button.title = `events/${sample.name}`;
  button.dataset.sample = sample.name;
  button.addEventListener("click", () => press("send", { sample: sample.name }));
  return button;
}

let switches = {};

function drawSwitches(state) {
  switches = state;
  for (const button of document.querySelectorAll("[data-switch]")) {
    const on = state[button.dataset.switch] === true;
    button.setAttribute("aria-pressed", String(on));
    write(button.querySelector(".state"), on ? "on" : "off");
  }
  byId("secret").dataset.rotated = String(state.secret);
  write(byId("secret"), state.secret ? "Fill in the new secret" : "Rotate the client secret");
  write(byId("about-secret"), state.secret
    ? "Rotated: the stack has the old one. Requests wait until the new one is filled in, and then a minute or a few."
    : "The stack has the secret that CustomerGauge takes.");
}

function draw(state) {
  const { counts, now } = state;
  drawSheet(counts);
  drawSamples(state.samples);
  drawSwitches(state.switches);
  drawLane("waiting", state.waiting, counts.waiting + counts.underway + counts.missing, buildCard, (card, item) => fillWaiting(card, item, now));
  drawLane("results", state.results, counts.results, buildResult, fillResult);
  drawLane("parked", state.parked, counts.parked, buildCard, fillParked);
  drawLane("answered", state.answered, counts.answered, buildCard, fillAnswered);
  write(byId("number-calls"), state.vendor.calls);
  write(byId("vendor-sum"), `${many(state.vendor.tokens, "token")} given, ${many(state.vendor.records, "survey record")} made.`);
  reconcile(byId("calls"), state.vendor.last, buildCall, fillCall);
}

// ---- talking to the server

let timer = 0;

let looks = 0;

async function look() {
  const mine = ++looks;
  clearTimeout(timer);
  try {
    const answer = await fetch("/state", { signal: AbortSignal.timeout(15000) });
    const state = await answer.json();
    if (mine !== looks) return; // overtaken by the look of a pressed button: it would draw the old state back
    if (!answer.ok) throw new Error(state.message);
    draw(state);
    connected("live", "Live");
  } catch (error) {
    if (mine !== looks) return;
    connected("lost", error instanceof TypeError ? "No connection. Is make local still running?" : `No news: ${error.message}`);
  }
  if (mine === looks) timer = setTimeout(look, EVERY);
}

function connected(kind, text) {
  const line = byId("connection");
  line.dataset.kind = kind;
  write(line, text);
}

async function press(deed, fields = {}) {
  const problem = byId("problem");
  problem.hidden = true;
  try {
    const answer = await fetch(`/deeds/${deed}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(fields),
    });
    if (!answer.ok) throw new Error((await answer.json()).message);
  } catch (error) {
    problem.textContent = error instanceof TypeError ? "That did not reach make local. Is it still running?" : error.message;
    problem.hidden = false;
  }
  await look();
}

for (const button of document.querySelectorAll("[data-switch]")) {
  button.addEventListener("click", () =>
    press("switch", { name: button.dataset.switch, on: button.getAttribute("aria-pressed") !== "true" }));
}
byId("secret").addEventListener("click", () => press("switch", { name: "secret", on: !switches.secret }));
byId("revoke").addEventListener("click", () => press("revoke-tokens"));
byId("send-many").addEventListener("click", () => press("send-many"));
byId("clear").addEventListener("click", () => press("clear"));
look();
