// The faults, a banner while one is on, and CustomerGauge's last calls.
import { byId, clock, make, many, reconcile, write } from "./dom.js";
import { reveal } from "./requests.js";
import { press } from "./server.js";

const nameOf = (button) => button.firstElementChild.textContent;

export function drawFaults(switches) {
  const on = [];
  for (const button of document.querySelectorAll(".switch[data-switch]")) {
    const isOn = switches[button.dataset.switch] === true;
    button.setAttribute("aria-pressed", String(isOn));
    write(button.querySelector(".state"), isOn ? "on" : "off");
    if (isOn) on.push({ key: button.dataset.switch, name: nameOf(button), about: button.nextElementSibling.textContent });
  }
  reconcile(byId("banner"), on, buildBanner, () => {});
  byId("faults-on").hidden = on.length === 0;
  write(byId("faults-on"), on.length);
}

function buildBanner(fault) {
  const line = make("li", "banner");
  const text = make("span");
  const off = make("button", "", "Switch off");
  off.setAttribute("aria-label", `Switch off: ${fault.name}`);
  off.addEventListener("click", () => press("switch", { name: fault.key, on: false }));
  text.append(make("strong", "", `${fault.name} is on. `), make("span", "about", fault.about));
  line.append(text, off);
  return line;
}

export function drawCalls(vendor) {
  write(byId("number-calls"), vendor.calls);
  write(byId("vendor-sum"), `${many(vendor.tokens, "token")} given, ${many(vendor.records, "survey record")} made.`);
  reconcile(byId("calls"), vendor.last, buildCall, fillCall);
  const more = vendor.calls - vendor.last.length;
  byId("more-calls").hidden = more <= 0;
  write(byId("more-calls"), `and ${more} earlier`);
}

function buildCall() {
  const row = make("tr");
  row.append(make("td"), make("td", "for"), make("td", "status"), make("td"));
  return row;
}

function fillCall(row, call) {
  const [at, what, status, took] = row.children;
  write(at, clock(call.began));
  if (call.request && what.firstElementChild?.dataset.request !== call.request) {
    const lead = make("button", "plain", call.title);
    lead.dataset.request = call.request;
    lead.addEventListener("click", () => reveal(call.request));
    what.replaceChildren(lead);
  } else if (!call.request) write(what, call.what);
  const open = call.milliseconds === null;
  write(status, call.status ?? (open ? "…" : "no answer"));
  status.dataset.kind = open ? "quiet" : call.status === 200 ? "created" : "rejected";
  write(took, open || call.status === null ? "" : `${call.milliseconds} ms`);
}

for (const button of document.querySelectorAll(".switch[data-switch]")) {
  button.addEventListener("click", () =>
    press("switch", { name: button.dataset.switch, on: button.getAttribute("aria-pressed") !== "true" }));
}
byId("revoke").addEventListener("click", () => press("revoke-tokens"));
