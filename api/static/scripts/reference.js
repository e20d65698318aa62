// The API reference, rendered from openapi.json without any other server.

import { h } from "./dom.js";

const DEEPEST = 6;

async function draw() {
  const main = document.getElementById("main");
  let document_;
  try {
    document_ = await (await fetch(new URL("openapi.json", document.baseURI))).json();
  } catch {
    main.append(h("p", { class: "fault", role: "alert" }, "The server does not answer. Check that it is running, and load this page again."));
    return;
  }
  const groups = new Map();
  for (const [path, calls] of Object.entries(document_.paths)) {
    for (const [method, call] of Object.entries(calls)) {
      const tag = call.tags?.[0] ?? "other";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(callBox(document_, method, path, call));
    }
  }
  main.append(...prose(document_.info.description));
  for (const [tag, boxes] of groups) main.append(h("h2", {}, tag), ...boxes);
}

function callBox(root, method, path, call) {
  const inside = h("div", { class: "inside" });
  const box = h("details", { class: "panel call" },
    h("summary", {}, h("span", { class: "method" }, method.toUpperCase()), h("code", {}, path), h("span", { class: "quiet" }, call.summary ?? "")), inside);
  // Rendered when opened, because a page of all schemas would be slow and long.
  box.addEventListener("toggle", () => {
    if (box.open && !inside.hasChildNodes()) inside.append(...callParts(root, call));
  });
  return box;
}

function callParts(root, call) {
  const parts = prose(call.description ?? "");
  if (call.parameters?.length) {
    parts.push(h("h3", {}, "Parameters"), table(call.parameters.map((parameter) => [
      `${parameter.name} (${parameter.in})`, kindOf(root, parameter.schema) + (parameter.required ? ", required" : ""), parameter.description ?? ""])));
  }
  for (const [type, { schema }] of Object.entries(call.requestBody?.content ?? {})) {
    parts.push(h("h3", {}, "Body, ", h("code", {}, type)), fields(root, schema), ...examples(root, schema));
  }
  for (const [status, answer] of Object.entries(call.responses ?? {})) {
    const schema = answer.content?.["application/json"]?.schema;
    if (schema && status < "300") parts.push(h("h3", {}, `Answer ${status}: ${answer.description}`), fields(root, schema));
  }
  const problems = Object.entries(call.responses ?? {}).filter(([status]) => status >= "400");
  if (problems.length) parts.push(h("h3", {}, "Problems"), h("p", {}, problems.map(([status, { description }]) => `${status} ${description}`).join(" · ")));
  return parts;
}

/** The paragraphs of a description, without Markdown markup. */
function prose(text) {
  return text.split(/\n\s*\n/).map((paragraph) => h("p", { class: "about" }, paragraph.replaceAll("`", "").replaceAll(/\s+/g, " ")));
}

function fields(root, schema) {
  const whole = resolve(root, schema);
  const rows = Object.entries(whole.properties ?? {}).map(([name, field]) => {
    const isRequired = whole.required?.includes(name);
    const usual = field.default === undefined || typeof field.default === "object" ? "" : `usually ${field.default}`;
    return [name, kindOf(root, field) + (isRequired ? ", required" : ""), [resolve(root, field).description, usual].filter(Boolean).join("; ")];
  });
  return rows.length ? table(rows) : h("p", {}, kindOf(root, schema));
}

function examples(root, schema) {
  return (resolve(root, schema).examples ?? []).slice(0, 2).map((example) => h("pre", { tabindex: 0, role: "group", "aria-label": "Example" }, JSON.stringify(example, null, 2)));
}

function kindOf(root, schema, depth = 0) {
  const whole = resolve(root, schema ?? {});
  if (depth > DEEPEST) return "…";
  if (whole.enum) return whole.enum.join(" | ");
  if (whole.const !== undefined) return JSON.stringify(whole.const);
  const options = whole.anyOf ?? whole.oneOf;
  if (options) return options.map((option) => kindOf(root, option, depth + 1)).join(" or ");
  if (whole.type === "array") return `list of ${kindOf(root, whole.items, depth + 1)}`;
  if (whole.type === "object" && depth > 0) return whole.title ?? "object";
  const range = [whole.minimum !== undefined && `from ${whole.minimum}`, whole.maximum !== undefined && `to ${whole.maximum}`].filter(Boolean).join(" ");
  return [whole.type ?? "anything", whole.format && `(${whole.format})`, range].filter(Boolean).join(" ");
}

function resolve(root, schema) {
  let found = schema;
  for (let depth = 0; found.$ref && depth < DEEPEST; depth += 1) {
    found = found.$ref.slice(2).split("/").reduce((part, name) => part[name], root);
  }
  return found;
}

function table(rows) {
  return h("div", { class: "table", tabindex: 0, role: "group", "aria-label": "Fields" }, h("table", {}, rows.map(([name, kind, told]) => h("tr", {}, h("td", {}, h("code", {}, name)), h("td", {}, kind), h("td", { class: "quiet" }, told)))));
}

draw();
