"use strict";
// The published document as a page: every route with its role, what it takes and what it answers.

function make(tag, text) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  return element;
}

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
  all.append(make("h2", name), make("pre", JSON.stringify(open(schema, schemas), null, 1)));
  return all;
}

async function begin() {
  const said = await (await fetch("/openapi.json")).json();
  const groups = new Map();
  for (const [path, methods] of Object.entries(said.paths)) {
    for (const [method, route] of Object.entries(methods)) {
      const one = make("details");
      const head = make("summary");
      head.append(make("b", method.toUpperCase()), make("code", path), make("span", route["x-role"] || "open"));
      one.append(head, make("p", route.description || route.summary || ""));
      if (route.parameters) one.append(part("parameters", route.parameters, said.components.schemas));
      const body = route.requestBody && route.requestBody.content["application/json"];
      if (body) one.append(part("body", body.schema, said.components.schemas));
      for (const [status, answer] of Object.entries(route.responses)) {
        const content = answer.content && answer.content["application/json"];
        if (content && status < 300) one.append(part(status, content.schema, said.components.schemas));
      }
      const tag = (route.tags || ["other"])[0];
      if (!groups.has(tag)) {
        groups.set(tag, make("section"));
        groups.get(tag).append(make("h2", tag));
      }
      groups.get(tag).append(one);
    }
  }
  document.getElementById("routes").replaceChildren(...groups.values());
}
begin();
