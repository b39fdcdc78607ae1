"use strict";
// The published document as a page: every route with its role, what it takes and what it answers.

// A schema with its references laid open, three deep.
function open(schema, schemas, deep = 0) {
  if (Array.isArray(schema)) return schema.map((one) => open(one, schemas, deep));
  if (schema === null || typeof schema !== "object") return schema;
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return deep > 3 ? name : open(schemas[name] || name, schemas, deep + 1);
  }
  return Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, open(value, schemas, deep)]));
}

function part(name, schema, schemas) {
  const all = make("div");
  all.append(make("h2", "", name), make("pre", "", JSON.stringify(open(schema, schemas), null, 1)));
  return all;
}

function told(path, method, route, schemas) {
  const one = make("details"), head = make("summary"), role = route["x-role"] || "open";
  head.append(make("b", "", method.toUpperCase()), make("code", "", path), make("span", "", say.docs.roles[role] || role));
  const about = make("p", "", route.description || route.summary || "");
  about.lang = "en";
  one.append(head, about);
  if (route.parameters) one.append(part(say.docs.parameters, route.parameters, schemas));
  const body = route.requestBody && route.requestBody.content["application/json"];
  if (body) one.append(part(say.docs.body, body.schema, schemas));
  for (const [status, answer] of Object.entries(route.responses)) {
    const content = answer.content && answer.content["application/json"];
    if (content && status < 300) one.append(part(say.docs.answer(status), content.schema, schemas));
  }
  return one;
}

async function begin() {
  const said = await ask("/openapi.json");
  const groups = new Map();
  for (const [path, methods] of Object.entries(said.paths)) {
    for (const [method, route] of Object.entries(methods)) {
      const tag = (route.tags || ["other"])[0];
      if (!groups.has(tag)) {
        groups.set(tag, make("section"));
        groups.get(tag).append(make("h2", "", say.docs.groups[tag] || tag));
      }
      groups.get(tag).append(told(path, method, route, said.components.schemas));
    }
  }
  at("routes").replaceChildren(...groups.values());
  note(say.docs.note);
}

document.title = say.docs.title;
begin().catch(complain);
