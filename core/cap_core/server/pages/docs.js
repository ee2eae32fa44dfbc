// The page to read and try an API. It reads openapi.json next to it, and puts that into the page as text alone:
// nothing a vendor or an author wrote is ever read as markup.

const METHODS = ["get", "head", "post", "put", "patch", "delete", "options", "trace"];
const SHOWN = 512 * 1024; // characters of an answer that are put into the page
const KEPT = /^(cookie|host|origin|referer|user-agent|accept-encoding|sec-.*|proxy-.*)$/i; // headers a page may not set

// Where this page lives: `/docs`, perhaps below a proxy's prefix, perhaps with a slash at its end.
const here = location.pathname.replace(/\/+$/, "").replace(/[^/]*$/, "");
const base = new URL(here, location.href).href.replace(/\/$/, "");

/** Where credentials go, and what was typed for each, for as long as the page is open. */
const schemes = new Map();
const credentials = new Map();

/** An element. Text among the children stays text. */
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const text = (value) => (typeof value === "string" ? value : "");
const list = (value) => (Array.isArray(value) ? value : []);
const object = (value) => (value !== null && typeof value === "object" && !Array.isArray(value) ? value : {});

start();

function start() {
  searching();
  addEventListener("hashchange", openAddressed);
  load();
}

/** Reads the description, with the credentials that are known; where they do not suffice, asks for them. */
async function load() {
  const headers = [];
  const secrets = [];
  for (const scheme of schemes.values()) credential(scheme, headers, secrets);
  const given = headers.some((header) => header.value) || secrets.some((secret) => secret.value);
  try {
    const answer = await fetched(new URL(`${base}/openapi.json`), { headers, secrets });
    for (const scheme of challenges(answer.headers.get("www-authenticate") ?? "")) schemes.set(carried(scheme), scheme);
    if (answer.status === 401) return ask(given);
    if (!answer.ok) throw new Error(`openapi.json: ${answer.status} ${answer.statusText}`);
    show(object(await answer.json()));
  } catch (error) {
    document.getElementById("main").replaceChildren(
      h("p", { class: "notice", role: "alert" }, `The description could not be read. ${error.message}`),
    );
  }
}

/** Nothing can be shown to somebody unknown, so this is all there is. */
function ask(given) {
  const why = given ? "What you gave is not accepted." : "";
  document.getElementById("main").replaceChildren(
    credentialsSection("Who are you?", "This gateway shows and does nothing before it knows. What you type is sent to it, and kept nowhere.", "Open", why),
  );
  document.querySelector("#credentials input")?.focus();
}

/** What a server asks for (RFC 9110, 11.6.1), as OpenAPI's security schemes. */
function challenges(header) {
  const found = [];
  const challenge = /(?:^|,)\s*([\w-]+)((?:\s+|\s*,\s*)[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s,"]+))*/g;
  for (const [whole, name] of header.matchAll(challenge)) {
    const named = /\bheader\s*=\s*"([^"]+)"/i.exec(whole);
    const scheme = name.toLowerCase();
    if (scheme === "apikey" && named) found.push({ type: "apiKey", in: "header", name: named[1] });
    else if (scheme === "bearer" || scheme === "basic") found.push({ type: "http", scheme });
  }
  return found;
}

function show(description) {
  const info = object(description.info);
  document.title = text(info.title) || "API";
  document.getElementById("title").textContent = document.title;
  document.getElementById("version").textContent = text(info.version);
  document.getElementById("download").href = `${base}/openapi.json`;

  const resolve = resolver(description);
  const groups = grouped(description, resolve);
  const endpoints = list(description["x-cap-mcp"]).map(object);
  const leftOut = list(description["x-cap-quarantined"]).map(object);
  for (const scheme of Object.values(object(object(description.components).securitySchemes)).map(object)) {
    schemes.set(carried(scheme), scheme);
  }
  const main = document.getElementById("main");
  main.replaceChildren(
    nothing,
    ...[
      introduction(info, groups),
      schemes.size ? credentialsSection("Your credentials", "Sent with what you try here; kept nowhere.", "Show what they let me see") : null,
      ...groups.map((group) => capabilitySection(group, resolve)),
      endpoints.length ? mcpSection(endpoints) : null,
      leftOut.length ? leftOutSection(leftOut) : null,
    ].filter(Boolean),
  );
  contents(groups, endpoints, leftOut);
  look();
  openAddressed();
}

