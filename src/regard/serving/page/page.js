"use strict";
// One person's list over /v1. The page's cookie, or a key that somebody types, opens it; the key stays in this tab.

const WORDS = {
  en: {
    code: "en",
    person: "Person", show: "Show", interface: "Interface", health: "Health", key: "Key (role write)", enter: "Enter",
    past: "Done here", click: "Click", like: "Like", less: "Less like this", none: "Nothing to recommend.",
    told: (deed, title) => `${deed}: “${title}”. The list is new.`, stranger: "somebody new",
    yet: "Nothing yet. Click or like something, and the list changes.",
    releases: "Releases, last day", columns: ["release", "state", "lists", "visits that liked"],
    states: { candidate: "candidate", refused: "refused", canary: "on trial", live: "live", retired: "retired" },
    figures: (a) => `Release ${a.release}, ${Math.round(a.took_ms)} ms; left out by filters: ${Object.entries(a.dropped).filter(([, n]) => n)
      .map(([name, n]) => `${name} ${n}`).join(", ") || "none"}.`,
  },
  zh: {
    code: "zh",
    filters: { seen: "看过", excluded: "已排除", filtered: "不合条件", blocked: "已屏蔽", hidden: "已隐藏", "not valid now": "不在有效期" },
    person: "用户", show: "显示", interface: "接口", health: "状态", key: "密钥（write 角色）", enter: "进入",
    past: "刚才的操作", click: "点击", like: "喜欢", less: "少推荐这类", none: "没有可推荐的内容。",
    told: (deed, title) => `${deed}：“${title}”。列表已更新。`, stranger: "新用户",
    yet: "还没有操作。点击或喜欢一项，列表就会改变。",
    releases: "版本（最近一天）", columns: ["版本", "状态", "列表数", "有喜欢的访问"],
    states: { candidate: "候选", refused: "已拒绝", canary: "试用中", live: "在线", retired: "已退役" },
    figures: (a) => `版本 ${a.release}，${Math.round(a.took_ms)} 毫秒；过滤掉：${Object.entries(a.dropped).filter(([, n]) => n)
      .map(([name, n]) => `${say.filters[name] || name} ${n}`).join("、") || "无"}。`,
  },
};
const say = navigator.language.startsWith("zh") ? WORDS.zh : WORDS.en;
const at = (id) => document.getElementById(id);

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

async function ask(path, body) {
  const headers = { "Content-Type": "application/json" };
  const key = sessionStorage.getItem("key");
  if (key) headers["X-API-Key"] = key;
  const answer = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
  const said = await answer.json();
  if (answer.status === 401 || answer.status === 403) at("door").hidden = false;
  if (!answer.ok) throw new Error(`${said.error.where}: ${said.error.expected}. ${said.error.hint}`);
  at("door").hidden = true;
  return said;
}

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

async function details(id) {
  try { return await ask(`/v1/items/${encodeURIComponent(id)}`); } catch { return {}; }
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
    button.addEventListener("click", () => tell(person, list, item, deed));
    deeds.append(button);
  }
  line.append(picture(item.title), title, make("div", "reason", item.reason ? item.reason.text : ""), deeds);
  return line;
}

async function tell(person, list, item, deed) {
  try {
    await ask("/v1/events", {
      id: crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`, user: person, item: item.id, type: deed,
      slate: list.recommendation_id, position: item.position, context: { surface: "page" },
    });
    const line = make("li", "", item.title + " ");
    line.append(make("span", "kind", say[deed]));
    at("past").prepend(line);
    at("yet").hidden = true;
    await show(person, say.told(say[deed], item.title));
  } catch (error) { complain(error); }
}

function complain(error) {
  at("said").className = "bad";
  at("said").textContent = error.message;
}

async function show(person, said) {
  try {
    const list = await ask("/v1/recommendations", { user_id: person, k: 10, surface: "page", explain: "short", language: say.code });
    at("said").className = "";
    at("said").textContent = said || (list.items.length ? "" : say.none);
    at("list").replaceChildren(...list.items.map((item) => row(person, list, item)));
    at("figures").textContent = say.figures(list);
    document.body.dataset.shown = list.recommendation_id;
  } catch (error) { complain(error); }
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
  } catch { at("releases").replaceChildren(); }
}

async function begin() {
  try {
    const people = (await ask("/api/users?n=200")).Users.map((user) => user.UserId);
    at("people").replaceChildren(...people.map((name) => Object.assign(make("option"), { value: name })));
    const asked = new URLSearchParams(location.search).get("person");
    at("person").value = asked || people[0] || say.stranger;
    await show(at("person").value);
  } catch (error) { complain(error); }
}

document.documentElement.lang = say.code;
for (const element of document.querySelectorAll("[data-say]")) element.textContent = say[element.dataset.say];
at("who").addEventListener("submit", (event) => {
  event.preventDefault();
  at("past").replaceChildren();
  at("yet").hidden = false;
  show(at("person").value);
});
at("door").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", at("key").value);
  begin();
});
begin();
releases();
setInterval(releases, 15_000);
