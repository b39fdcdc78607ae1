"use strict";
// One person's list over /v1, and what that person does with it.

const BRIEF = 2_000; // ms
let turn = 0; // of the lists asked for: only the last one's answer is shown
let shown = null; // whose list that is
const ids = new Map(); // of deeds that nobody has confirmed: sent again, each counts once

// A picture of its own for each title: two shades and its first letter; nothing is fetched.
function picture(title) {
  let hash = 7;
  for (const sign of title) hash = (hash * 31 + sign.codePointAt(0)) >>> 0;
  const hue = hash % 360;
  const letter = (Array.from(title.trim())[0] || "?").replace(/[<>&"]/g, "·");
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 56 77"><rect width="56" height="77" fill="hsl(${hue} 32% 38%)"/>`
    + `<circle cx="${12 + hash % 32}" cy="${52 + hash % 17}" r="30" fill="hsl(${(hue + 40) % 360} 38% 52%)" opacity=".7"/>`
    + `<text x="28" y="48" text-anchor="middle" font-family="serif" font-size="30" fill="#fff">${letter}</text></svg>`;
  const image = make("img", "picture");
  image.alt = "";
  image.src = "data:image/svg+xml," + encodeURIComponent(svg);
  return image;
}

// Tags are worth no long wait: a browser has six connections, and what the person does needs one.
async function details(id) {
  try { return await ask(`/v1/items/${encodeURIComponent(id)}`, undefined, BRIEF); } catch { return {}; }
}

function row(person, list, item) {
  const line = make("li");
  const title = make("div", "title", item.title);
  const tags = make("span", "tags");
  title.append(" ", tags);
  details(item.id).then((known) => {
    tags.textContent = [...(known.tags || []).slice(0, 3), known.creator].filter(Boolean).join(" · ");
  });
  const deeds = make("div", "deeds");
  for (const deed of ["click", "like", "less"]) {
    const button = make("button", "", say[deed]);
    button.type = "button";
    button.dataset.deed = deed;
    button.ariaLabel = say.about(say[deed], item.title);
    button.addEventListener("click", (event) => {
      // the second half of a double click is no deed, also where it meets the list that the first half has brought
      if (event.detail < 2 && button.ariaDisabled !== "true") tell(person, list, item, deed, deeds);
    });
    deeds.append(button);
  }
  line.append(picture(item.title), title, make("div", "reason", item.reason ? item.reason.text : ""), deeds);
  return line;
}

// Buttons that wait keep the focus, as `disabled` ones would not.
function wait(deeds, waits) {
  for (const button of deeds.children) button.ariaDisabled = String(waits);
}

async function tell(person, list, item, deed, deeds) {
  const name = JSON.stringify([person, item.id, deed]), about = say.about(say[deed], item.title);
  if (!ids.has(name)) ids.set(name, crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`);
  wait(deeds, true);
  note(say.sending(about));
  try {
    await ask("/v1/events", {
      id: ids.get(name), user: person, item: item.id, type: deed, slate: list.recommendation_id, position: item.position,
      context: { surface: "page" },
    });
  } catch (error) {
    wait(deeds, false);
    refuse(error);
    complain(error, about);
    return;
  }
  ids.delete(name);
  if (person !== shown) return;
  const line = make("li", "", item.title + " ");
  line.append(make("span", "kind", say[deed]));
  at("past").prepend(line);
  at("yet").hidden = true;
  await show(person, say.told(about));
}

// A person's list on the page, or none; the focus stays where it was.
function fill(person, list) {
  const focus = document.activeElement, place = [...at("list").children].findIndex((line) => line.contains(focus));
  at("whose").textContent = list ? say.whose(person) : "";
  at("list").replaceChildren(...(list ? list.items.map((item) => row(person, list, item)) : []));
  const left = list ? Object.entries(list.dropped).filter(([, n]) => n).map(([name, n]) => `${say.filters[name] || name} ${n}`) : [];
  at("figures").textContent = list ? say.figures(list.release, Math.round(list.took_ms), left) : "";
  document.body.dataset.shown = list ? list.recommendation_id : "";
  if (place < 0) return;
  const line = at("list").children[Math.min(place, at("list").children.length - 1)];
  (line ? line.querySelector(`[data-deed=${focus.dataset.deed}]`) : at("show")).focus();
}

async function show(person, told) {
  const mine = ++turn;
  if (person !== shown) {
    shown = person;
    fill(person, null); // nobody's list stays under another's name
    at("past").replaceChildren();
    at("yet").hidden = false;
  }
  if (!told) note(say.asking);
  try {
    const list = await ask("/v1/recommendations", { user_id: person, k: 10, surface: "page", explain: "short", language: say.code });
    if (mine !== turn) return;
    at("door").hidden = true;
    fill(person, list);
    note(told || (list.items.length ? "" : say.none));
  } catch (error) {
    refuse(error);
    if (mine !== turn) return;
    fill(person, null);
    complain(error);
  }
}

// Without a key that may do it, the page asks for one.
function refuse(error) {
  if (error.kind === 401 || error.kind === 403) at("door").hidden = false;
}

// Which releases there are, and what people made of their lists.
async function releases() {
  try {
    const found = (await ask("/v1/releases")).releases.reverse().slice(0, 6);
    const head = make("tr");
    head.append(...say.columns.map((name) => make("th", "", name)));
    at("releases").replaceChildren(head, ...found.map((one) => {
      const line = make("tr");
      const liked = one.liked === null ? "–" : `${(100 * one.liked).toFixed(0)} %`;
      line.append(...[one.name, say.states[one.state], one.lists, liked].map((cell) => make("td", "", String(cell))));
      return line;
    }));
  } catch (error) {
    refuse(error);
    at("releases").replaceChildren(make("caption", "", error.message));
  }
}

async function begin() {
  const wanted = at("person").value || new URLSearchParams(location.search).get("person");
  at("person").value = wanted || "";
  const shows = wanted && show(wanted); // which does not wait for the names of others
  try {
    const people = (await ask("/api/users?n=200")).Users.map((user) => user.UserId);
    at("people").replaceChildren(...people.map((name) => Object.assign(make("option"), { value: name })));
    if (wanted) return shows;
    at("person").value = people[0] || say.stranger;
    await show(at("person").value);
  } catch (error) {
    refuse(error);
    if (!wanted) complain(error);
  }
}

at("who").addEventListener("submit", (event) => {
  event.preventDefault();
  show(at("person").value);
});
at("list").addEventListener("keydown", (event) => {
  if (event.repeat && event.key === "Enter") event.preventDefault(); // a key held down is one deed
});
at("door").addEventListener("submit", async (event) => {
  event.preventDefault();
  const key = at("key").value.trim();
  try {
    await once("/v1/releases", undefined, key);
  } catch (error) { return complain(error); }
  sessionStorage.setItem("key", key); // it works
  at("key").value = "";
  at("door").hidden = true;
  begin();
  releases();
});
begin();
releases();
setInterval(releases, 15_000);