/** Follows a `$ref` inside the description; anything else is itself. */
function resolver(description) {
  return (node) => {
    for (let hops = 0; hops < 8 && text(object(node).$ref).startsWith("#/"); hops += 1) {
      const keys = node.$ref.slice(2).split("/").map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
      node = keys.reduce((inner, key) => object(inner)[key], description);
    }
    return object(node);
  };
}

/** The operations by capability, in the description's order. */
function grouped(description, resolve) {
  const groups = new Map();
  const group = (name) => {
    if (!groups.has(name)) groups.set(name, { name, description: "", operations: [] });
    return groups.get(name);
  };
  for (const tag of list(description.tags)) group(text(tag.name)).description = text(tag.description);
  const declared = object(object(description.components).securitySchemes);
  for (const [path, item] of Object.entries(object(description.paths))) {
    for (const method of METHODS.filter((name) => name in object(item))) {
      const operation = object(item[method]);
      const name = text(operation["x-cap-capability"]) || text(list(operation.tags)[0]) || "API";
      group(name).operations.push({
        path,
        method,
        operation,
        id: text(operation.operationId) || `${method} ${path}`,
        parameters: [...list(item.parameters), ...list(operation.parameters)].map(resolve),
        body: operation.requestBody ? resolve(operation.requestBody) : null,
        responses: Object.entries(object(operation.responses)).map(([status, answer]) => [status, resolve(answer)]),
        security: list(operation.security).flatMap((one) => Object.keys(object(one))).map((key) => object(declared[key])),
      });
    }
  }
  return [...groups.values()].filter((one) => one.operations.length);
}

// --- sections -------------------------------------------------------------------------------------------------------

function introduction(info, groups) {
  const words = text(info.description);
  // With several capabilities, each says for itself what it is.
  const repeated = groups.length > 1 || groups.some((group) => group.description.includes(words));
  const said = words && !repeated ? lines(words) : [];
  return h("section", {}, said, h("p", { class: "quiet small" }, "Served at ", h("code", {}, base)));
}

/** Text as paragraphs and lists. */
function lines(words) {
  const bullets = words.split("\n").filter((line) => line.startsWith("* "));
  const other = words.split("\n").filter((line) => !line.startsWith("* ")).join("\n").trim();
  return [
    other ? h("p", {}, other) : null,
    bullets.length ? h("ul", { class: "bullets" }, bullets.map((line) => h("li", {}, line.slice(2)))) : null,
  ];
}

function credentialsSection(title, about, action, why = "") {
  const rows = [...schemes].map(([place, scheme], n) => {
    const id = `credential-${n}`;
    const field = h("input", {
      id,
      type: "password",
      autocomplete: "off",
      placeholder: scheme.scheme === "basic" ? "user:password" : "",
      oninput: () => credentials.set(place, field.value),
    });
    field.value = credentials.get(place) ?? "";
    return h("div", { class: "row" }, h("label", { class: "name", for: id }, named(scheme), h("span", { class: "kind" }, place)), field);
  });
  const submitted = (event) => {
    event.preventDefault();
    load();
  };
  return h(
    "section",
    { id: "credentials" },
    h("header", {}, h("h2", {}, title), h("p", { class: "quiet small" }, about)),
    h(
      "form",
      { onsubmit: submitted },
      h("div", { class: "rows" }, rows.length ? rows : h("p", { class: "quiet" }, "How to say who you are, this page does not know.")),
      h("div", { class: "buttons" }, rows.length ? h("button", { type: "submit" }, action) : null, h("p", { class: "wrong", role: "alert" }, why)),
    ),
  );
}

const named = (scheme) => (scheme.type === "apiKey" ? "Key" : scheme.scheme === "basic" ? "User and password" : "Token");

/** Where a credential goes: for people, and to know that two schemes mean the same. */
function carried(scheme) {
  if (scheme.type === "apiKey") return `${text(scheme.in)} ${text(scheme.in) === "header" ? text(scheme.name).toLowerCase() : text(scheme.name)}`;
  return scheme.type === "http" ? `Authorization: ${text(scheme.scheme)}` : text(scheme.type);
}

function capabilitySection(group, resolve) {
  return h(
    "section",
    { id: `capability-${group.name}`, "data-searched": true },
    h("header", {}, h("h2", {}, group.name), group.description ? h("p", { class: "quiet" }, group.description) : null),
    group.operations.map((entry) => operationCard(entry, resolve)),
  );
}

