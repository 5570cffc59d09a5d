// Draws the state once a second.
import { byId, write } from "./dom.js";
import { drawCalls, drawFaults } from "./faults.js";
import { drawLives, drawRows, drawSum, view } from "./requests.js";
import { drawSamples } from "./send.js";
import { ask, press } from "./server.js";
import { openTab } from "./tabs.js";

const EVERY = 1000; // ms between two looks
const GONE = 410;
let timer = 0;
let looks = 0;

async function look() {
  const mine = ++looks;
  clearTimeout(timer);
  try {
    const state = await ask(`/state?show=${view.show}&most=${view.most}`);
    if (mine !== looks) return; // a newer look is on its way; this state is outdated
    drawSum(state.counts);
    drawFaults(state.switches);
    drawCalls(state.vendor);
    drawRows(state);
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

document.addEventListener("changed", look);
byId("clear").addEventListener("click", () => press("clear"));
openTab(matchMedia("(min-width: 60rem)").matches ? "send" : "requests");
drawSamples();
look();
