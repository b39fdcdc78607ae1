"use strict";
// Whether this server is ready, in words, from the same routes that machines ask; looked at anew every ten seconds.

const OFTEN = 10_000; // ms
const words = say.ready;
const moment = (date) => date.toLocaleString(say.code, { dateStyle: "long", timeStyle: "short" });

// What is said of the release in one state.
function standing(told, state) {
  if (told.reason) return [401, 403].includes(told.reason.kind) ? words.keyed : words.unknown;
  const found = told.value.releases.find((one) => one.state === state);
  return found ? words.since(found.name, moment(new Date(found.since * 1000))) : words.none;
}

const settled = async (promise) => (await Promise.allSettled([promise]))[0];

async function look() {
  const ready = await settled(ask("/health/ready"));
  const told = ready.reason ? ready : await settled(ask("/v1/releases")); // a store that is away is not waited for twice
  const runs = !ready.reason || !["away", "late"].includes(ready.reason.kind);
  const live = standing(told, "live");
  const verdict = !runs ? "away" : ready.reason ? "half" : live === words.none ? "no" : "yes";
  const rows = {
    server: runs ? words.runs : ready.reason.message,
    store: !runs ? words.unknown : ready.reason ? words.silent : words.answers,
    live, canary: standing(told, "canary"), at: new Date().toLocaleTimeString(say.code),
  };
  at("said").className = verdict === "yes" ? "good" : "bad";
  if (at("said").textContent !== words[verdict]) at("said").textContent = words[verdict]; // a screen reader hears news alone
  at("rows").replaceChildren(...Object.entries(rows).flatMap(([name, text]) => [make("dt", "", words.rows[name]), make("dd", "", text)]));
}

async function begin() {
  document.title = words.title;
  at("raw").prepend(words.raw, " ");
  for (;;) {
    await look();
    await new Promise((resolve) => setTimeout(resolve, OFTEN));
  }
}
begin();