/** What an operation does, in a few words: its own, or the beginning of what is written about it. */
function said(operation) {
  const [first] = text(operation.description).split(/(?<=[.!?])\s|\n/);
  return first || text(operation.summary);
}

function operationCard(entry, resolve) {
  const { operation, method, path } = entry;
  const label = said(operation);
  const card = h(
    "details",
    { class: "card", id: entry.id, "data-words": [method, path, label, text(operation.summary), text(operation.description), entry.id].join(" ").toLowerCase() },
    h(
      "summary",
      {},
      h("span", { class: `method ${method}` }, method.toUpperCase()),
      h("span", { class: "path" }, path),
      label ? h("span", { class: "label" }, label) : null,
    ),
  );
  // Built when it is first opened: a listener may have hundreds of operations.
  card.addEventListener("toggle", () => card.append(operationInside(entry, resolve)), { once: true });
  return card;
}

function operationInside(entry, resolve) {
  const { operation } = entry;
  const facts = [
    ["Defined in", text(operation["x-cap-spec"])],
    ["Calls", text(operation["x-cap-call"])],
    ["Operation id", entry.id],
  ];
  return h(
    "div",
    { class: "inside" },
    text(operation.description) ? h("p", {}, text(operation.description)) : null,
    h("div", { class: "facts" }, facts.filter(([, value]) => value).map(([name, value]) => h("span", {}, `${name} `, h("code", {}, value)))),
    tryForm(entry),
    responsesPart(entry.responses, resolve),
  );
}

function responsesPart(responses, resolve) {
  if (!responses.length) return null;
  // An object's keys that look like numbers come first, whatever their order was.
  const sorted = [...responses].sort(([one], [other]) => (one < other ? -1 : 1));
  const rows = sorted.map(([status, answer]) => {
    const content = object(answer.content);
    const types = Object.keys(content).join(", ");
    const fields = status.startsWith("2") ? members(object(object(content["application/json"]).schema), resolve) : null;
    return [h("dt", {}, status), h("dd", {}, text(answer.description), types ? h("span", { class: "quiet" }, ` ${types}`) : null, fields)];
  });
  return [h("h4", {}, "Answers"), h("dl", {}, rows)];
}

/** The fields that a schema names, as a list of lists. */
function members(schema, resolve, depth = 0) {
  const node = resolve(schema);
  const inner = node.items ? object(node.items) : node.additionalProperties ? object(node.additionalProperties) : null;
  const fields = Object.entries(object(node.properties));
  if (depth > 8) return null;
  if (!fields.length) return inner ? members(inner, resolve, depth + 1) : null;
  return h(
    "ul",
    { class: "fields" },
    fields.map(([name, field]) => {
      const one = resolve(field);
      return h("li", {}, h("code", {}, name), " ", h("span", { class: "quiet" }, kindOf(one)), text(one.description) ? ` ${text(one.description)}` : null, members(one, resolve, depth + 1));
    }),
  );
}

function mcpSection(endpoints) {
  return h(
    "section",
    { id: "mcp", "data-searched": true },
    h("header", {}, h("h2", {}, "MCP"), h("p", { class: "quiet" }, "The same capabilities as tools, for MCP clients.")),
    endpoints.map(mcpEndpoint),
  );
}

function mcpEndpoint(endpoint) {
  const name = text(endpoint.name) || "cap";
  const url = absolute(text(endpoint.url));
  const tools = list(endpoint.tools).map(object);
  const headers = shownHeaders();
  const config = JSON.stringify({ mcpServers: { [name]: { type: "http", url, ...headers } } }, null, 2);
  const words = [name, url, ...tools.flatMap((tool) => [text(tool.name), text(tool.description)])].join(" ").toLowerCase();
  return h(
    "details",
    { class: "card", id: `mcp-${name}`, "data-words": words },
    h(
      "summary",
      {},
      h("span", { class: "method" }, "MCP"),
      h("span", { class: "path" }, url.startsWith(base) ? url.slice(base.length) : url),
      h("span", { class: "label" }, `${name}, ${tools.length} ${tools.length === 1 ? "tool" : "tools"}`),
    ),
    h(
      "div",
      { class: "inside" },
      h("h4", {}, "For the configuration of an MCP client"),
      snippet(config),
      tools.length ? h("h4", {}, "Tools") : null,
      h(
        "div",
        { class: tools.length ? "rows" : "" },
        tools.map((tool) => h("div", { class: "row", "data-tool": `${text(tool.name)} ${text(tool.description)}`.toLowerCase() }, h("span", { class: "name" }, h("code", {}, text(tool.name))), h("p", {}, text(tool.description)))),
      ),
    ),
  );
}

