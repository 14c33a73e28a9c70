// Opens a page in a headless Chromium, does what a reader does, and prints what was seen as JSON.
// Usage: node browser.mjs FOLDER_WITH_NODE_MODULES CHROMIUM PAGE SCENARIO
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, chromium, file, scenario] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const browser = await require("puppeteer-core").launch({ executablePath: chromium, headless: true, args: ["--no-sandbox"] });
const page = await browser.newPage();
const address = pathToFileURL(file).href;
const told = { errors: [], requests: [] };
page.on("console", (message) => { if (["error", "warn"].includes(message.type())) told.errors.push(message.text()); });
page.on("pageerror", (error) => told.errors.push(String(error)));
page.on("request", (request) => { if (request.url() !== address && !request.url().startsWith("data:")) told.requests.push(request.url()); });
await page.setViewport({ width: 1280, height: 900 });

const shown = () => page.$eval("#shown", (element) => element.textContent);
const settle = () => new Promise((resolve) => setTimeout(resolve, 250));
const click = (selector) => page.$eval(selector, (element) => element.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true })));
const check = (name, value) => page.$eval(`input[name=${name}][value=${value}]`, (input) => input.click());
const reset = () => page.evaluate(() => [...document.querySelectorAll("#filters button")].find((one) => one.textContent === "Reset").click());
const type = async (id, text) => {
  await reset();
  for (const state of ["fail", "unknown"]) await check("status", state);
  await page.$eval(id, (input, value) => { input.value = value; input.dispatchEvent(new Event("input")); }, text);
  await settle();
  return shown();
};

const scenarios = {
  async filters() {
    await page.goto(address);
    told.start = await shown();
    told.rows = await page.$$eval("#rows > li", (rows) => rows.length);
    for (const state of ["fail", "unknown"]) await check("status", state);
    told.all = await shown();
    told.status = {};
    for (const state of ["fail", "unknown", "accepted", "pass", "not_applicable"]) {
      await check("status", state);
      told.status[state] = await shown();
      await check("status", state);
    }
    told.severity = {};
    for (const severity of ["critical", "high", "medium", "low", "info"]) {
      await check("severity", severity);
      told.severity[severity] = await shown();
      await check("severity", severity);
    }
    told.component = {};
    for (const name of await page.$$eval("#filter-component option", (options) => options.map((one) => one.value).filter(Boolean))) {
      await page.select("#filter-component", name);
      told.component[name] = await shown();
    }
    told.control = await type("#filter-control", "openai-chat SRCH-NET-001");
    told.tag = await type("#filter-tag", "costCenter=4711");
    told.text = await type("#filter-text", "public access");
    await click("a.tile.critical");
    told.tile = await shown();
    await click("a.box");
    told.box = [await page.$eval("a.box", (box) => box.dataset.component), await page.$eval("#filter-component", (input) => input.value), await shown()];
    await click("a[data-cause]");
    told.cause = [await page.$eval("a[data-cause]", (link) => link.textContent), await shown()];
    await click("a[data-control]");
    told.controlLink = [await page.$eval("a[data-control]", (link) => link.dataset.control), await page.$eval("#filter-control", (input) => input.value)];
  },
  async reading() {
    await page.goto(address);
    await page.$eval("#rows summary", (summary) => summary.focus());
    await page.keyboard.press("Enter");
    await settle();
    told.detail = await page.$eval("#rows details", (details) => [details.open, details.innerText]);
    await page.$eval("#rows .command button", (button) => button.click()).catch(() => told.errors.push("no command to copy"));
    await settle();
    told.copied = await page.$eval("#rows .command button", (button) => button.textContent);
    await click(".matrix .cell a");
    told.answer = [await page.$eval(".matrix .cell a", (link) => link.getAttribute("aria-label")), await page.$eval(".answer", (answer) => [answer.hidden, answer.innerText])];
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    told.paper = await page.$$eval("#rows > li > details", (rows) => [rows.length, rows.filter((row) => row.open).length]);
    await page.evaluate(() => dispatchEvent(new Event("afterprint")));
    told.afterPaper = await page.$$eval("#rows > li > details[open]", (rows) => rows.length);
    await page.goto("about:blank");
    await page.goto(`${address}#${await firstFinding()}`);
    told.linked = await page.$$eval("#rows > li", (rows) => rows.map((row) => [row.id, row.firstChild.open]));
  },
  async axe() {
    const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
    told.violations = {};
    for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 420]]) {
      await page.setViewport({ width, height: 900 });
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await page.goto(address);
      const parts = "#rows > li:nth-child(-n + 4) details, section:not(#findings) > details:nth-of-type(-n + 2), .workload > details";
      await page.$$eval(parts, (some) => some.forEach((one) => { one.open = true; }));
      if (await page.$(".matrix .cell a")) await click(".matrix .cell a");
      await settle();
      await page.evaluate(axe);
      const found = await page.evaluate(async () => (await axe.run({ resultTypes: ["violations"] })).violations);
      told.violations[`${scheme} ${width}`] = found.map((one) => [one.id, one.nodes.length, one.nodes[0].html.slice(0, 200)]);
    }
  },
  async plain() {
    await page.setJavaScriptEnabled(false);
    await page.goto(address);
    told.plain = await page.$$eval("noscript tbody tr", (rows) => rows.length);
    told.seen = await page.$eval("noscript table", (table) => table.getBoundingClientRect().height > 0);
    told.filters = await page.$eval("#filters", (filters) => filters.getBoundingClientRect().height);
  },
  async many() {
    const start = Date.now();
    await page.goto(address);
    told.loaded = Date.now() - start;
    told.start = await shown();
    told.rows = await page.$$eval("#rows > li", (rows) => rows.length);
    told.filtered = await page.evaluate(() => {
      const began = performance.now();
      document.querySelector("input[name=status][value=pass]").click();
      document.getElementById("rows").getBoundingClientRect();
      return performance.now() - began;
    });
    await click("#more");
    told.more = await page.$$eval("#rows > li", (rows) => rows.length);
    told.focused = await page.evaluate(() => document.activeElement.tagName);
  },
};
const firstFinding = async () => {
  await page.goto(address);
  return page.$eval("#rows > li:nth-child(2)", (row) => row.id);
};

try {
  await scenarios[scenario]();
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(told));
