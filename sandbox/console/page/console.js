// Draws the state once a second. Insert foreign text as text only, never as markup.
"use strict";

const EVERY = 1000; // ms between two requests
const QUIET = 3000; // ms between two announcements, so that a screen reader can finish

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

// ---- the whole page

function drawLane(name, items, count, build, fill) {
  const list = byId(name);
  reconcile(list, items, build, fill);
  const lane = list.parentElement;
  lane.querySelector(".empty").hidden = items.length > 0;
  write(byId(`number-${name}`), count);
  const more = lane.querySelector(".more");
  list.tabIndex = list.scrollHeight > list.clientHeight ? 0 : -1; // a scrolling list needs keyboard focus
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
    ? `${sum} + ${counts.missing} missing: another consumer took them, or no rule matches the event.`
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
    ? "Rotated: the stack has the old secret. Requests are retried some minutes after you fill in the new one."
    : "The stack has the current secret.");
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
    if (mine !== looks) return; // a newer request is in flight; this state is outdated
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

async function press(action, fields = {}) {
  const problem = byId("problem");
  problem.hidden = true;
  try {
    const answer = await fetch(`/actions/${action}`, {
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