/** The headers that an MCP client has to send, with a place for what callers have to show. */
function shownHeaders() {
  const wanted = [];
  for (const scheme of schemes.values()) credential(scheme, wanted, []);
  const fields = wanted.filter((header) => !header.forbidden).map(({ name, before }) => [name, `${before ?? ""}${name === "Authorization" ? "TOKEN" : "KEY"}`]);
  return fields.length ? { headers: Object.fromEntries(fields) } : {};
}

/** An address of this gateway as a whole URL. */
function absolute(address) {
  try {
    return new URL(address, `${base}/`).href;
  } catch {
    return address;
  }
}

function leftOutSection(leftOut) {
  return h(
    "section",
    { id: "left-out" },
    h(
      "header",
      {},
      h("h2", {}, "Not served"),
      h("p", { class: "quiet" }, "What the documents expose and this gateway cannot serve. These addresses answer 501 with the same reason."),
    ),
    h(
      "div",
      { class: "rows" },
      leftOut.map((one) =>
        h(
          "div",
          { class: "row" },
          h("span", { class: "name" }, `${text(one.method)} ${text(one.path)}`, h("span", { class: "kind" }, text(one.capability))),
          h(
            "div",
            {},
            h("p", {}, [text(one.message), text(one.hint)].filter(Boolean).join("; ")),
            h("span", { class: "small quiet" }, h("code", {}, text(one.spec)), " ", text(one.code)),
          ),
        ),
      ),
    ),
  );
}

function contents(groups, endpoints, leftOut) {
  const link = (href, ...name) => h("li", { "data-of": href }, h("a", { href: `#${encodeURIComponent(href)}` }, ...name));
  const tools = endpoints.map((endpoint) => link(`mcp-${text(endpoint.name)}`, text(endpoint.url)));
  const more = [
    ...(leftOut.length ? [link("left-out", `Not served (${leftOut.length})`)] : []),
  ];
  document.getElementById("contents").replaceChildren(
    ...(tools.length ? [h("h2", {}, h("a", { href: "#mcp" }, "MCP")), h("ul", {}, tools)] : []),
    ...groups.flatMap((group) => [
      h("h2", {}, h("a", { href: `#${encodeURIComponent(`capability-${group.name}`)}` }, group.name)),
      h(
        "ul",
        {},
        group.operations.map(({ id, method, operation }) =>
          link(id, h("span", { class: `verb ${method}` }, method.toUpperCase()), " ", said(operation) || id),
        ),
      ),
    ]),
    ...(more.length ? [h("h2", {}, "More"), h("ul", {}, more)] : []),
  );
  document.getElementById("index").open = !matchMedia("(max-width: 60rem)").matches;
}

// --- finding --------------------------------------------------------------------------------------------------------

const nothing = h("p", { class: "notice", role: "status", hidden: true }, "Nothing found.");

/** Shows what has all the words that are searched for: cards, the tools in them, and their lines in the contents. */
function look() {
  const words = document.getElementById("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (whole) => words.every((word) => whole.includes(word));
  const gone = new Set();
  let found = 0;
  for (const section of document.querySelectorAll("#main > section")) {
    const cards = [...section.querySelectorAll("[data-words]")];
    for (const card of cards) {
      card.hidden = !has(card.dataset.words);
      found += card.hidden ? 0 : 1;
      if (card.hidden) gone.add(card.id);
      const tools = [...card.querySelectorAll("[data-tool]")];
      const right = tools.filter((tool) => has(tool.dataset.tool));
      for (const tool of tools) tool.hidden = right.length > 0 && !right.includes(tool);
      if (words.length && right.length) card.open = true;
    }
    section.hidden = words.length > 0 && cards.every((card) => card.hidden);
  }
  for (const line of document.querySelectorAll("#contents [data-of]")) line.hidden = gone.has(line.dataset.of);
  nothing.hidden = !words.length || found > 0;
}

function searching() {
  const field = document.getElementById("search");
  field.addEventListener("input", look);
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      field.focus();
    }
  });
}

