"use strict";
// What every page does: say its words, and ask the server, with the page's cookie or a key that stays in this tab.

const PATIENCE = 15_000; // ms; the server itself gives an event ten seconds to reach the disk
const at = (id) => document.getElementById(id);

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

// What went wrong, in the reader's words; `small` is what the server or the browser says of it.
class Trouble extends Error {
  constructor(kind, small = "") {
    super(say.troubles[kind] || say.troubles.other(kind));
    Object.assign(this, { kind, small });
  }
}

async function once(path, body, key, patience = PATIENCE) {
  if (key && !/^[!-~]+$/.test(key)) throw new Trouble(401); // no header can bear it
  const headers = { "Content-Type": "application/json", ...(key && { "X-API-Key": key }) };
  let answer, said;
  try {
    const signal = AbortSignal.timeout(patience);
    answer = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal });
    said = await answer.json();
  } catch (error) {
    if (error.name === "TimeoutError") throw new Trouble("late");
    throw new Trouble(answer && !answer.ok ? answer.status : "away", error.message);
  }
  if (answer.ok) return said;
  const { where, expected, got, hint } = said.error || {};
  throw new Trouble(answer.status, where ? `${where}: ${expected}; got ${got}. ${hint}` : "");
}

// A cookie lasts an hour and a server's life: whoever is refused fetches a new one and asks again, without the bad key.
let renewing = null;
async function ask(path, body, patience) {
  const key = sessionStorage.getItem("key");
  try {
    return await once(path, body, key, patience);
  } catch (error) {
    if (error.kind !== 401) throw error;
  }
  if (key && key === sessionStorage.getItem("key")) sessionStorage.removeItem("key");
  renewing ||= fetch("/").catch(() => {}).finally(() => { renewing = null; });
  await renewing;
  return once(path, body, sessionStorage.getItem("key"), patience);
}

function note(text) {
  at("said").className = "";
  at("said").textContent = text;
}

function complain(error, about) {
  at("said").className = "bad";
  at("said").textContent = about ? say.failed(about, error.message) : error.message;
  if (!error.small) return;
  const small = make("small", "", error.small);
  small.lang = "en";
  at("said").append(" ", small);
}

document.documentElement.lang = say.code;
for (const element of document.querySelectorAll("[data-say]")) element.textContent = say[element.dataset.say];
