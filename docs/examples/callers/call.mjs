// Asks for a survey link with a signature. Needs Node 18 or newer, and no package.
import { createHash, createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

const { PERSONAL_LINK_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
const ATTEMPTS = 5;
const LONGEST_WAIT = 20; // seconds; send a request that can wait longer to the queue
const TRY_AGAIN = new Set(["in_progress", "rate_limited", "unavailable", "internal_error", "no_answer"]);

/** There is no link; `code` says why. */
export class NoLinkError extends Error {
  constructor({ code = "not_let_in", message, errors = {} }) {
    super(`${code}: ${message}`);
    Object.assign(this, { code, errors });
  }
}

/** Returns the link for a request; every retry uses the same key. */
export async function personalLink(request, key) {
  const body = JSON.stringify(request);
  for (let attempt = 1; ; attempt++) {
    let wait = (0.5 + Math.random() / 2) * 2 ** attempt;
    let answer;
    try {
      const headers = sign(body, { "content-type": "application/json", "idempotency-key": key });
      const signal = AbortSignal.timeout(35_000); // the API gives up after 29 s
      const response = await fetch(PERSONAL_LINK_URL, { method: "PUT", headers, body, signal });
      answer = await response.json();
      if (response.ok) return answer.data;
      wait = Number(response.headers.get("retry-after") ?? wait);
    } catch (error) { // it may have arrived: the key makes a retry safe
      answer = { code: "no_answer", message: `No answer came (${error.cause?.message ?? error.message}).` };
    }
    if (!TRY_AGAIN.has(answer.code) || attempt === ATTEMPTS || wait > LONGEST_WAIT) throw new NoLinkError(answer);
    await sleep(wait * 1000);
  }
}

/** Returns the headers with a signature (AWS Signature Version 4). */
function sign(body, headers) {
  const url = new URL(PERSONAL_LINK_URL);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${time.slice(0, 8)}/${AWS_REGION}/execute-api/aws4_request`;
  const signed = { ...headers, host: url.host, "x-amz-date": time };
  if (AWS_SESSION_TOKEN) signed["x-amz-security-token"] = AWS_SESSION_TOKEN;
  const names = Object.keys(signed).sort();
  const lines = names.map((name) => `${name}:${signed[name].trim().replace(/ +/g, " ")}\n`).join("");
  const canonical = ["PUT", url.pathname, "", lines, names.join(";"), sha256(body)].join("\n");
  const text = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const secret = scope.split("/").reduce(hmac, `AWS4${AWS_SECRET_ACCESS_KEY}`);
  const signature = hmac(secret, text).toString("hex");
  const proof = `Credential=${AWS_ACCESS_KEY_ID}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  const { host, ...sent } = signed; // fetch adds the host itself
  return { ...sent, authorization: `AWS4-HMAC-SHA256 ${proof}` };
}

function sha256(text) {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key, text) {
  return createHmac("sha256", key).update(text).digest();
}

if (process.argv[1]?.endsWith("call.mjs")) {
  try {
    if (process.argv.length !== 4) throw new Error("Usage: call.mjs KEY JSON");
    console.log(JSON.stringify(await personalLink(JSON.parse(process.argv[3]), process.argv[2])));
  } catch (error) {
    console.error(error.message, JSON.stringify(error.errors) ?? "");
    process.exitCode = 1;
  }
}