/** Opens what the address names behind its `#`. */
function openAddressed() {
  let id = "";
  try {
    id = decodeURIComponent(location.hash.slice(1));
  } catch {
    return;
  }
  const target = id && document.getElementById(id);
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView();
}

// --- trying ---------------------------------------------------------------------------------------------------------

function tryForm(entry) {
  const fields = entry.parameters.map((parameter) => parameterField(entry, parameter));
  const body = entry.body ? bodyField(entry) : null;
  const problem = h("p", { class: "wrong", role: "alert" });
  const result = { statusLine: h("div", { class: "status", "aria-live": "polite" }), shown: h("div") };
  const curl = h("div");
  let running = null;

  const read = () => {
    problem.textContent = "";
    try {
      return request(entry, fields, body);
    } catch (error) {
      problem.textContent = error.message;
      return null;
    }
  };
  const stop = h("button", { type: "button", hidden: true, onclick: () => running?.abort() }, "Stop");
  const send = h("button", { type: "submit", class: "main" }, "Send");
  const form = h(
    "form",
    {
      novalidate: true,
      onsubmit: async (event) => {
        event.preventDefault();
        const wanted = read();
        if (!wanted || running) return;
        running = new AbortController();
        [send.disabled, stop.hidden] = [true, false];
        await perform(wanted, running.signal, result);
        [send.disabled, stop.hidden, running] = [false, true, null];
      },
    },
    entry.parameters.length ? h("h4", {}, "Inputs") : null,
    entry.parameters.length ? h("div", { class: "rows" }, fields.map((field) => field.row)) : null,
    body ? [h("h4", {}, "Body"), h("div", { class: "rows" }, body.rows)] : null,
    h(
      "div",
      { class: "buttons" },
      send,
      stop,
      h(
        "button",
        {
          type: "button",
          onclick: () => {
            const wanted = read();
            if (wanted) curl.replaceChildren(snippet(curlOf(wanted)));
          },
        },
        "Show as curl",
      ),
      problem,
    ),
    curl,
    h("div", { class: "result" }, result.statusLine, result.shown),
  );
  return form;
}

let serial = 0;

function parameterField(entry, parameter) {
  const schema = object(parameter.schema ?? object(object(parameter.content)["application/json"]).schema);
  const place = text(parameter.in);
  const id = `field-${(serial += 1)}`;
  const input = inputOf(schema, id);
  const forbidden = place === "cookie" || (place === "header" && KEPT.test(text(parameter.name)));
  const row = h(
    "div",
    { class: "row" },
    h(
      "label",
      { class: "name", for: id },
      text(parameter.name),
      parameter.required ? h("span", { class: "needed", title: "required" }, " *") : null,
      h("span", { class: "kind" }, `${place}, ${kindOf(schema, "text")}`),
    ),
    h(
      "div",
      {},
      text(parameter.description) ? h("p", { class: "quiet" }, text(parameter.description)) : null,
      input,
      forbidden ? h("p", { class: "small quiet" }, "A browser does not let a page send this; use curl.") : null,
    ),
  );
  const values = () => (schema.type === "array" ? input.value.split("\n").filter((line) => line !== "") : input.value === "" ? [] : [input.value]);
  return { parameter, place, row, values, forbidden };
}

function inputOf(schema, id) {
  const choices = schema.type === "boolean" ? ["true", "false"] : list(schema.enum).map(spelled);
  if (choices.length && schema.type !== "array") {
    return h("select", { id }, h("option", { value: "" }, "not given"), choices.map((choice) => h("option", { value: choice }, choice)));
  }
  if (schema.type === "array") return h("textarea", { id, class: "lines", spellcheck: "false", placeholder: "one per line" });
  const numeric = schema.type === "integer" || schema.type === "number";
  return h("input", { id, type: "text", autocomplete: "off", spellcheck: "false", inputmode: numeric ? "decimal" : null });
}

const spelled = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** A schema in a few words. */
function kindOf(schema, otherwise = "any") {
  const types = [schema.type].flat().filter((type) => type && type !== "null");
  const kind = types.join(" or ") || otherwise;
  const of = schema.type === "array" && object(schema.items).type ? ` of ${object(schema.items).type}` : "";
  const choices = list(schema.enum).length ? `, one of ${list(schema.enum).map(spelled).join(", ")}` : "";
  const pattern = text(schema.pattern) ? `, ${schema.pattern}` : "";
  return `${kind}${of}${choices}${pattern}`;
}

