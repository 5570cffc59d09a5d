// What can be sent, each with a preview; a note leads to the new row.
import { buildText, byId, fillText, make, reconcile, write } from "./dom.js";
import { reveal } from "./requests.js";
import { ask, note, press } from "./server.js";

const PAUSE = 300; // ms without a key press until the own event is tried

async function send(action, fields, label) {
  const done = await press(action, fields);
  if (!done) return;
  const last = done.sent.at(-1);
  const text = done.sent.length > 1 ? `Sent ${done.sent.length}: ${done.sent[0].title} to ${last.title}.` : `Sent ${label}: ${last.title}.`;
  note(text, done.sent.length > 1 ? "Show them" : "Show it", () => reveal(last.key, done.sent.length === 1));
}

export async function drawSamples() {
  const { samples } = await ask("/samples");
  for (const [way, members] of Map.groupBy(samples, (sample) => sample.way)) {
    const list = make("ul", "samples");
    const title = make("h2", "", way);
    list.append(...members.map(buildSample));
    byId("samples").append(title, list);
  }
}

function buildSample(sample) {
  const item = make("li", "sample");
  const preview = make("details");
  const button = make("button", "", "Send");
  button.setAttribute("aria-label", `Send ${sample.label}`);
  button.dataset.sample = sample.name;
  button.addEventListener("click", () => send("send", { sample: sample.name }, sample.label));
  const body = make("div", "preview");
  preview.append(make("summary", "", sample.label), body);
  fillPreview(body, { Sends: sample.body }, sample.becomes);
  item.append(preview, button);
  return item;
}

function fillPreview(element, sent, becomes) {
  const texts = Object.entries({ ...sent, ...(becomes.request ? { "The request it becomes": becomes.request } : {}) });
  let list = element.querySelector(".texts");
  if (!list) element.append((list = make("div", "texts")), make("p", "wrong"));
  reconcile(list, texts.map(([key, text]) => ({ key, text, open: true })), buildText, fillText);
  const wrong = element.querySelector(".wrong");
  const words = [becomes.problem, becomes.warning].filter(Boolean).join("\n");
  wrong.hidden = !words;
  write(wrong, words);
}

// ---- the own event

const own = byId("own");
const sendOwn = byId("send-own");
let typed = 0;

own.addEventListener("input", () => {
  clearTimeout(typed);
  sendOwn.disabled = !own.value.trim();
  typed = setTimeout(preview, PAUSE);
});

async function preview() {
  const text = own.value;
  const becomes = text.trim() ? await press("try", { text }) : { problem: "" };
  if (!becomes || text !== own.value) return; // typed on meanwhile
  fillPreview(byId("own-preview"), {}, becomes);
  write(sendOwn, becomes.goes ? `Send to the ${becomes.goes.toLowerCase()}` : "Send your event");
}

sendOwn.addEventListener("click", () => send("send-own", { text: own.value }, "your event"));
byId("send-many").addEventListener("click", () => send("send-many", {}, ""));
