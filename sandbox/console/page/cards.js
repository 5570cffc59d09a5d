// The list entries: requests, results, parked messages and calls.
"use strict";

// ---- lists: keep the element of a key, so that it keeps its focus and selection

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
  let next = "in transit";
  if (item.in_hand) next = item.way === "http" ? "being answered" : "in flight";
  else if (item.next_try) next = item.next_try > now ? `retry in ${duration(item.next_try - now)}` : "retry due now";
  fillCard(card, item, item.why || (item.in_hand ? "in flight" : "new"), item.why ? "waits" : "quiet", [since, tries, next], "");
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
  fillCard(card, item, badge, kind, [item.replayed && "replay of the first outcome"], item.message);
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
  fillCard(card, item, item.status ? `${item.status} ${item.code}`.trim() : "no answer", "quiet", ["the caller may retry"], "");

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