function bodyField(entry) {
  const content = object(entry.body.content);
  const types = Object.keys(content);
  const any = types.includes("*/*");
  const schema = object(object(content["application/json"] ?? content[types[0]]).schema);
  const area = h("textarea", { id: `field-${(serial += 1)}`, spellcheck: "false", "aria-label": "Body" });
  const start = any ? "" : example(schema);
  area.placeholder = start;
  const own = types.filter((one) => one !== "*/*");
  const type = any
    ? h("input", { type: "text", value: own[0] ?? "application/json", "aria-label": "Content-Type" })
    : h("select", { "aria-label": "Content-Type" }, types.map((one) => h("option", { value: one }, one)));
  const file = h("input", { type: "file", "aria-label": any ? "A file as the body" : "A file to put into the body" });
  const part = h("input", { type: "text", value: "file", "aria-label": "The name of the file's part" });
  const inside = h("label", { class: "small quiet" }, "In a multipart body the file is the part ", part, "; the text is an object of the others.");
  const isMultipart = () => type.value.toLowerCase().startsWith("multipart/");
  const showPart = () => (inside.hidden = !any || !isMultipart());
  type.addEventListener("input", showPart);
  showPart();
  // In a field of a body that the gateway builds, a file is base64.
  if (!any) file.addEventListener("change", async () => {
    if (file.files.length) area.setRangeText(await base64(file.files[0]), area.selectionStart, area.selectionEnd, "end");
    file.value = "";
  });
  const fill = start ? h("button", { type: "button", onclick: () => (area.value = start) }, "Fill in an example") : null;
  const help = any ? null : h("span", { class: "small quiet" }, "A file goes into the text as base64, where the cursor is.");
  const properties = Object.entries(object(schema.properties));
  const required = list(schema.required);
  const rows = [
    properties.map(([name, property]) =>
      h(
        "div",
        { class: "row" },
        h("span", { class: "name" }, name, required.includes(name) ? h("span", { class: "needed", title: "required" }, " *") : null),
        h("div", {}, h("span", { class: "small quiet" }, kindOf(object(property))), h("p", {}, text(object(property).description))),
      ),
    ),
    h(
      "div",
      { class: "row" },
      h(
        "span",
        { class: "name" },
        "Content-Type",
        h("span", { class: "kind" }, entry.body.required ? "a body is required" : "a body is optional"),
      ),
      type,
    ),
    h(
      "div",
      { class: "row" },
      h("label", { class: "name", for: area.id }, any ? "Body, as it is sent" : "Body", h("span", { class: "kind" }, any ? "anything" : kindOf(schema))),
      h("div", {}, text(entry.body.description) ? h("p", { class: "quiet" }, text(entry.body.description)) : null, area, h("div", { class: "buttons" }, fill, file, help), inside),
    ),
  ];
  const value = () => {
    const picked = any ? file.files[0] : undefined;
    if (any && isMultipart()) return multipart(area.value, picked, part.value);
    if (picked) return { type: own.length ? type.value : picked.type || type.value, data: picked, name: picked.name };
    return area.value.trim() === "" ? null : { type: type.value, data: asForm(area.value, type.value) };
  };
  return { rows, value };
}

/** A multipart body, whose Content-Type and boundary the browser adds. */
function multipart(value, file, part) {
  const form = new FormData();
  const parts = [];
  for (const [name, one] of value.trim() ? Object.entries(object(JSON.parse(value))) : []) {
    for (const item of [one].flat()) {
      form.append(name, spelled(item));
      parts.push(`${name}=${spelled(item)}`);
    }
  }
  if (file) {
    form.append(part || "file", file, file.name);
    parts.push(`${part || "file"}=@${file.name}`);
  }
  return parts.length ? { type: "", data: form, parts } : null;
}

async function base64(file) {
  const url = await dataUrl(file);
  return url.slice(url.indexOf(",") + 1);
}

