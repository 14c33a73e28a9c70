"use strict";
// Makes the findings' rows from the JSON in the page, and filters them. Texts go in as text only (textContent, never HTML).
(() => {
  const CHUNK = 100;
  const LONG = 400; // a value of more characters is folded
  const SIGNS = { fail: "✕", unknown: "?", accepted: "◷", pass: "✓", not_applicable: "–" };
  const WORDS = { fail: "fail", unknown: "unknown", accepted: "accepted", pass: "pass", not_applicable: "does not apply" };
  const SEVERITIES = ["critical", "high", "medium", "low", "info"];
  const report = JSON.parse(document.getElementById("report-data").textContent);
  const byId = (id) => document.getElementById(id);

  const make = (name, attributes = {}, ...inner) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...inner);
    return element;
  };

  // What can be searched: one lower-case text for each finding.
  for (const one of report.findings) {
    one.answers = Object.entries(report.controls[one.controls] || {}).flatMap(([name, ids]) => ids.map((id) => `${name} ${id}`));
    const texts = [one.message, report.rules[one.rule].title, one.rule, one.subject, one.resource, one.type, one.component,
      one.workload, one.location, one.group, one.subscription, one.cause && one.cause[1], one.id, one.severity,
      ...(one.exemption || []), ...(one.tags || []), ...one.answers];
    one.text = texts.filter(Boolean).join("\n").toLowerCase();
    one.tagText = (one.tags || []).join("\n").toLowerCase();
    one.controlText = one.answers.join("\n").toLowerCase();
  }

  // Filters.
  const chosen = { status: new Set(["fail", "unknown"]), severity: new Set(), workload: "", component: "", control: "", tag: "", text: "", cause: "" };
  const controlsOf = {};
  const count = (key) => report.findings.reduce((found, one) => found.set(one[key] || "", (found.get(one[key] || "") || 0) + 1), new Map());
  const distinct = (texts) => [...new Set(texts)].sort((one, other) => (one < other ? -1 : 1));

  const choices = (name, title, values, words) => {
    const field = make("fieldset", {}, make("legend", {}, title));
    controlsOf[name] = new Map();
    for (const value of values) {
      const input = make("input", { type: "checkbox", name, value });
      input.checked = chosen[name].has(value);
      input.addEventListener("change", () => {
        if (input.checked) chosen[name].add(value); else chosen[name].delete(value);
        refresh();
      });
      controlsOf[name].set(value, input);
      input.told = make("span");
      input.words = words(value);
      field.append(make("label", { class: "choice" }, input, input.told));
    }
    return field;
  };
  const select = (name, title) => {
    const counts = count(name);
    const input = make("select", { id: `filter-${name}` }, make("option", { value: "" }, "all"));
    for (const value of distinct([...counts.keys()].filter(Boolean))) input.append(make("option", { value }, `${value} (${counts.get(value)})`));
    input.addEventListener("change", () => { chosen[name] = input.value; refresh(); });
    controlsOf[name] = input;
    return make("div", { class: "field" }, make("label", { for: input.id }, title), input);
  };
  const search = (name, title, known) => {
    const input = make("input", { type: "search", id: `filter-${name}`, autocomplete: "off", list: known && `known-${name}` });
    let waiting = 0;
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => { chosen[name] = input.value.trim().toLowerCase(); refresh(); }, 120);
    });
    controlsOf[name] = input;
    const field = make("div", { class: "field" }, make("label", { for: input.id }, title), input);
    if (known) field.append(make("datalist", { id: `known-${name}` }, ...known.slice(0, 2000).map((value) => make("option", { value }))));
    return field;
  };
  const FACETS = { status: (one) => one.state, severity: (one) => one.severity };
  const isChosen = (one, name) => !chosen[name].size || chosen[name].has(FACETS[name](one));
  const matches = (one) =>
    (!chosen.workload || one.workload === chosen.workload) &&
    (!chosen.component || one.component === chosen.component) &&
    (!chosen.cause || (one.cause && one.cause[0] === chosen.cause)) &&
    (!chosen.control || one.controlText.includes(chosen.control)) &&
    (!chosen.tag || one.tagText.includes(chosen.tag)) &&
    (!chosen.text || chosen.text.split(/\s+/).every((word) => one.text.includes(word)));

  // Rows: made as they are looked at, a chunk at a time.
  const rows = byId("rows"), more = byId("more"), shown = byId("shown");
  let listed = [], made = 0;
  const pill = (kind, words) => {
    const parts = SIGNS[kind] ? [make("span", { "aria-hidden": "true" }, `${SIGNS[kind]} `)] : [];
    return make("span", { class: `pill ${kind.replace("_", "-")}` }, ...parts, words);
  };
  const row = (one) => {
    const told = [one.subject, one.component, one.workload].filter(Boolean).join(" · ");
    const line = make("span", { class: "line" }, make("span", { class: "message" }, one.message),
      make("span", { class: "soft" }, make("bdi", {}, told), ` · ${report.rules[one.rule].title}`));
    const details = make("details", {}, make("summary", {}, make("span", {}, pill(one.severity, one.severity)), line, pill(one.state, WORDS[one.state])));
    details.addEventListener("toggle", () => { if (details.open) fill(details, one); });
    details.fill = () => fill(details, one);
    details.isOpenOnPaper = one.status === "fail" || one.status === "unknown";
    return make("li", { id: `finding-${one.id}` }, details);
  };
  const extend = (size) => {
    const part = document.createDocumentFragment();
    for (const one of listed.slice(made, made + size)) part.append(row(one));
    rows.append(part);
    made = Math.min(listed.length, made + size);
    more.hidden = made >= listed.length;
    more.textContent = `Show more (${(listed.length - made).toLocaleString("en")} left)`;
  };
  const refresh = () => {
    const rest = report.findings.filter(matches);
    listed = rest.filter((one) => isChosen(one, "status") && isChosen(one, "severity"));
    // Each choice says how many findings it has, given all that was chosen elsewhere.
    for (const [name, other] of [["status", "severity"], ["severity", "status"]]) {
      const counts = new Map();
      for (const one of rest) if (isChosen(one, other)) counts.set(FACETS[name](one), (counts.get(FACETS[name](one)) || 0) + 1);
      controlsOf[name].forEach((input, value) => { input.told.textContent = `${input.words} ${(counts.get(value) || 0).toLocaleString("en")}`; });
    }
    rows.replaceChildren();
    made = 0;
    extend(CHUNK);
    const cause = chosen.cause ? " of one cause" : "";
    shown.textContent = `${listed.length.toLocaleString("en")} of ${report.findings.length.toLocaleString("en")} findings${cause}`;
  };

  // What stands behind a row.
  const copy = (text) => {
    const button = make("button", { type: "button" }, "Copy");
    button.addEventListener("click", async () => {
      let done = true;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        const area = make("textarea", {}, text);
        document.body.append(area);
        area.select();
        done = document.execCommand("copy");
        area.remove();
      }
      button.textContent = done ? "Copied" : "Press Ctrl+C";
      button.focus();
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    return button;
  };
  const command = (text) => make("div", { class: "command" }, make("pre", {}, make("code", {}, text)), copy(text));
  const page = (address, text) => (/^https:\/\//.test(address) ? make("a", { href: address, rel: "noopener noreferrer" }, text) : text);
  const whole = (text) => {
    const all = make("code", { dir: "auto" }, text);
    return text.length <= LONG ? all : make("details", {}, make("summary", {}, make("code", { dir: "auto" }, `${text.slice(0, LONG / 2)}…`)), all);
  };
  const evidence = (one) => {
    const table = make("table", {}, make("thead", {}, make("tr", {}, ...["Property", "Value", "Wanted", "Read from"].map((name) => make("th", { scope: "col" }, name)))));
    const body = make("tbody");
    for (const [path, value, wanted, place, read, name] of one.evidence) {
      const from = [place, read].filter(Boolean).join(", ");
      body.append(make("tr", {}, make("td", {}, make("code", {}, path), name ? ` (${name})` : ""), make("td", {}, whole(value)), make("td", {}, wanted), make("td", {}, from)));
    }
    table.append(body);
    return make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Evidence" }, table);
  };
  const fill = (details, one) => {
    if (details.children.length > 1) return;
    const rule = report.rules[one.rule];
    const part = make("div", { class: "detail" });
    const add = (title, ...inner) => { if (inner.length) part.append(make("div", { class: "fact" }, make("h3", {}, title), make("div", {}, ...inner))); };
    const paragraph = (...inner) => make("p", {}, ...inner);
    if (one.reason || one.permission) add("Not known", paragraph([one.reason, one.permission && `settled by: grant ${one.permission}`].filter(Boolean).join("; ")));
    if (one.exemption) {
      const [id, reason, by, ticket, until] = one.exemption;
      add("Accepted", paragraph(`${id}: ${reason}; approved by ${by}, ticket ${ticket}, until ${until}`));
    }
    if (one.state !== "pass" && one.state !== "not_applicable") {
      const remedy = [rule.remedy && paragraph(rule.remedy), one.command && command(one.command)].filter(Boolean);
      add("Remedy", ...remedy);
      if (one.cause) {
        const same = report.findings.filter((other) => other.cause && other.cause[0] === one.cause[0]).length;
        const button = make("button", { type: "button" }, `all ${same} findings of it`);
        button.addEventListener("click", () => look({ cause: one.cause[0] }));
        add("Cause", paragraph(`${one.cause[1]} `, same > 1 ? button : ""));
      }
    }
    if (one.resource) {
      const place = [one.type, one.part, one.location, one.group && `resource group ${one.group}`, one.subscription && `subscription ${one.subscription}`, one.read && `read ${one.read}`];
      add("Where", paragraph(make("code", { dir: "auto" }, one.resource)), paragraph(place.filter(Boolean).join(" · "), ...(one.link ? [" · ", page(one.link, "open in the Azure portal")] : [])));
    }
    if (one.tags) add("Tags", paragraph(one.tags.join(", ")));
    if (one.evidence) add("Evidence", evidence(one));
    if (one.set) add("In full", make("ul", {}, ...one.set.map((text) => make("li", {}, text))));
    if (one.path) add("Packet", make("pre", {}, one.path.join("\n")));
    if (one.witness) add("Example", make("ul", {}, ...one.witness.map((text) => make("li", {}, text))));
    if (rule.why) add("Why", make("p", { class: "of-rule" }, rule.why));
    const pages = (rule.references || []).map((text) => make("li", {}, page(text, text)));
    if (pages.length) add("References", make("ul", { class: "of-rule" }, ...pages));
    if (one.answers.length) {
      const chips = make("div", { class: "chips" });
      for (const name of one.answers) {
        const button = make("button", { type: "button" }, name);
        button.addEventListener("click", () => look({ control: name }));
        chips.append(button);
      }
      add("Controls", chips);
    }
    add("Rule", paragraph(make("code", {}, one.rule), ` (${rule.file}) · fingerprint `, make("code", {}, one.id)));
    if (one.isAgain) part.classList.add("again");
    details.append(part);
  };

  // Lead from other parts of the page to the findings.
  const look = (wanted) => {
    const isNarrow = wanted.cause || wanted.component || wanted.control || wanted.text;
    const statuses = { fail: ["fail", "accepted"], undefined: isNarrow ? [] : ["fail", "unknown"] }[wanted.status] || [wanted.status];
    Object.assign(chosen, { status: new Set(statuses), severity: new Set(wanted.severity ? [wanted.severity] : []), workload: wanted.workload || "",
      component: wanted.component || "", control: (wanted.control || "").toLowerCase(), tag: "", text: (wanted.text || "").toLowerCase(), cause: wanted.cause || "" });
    for (const name of ["status", "severity"]) controlsOf[name].forEach((input, value) => { input.checked = chosen[name].has(value); });
    for (const name of ["workload", "component"]) controlsOf[name].value = chosen[name];
    for (const name of ["control", "tag", "text"]) controlsOf[name].value = wanted[name] || "";
    refresh();
    byId("findings").scrollIntoView();
    byId("shown").focus();
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[href='#findings']");
    if (link && Object.keys(link.dataset).length) {
      event.preventDefault();
      look({ ...link.dataset });
    }
  });

  // The grid: what stands behind a cell is shown below it.
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest(".matrix a");
    if (!link) return;
    event.preventDefault();
    const place = link.closest("details"), answer = place.querySelector(".answer");
    const pair = byId(link.hash.slice(1)).cloneNode(true);
    pair.removeAttribute("id");
    place.querySelectorAll("[aria-current]").forEach((other) => other.removeAttribute("aria-current"));
    link.setAttribute("aria-current", "true");
    answer.hidden = false;
    answer.replaceChildren(pair);
  });

  // Long tables show their beginning first.
  for (const table of document.querySelectorAll("table[data-rows]")) {
    table.classList.add("cut");
    const button = make("button", { type: "button" }, `Show all ${Number(table.dataset.rows).toLocaleString("en")}`);
    button.addEventListener("click", () => { table.classList.remove("cut"); button.remove(); });
    table.parentElement.after(button);
  }

  // Paper shows all that is listed, opened where it fails.
  let opened = [];
  addEventListener("beforeprint", () => {
    extend(listed.length);
    const told = new Set(); // what is the same for all findings of a rule stands once on paper
    for (const one of listed) {
      one.isAgain = told.has(one.rule);
      if (one.status === "fail" || one.status === "unknown") told.add(one.rule);
    }
    opened = [...document.querySelectorAll("#rows details, .workload, #controls > details")].filter((one) => !one.open && one.isOpenOnPaper !== false);
    for (const one of opened) {
      if (one.fill) one.fill();
      one.open = true;
    }
  });
  addEventListener("afterprint", () => { for (const one of opened) one.open = false; });

  const reset = make("button", { type: "button" }, "Reset");
  reset.addEventListener("click", () => look({}));
  byId("filters").append(
    choices("status", "Status", ["fail", "unknown", "accepted", "pass", "not_applicable"], (value) => WORDS[value]),
    choices("severity", "Severity", SEVERITIES, (value) => value),
    select("workload", "Workload"), select("component", "Component"),
    search("control", "Control", distinct(report.findings.flatMap((one) => one.answers))),
    search("tag", "Owner or tag", distinct(report.findings.flatMap((one) => one.tags || []))),
    search("text", "Text"), reset);
  byId("filters").hidden = false;
  byId("shown").tabIndex = -1;
  more.addEventListener("click", () => {
    const first = made;
    extend(CHUNK);
    const next = rows.children[first];
    if (next) next.querySelector("summary").focus();
  });
  if ("IntersectionObserver" in window) {
    new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting) && made < listed.length) extend(CHUNK); }, { rootMargin: "600px" }).observe(more);
  }
  refresh();
  const follow = () => {
    const wanted = report.findings.find((one) => `#finding-${one.id}` === location.hash);
    if (!wanted) return;
    look({ text: wanted.id });
    rows.querySelector("details").open = true;
  };
  addEventListener("hashchange", follow);
  follow();
})();