function dataUrl(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** A form is written as JSON here, too, and encoded when it is sent. */
function asForm(value, type) {
  if (type !== "application/x-www-form-urlencoded") return value;
  let fields;
  try {
    fields = object(JSON.parse(value));
  } catch {
    return value;
  }
  const pairs = Object.entries(fields).flatMap(([name, one]) => [one].flat().map((item) => [name, spelled(item)]));
  return new URLSearchParams(pairs).toString();
}

/** The required fields of a body, to start from. */
function example(schema) {
  const properties = object(schema.properties);
  const blank = { string: "", integer: 0, number: 0, boolean: false, array: [], object: {} };
  const names = list(schema.required).length ? list(schema.required) : Object.keys(properties);
  if (names.length) {
    return JSON.stringify(Object.fromEntries(names.map((name) => [name, blank[[object(properties[name]).type].flat()[0]] ?? null])), null, 2);
  }
  return "";
}

/** What the form asks for. Throws an Error that says what is missing. */
function request(entry, fields, body) {
  let path = entry.path;
  const query = new URLSearchParams();
  const headers = [];
  const cookies = [];
  for (const { parameter, place, values, forbidden } of fields) {
    const name = text(parameter.name);
    const given = values();
    if (parameter.required && !given.length) throw new Error(`${place} ${name} is required`);
    if (place === "path") {
      // A URL with a segment . or .. means another URL, escaped or not.
      if (given[0] === "." || given[0] === "..") throw new Error(`${name} must not be ${given[0]}, which names another resource`);
      path = path.replaceAll(`{${name}}`, () => encodeURIComponent(given.join(",")));
    } else if (place === "query") given.forEach((value) => query.append(name, value));
    else if (place === "header" && given.length) headers.push({ name, value: given.join(", "), forbidden });
    else if (place === "cookie" && given.length) cookies.push(`${name}=${encodeURIComponent(given.join(","))}`);
  }
  if (cookies.length) headers.push({ name: "Cookie", value: cookies.join("; "), forbidden: true });
  const secrets = [];
  for (const scheme of entry.security) credential(scheme, headers, secrets);
  const sent = body?.value() ?? null;
  if (entry.body?.required && !sent) throw new Error("a body is required");
  if (sent?.type) headers.push({ name: "Content-Type", value: sent.type });
  const search = query.toString();
  return { method: entry.method.toUpperCase(), url: `${base}${path}${search ? `?${search}` : ""}`, secrets, headers, body: sent };
}

/** A credential as a header, or as a `secrets` pair for the query. In a header `value` is only the secret part. */
function credential(scheme, headers, secrets) {
  const value = credentials.get(carried(scheme)) ?? "";
  const name = text(scheme.name);
  if (scheme.type === "apiKey" && scheme.in === "query") secrets.push({ name, value });
  else if (scheme.type === "apiKey" && scheme.in === "cookie") headers.push({ name: "Cookie", before: `${name}=`, value, secret: true, forbidden: true });
  else if (scheme.type === "apiKey") headers.push({ name, value, secret: true });
  else if (scheme.type === "http") {
    const basic = text(scheme.scheme).toLowerCase() === "basic";
    const token = basic && value ? btoa(String.fromCharCode(...new TextEncoder().encode(value))) : value;
    headers.push({ name: "Authorization", before: basic ? "Basic " : "Bearer ", value: token, secret: true });
  }
}

/** A command line. What is secret stands in it as a shell variable, so that a copied command gives nothing away. */
function curlOf(wanted) {
  // Everything else is in single quotes, where a shell reads nothing: names come from documents of others.
  const quote = (value) => `'${value.replaceAll("'", "'\\''")}'`;
  const secret = '"$CAP_CREDENTIAL"';
  const prompts = wanted.secrets.map(({ name }, n) => {
    const sign = n === 0 && !wanted.url.includes("?") ? "?" : "&";
    return `${quote(`${sign}${encodeURIComponent(name)}=`)}${secret}`;
  });
  const parts = [`curl ${quote(wanted.url)}${prompts.join("")}`];
  if (wanted.method === "HEAD") parts.push("--head");
  else if (wanted.method !== "GET") parts.push(`--request ${wanted.method}`);
  for (const header of wanted.headers) {
    const begun = `${header.name}: ${header.before ?? ""}`;
    parts.push(`--header ${header.secret ? quote(begun) + secret : quote(begun + header.value)}`);
  }
  if (wanted.body?.parts) parts.push(...wanted.body.parts.map((one) => `--form ${quote(one)}`));
  else if (wanted.body?.name) parts.push(`--data-binary ${quote(`@${wanted.body.name}`)}`);
  else if (wanted.body) parts.push(`--data-raw ${quote(wanted.body.data)}`);
  return parts.join(" \\\n  ");
}

/** Sends a request with its credentials; a browser's own stay where they are from. */
function fetched(url, { method = "GET", headers, secrets, body, signal }) {
  const sent = new Headers();
  for (const { name, before, value, forbidden } of headers) {
    if (!forbidden && value) sent.append(name, `${before ?? ""}${value}`);
  }
  for (const { name, value } of secrets) if (value) url.searchParams.append(name, value);
  return fetch(url, { method, headers: sent, body: body?.data, signal, credentials: "same-origin", cache: "no-store", redirect: "manual" });
}

async function perform(wanted, signal, { statusLine, shown }) {
  statusLine.replaceChildren(h("span", { class: "quiet" }, "Waiting for the answer …"));
  shown.replaceChildren();
  const began = performance.now();
  const took = () => `${Math.round(performance.now() - began)} ms`;
  try {
    const answer = await fetched(new URL(wanted.url), { ...wanted, signal });
    await showAnswer(answer, statusLine, shown, took);
  } catch (error) {
    const what = error.name === "AbortError" ? "Stopped" : `No whole answer: ${error.message}`;
    statusLine.append(h("span", { class: "wrong" }, `${what} (${took()})`));
    statusLine.querySelector(".quiet")?.remove();
  }
}

async function showAnswer(answer, statusLine, shown, took) {
  if (answer.type === "opaqueredirect") {
    statusLine.replaceChildren(h("span", {}, `A redirect, which a browser does not let a page look at; curl shows it. (${took()})`));
    return;
  }
  const time = h("span", {}, took());
  const size = h("span");
  const whole = h("pre", { tabindex: "0" });
  const fields = [...answer.headers].flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
  statusLine.replaceChildren(h("strong", { class: answer.ok ? "good" : "bad" }, `${answer.status} ${answer.statusText}`), time, size);
  shown.replaceChildren(h("details", { class: "plain" }, h("summary", {}, "Headers"), h("dl", {}, fields)), whole);
  const type = answer.headers.get("content-type") ?? "";
  const chunks = [];
  let bytes = 0;
  if (answer.body) {
    const decoder = new TextDecoder();
    const reader = answer.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      chunks.push(part.value);
      bytes += part.value.length;
      // Streams are shown as they arrive.
      if (whole.textContent.length < SHOWN) whole.append(decoder.decode(part.value, { stream: true }));
    }
  }
  time.textContent = took();
  size.textContent = bytes === 1 ? "1 byte" : `${bytes} bytes`;
  await finish(whole, chunks, bytes, type, shown);
}

/** The whole answer: JSON laid out, what is no text or very long as a file. */
async function finish(whole, chunks, bytes, type, shown) {
  if (!bytes) {
    whole.replaceWith(h("p", { class: "quiet small" }, "No body."));
    return;
  }
  const binary = /^(image|audio|video|font)\/|octet-stream|zip|pdf|protobuf|avro/i.test(type);
  if (binary || bytes > SHOWN) shown.append(download(new Blob(chunks, { type })));
  if (/^image\/(png|jpeg|gif|webp)\b/i.test(type)) {
    whole.replaceWith(h("img", { src: await dataUrl(new Blob(chunks, { type })), alt: "The answer" }));
  } else if (binary) {
    whole.replaceWith(h("p", { class: "quiet small" }, `${type}: not shown.`));
  } else if (/json/i.test(type) && bytes <= SHOWN) {
    try {
      whole.textContent = JSON.stringify(JSON.parse(whole.textContent), null, 2);
    } catch {
      // Not one JSON document (JSON Lines, say): it stays as it came.
    }
  }
}

function download(blob) {
  const save = () => {
    const url = URL.createObjectURL(blob);
    h("a", { href: url, download: "answer" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  return h("div", { class: "buttons" }, h("button", { type: "button", onclick: save }, "Save the answer"));
}

// --- snippets -------------------------------------------------------------------------------------------------------

function snippet(content) {
  const pre = h("pre", { tabindex: "0" }, content);
  const button = h("button", { type: "button", onclick: () => copy(pre, button) }, "Copy");
  return h("div", { class: "snippet" }, pre, button);
}

async function copy(pre, button) {
  try {
    await navigator.clipboard.writeText(pre.textContent);
    button.textContent = "Copied";
  } catch {
    // Without https only this machine's own pages may use the clipboard: select it for the keyboard instead.
    getSelection().selectAllChildren(pre);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
}
