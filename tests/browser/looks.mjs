// SPDX-License-Identifier: MIT
// What the browser's tests do on a page, and what they tell of it. Each is called with Playwright's page, the address,
// and what the test asked for; each waits for what it wants to see.
import { copyFileSync, readFileSync } from "node:fs";

const opened = async (page, url) => {
  await page.goto(url);
  await page.waitForSelector(".link-open [data-shown]");
};
const tokenOf = (url) => new URL(url).searchParams.get("token");

/** The table of each window and its JSON, once the target has ended and nothing changes any more. */
export async function numbers(page, url, asked) {
  const token = tokenOf(url);
  const ask = (path) =>
    page.evaluate(
      ([path, token]) =>
        fetch(path, { headers: { Authorization: `Bearer ${token}` } }).then((answer) => answer.json()),
      [path, token],
    );
  await page.goto(url);
  await page.waitForSelector(".pill-ended");
  const notice = page.locator("text=The target has ended");
  await notice.waitFor();
  const filter = await page.inputValue("#filter");
  const windows = {};
  for (const name of asked.views.length ? asked.views : ["1", "10", "60", "all"]) {
    await page.click(`.segments button:text-is("${name === "all" ? name : `${name} s`}")`);
    await page.waitForSelector(`main[data-window="${name}"] tbody tr`);
    // What does not match the filter goes once the server has heard of it.
    await page.waitForFunction(
      (filter) => [...document.querySelectorAll("tbody td.text")].every((one) => one.textContent.includes(filter)),
      filter,
    );
    windows[name] = await page.evaluate(() => ({
      heads: [...document.querySelectorAll("thead th")].map((head) => head.innerText.replace(/[▾▴]/, "").trim()),
      rows: [...document.querySelectorAll("tbody tr")].map((row) => [...row.cells].map((cell) => cell.innerText.trim())),
    }));
    windows[name].told = await ask(`api/views/functions?window=${name}&filter=${filter}`);
  }
  return {
    windows,
    report: await ask("api/report"),
    notice: await notice.innerText(),
    notices: await page.locator(".notice").allInnerTexts(),
  };
}

export async function keyboard(page, url, asked) {
  await opened(page, url);
  await page.waitForSelector("tbody tr:has-text('price')");
  const focus = () => page.evaluate(() => document.activeElement.getAttribute("aria-label")
      || document.activeElement.innerText || document.activeElement.id || document.activeElement.tagName);
  const stops = [];
  for (let i = 0; i < 40; i++) {
      await page.keyboard.press("Tab");
      stops.push((await focus()).split("\\n")[0].trim());
      if (await page.evaluate(() => document.activeElement.matches("tbody tr"))) break;
  }
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  const row = await page.evaluate(() => document.activeElement.querySelector(".name").textContent);
  await page.keyboard.press("Enter");
  await page.waitForSelector("[data-shown=function]");
  const title = await page.locator(".titles h2").innerText();
  await page.goBack();
  await page.waitForSelector("[data-shown=functions]");
  await page.keyboard.press("w");
  await page.keyboard.press("/");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("amounts");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  const address = new URL(page.url()).hash;
  await page.keyboard.press("Escape");
  await page.keyboard.press("]");
  await page.waitForSelector("main[data-view=function]");
  return { stops, row, title, address };
}

export async function switching(page, url, asked) {
  await opened(page, url);
  const answers = [];
  await page.waitForSelector(".pill-on");
  await page.keyboard.press("o");
  await page.waitForSelector(".pill-off");
  answers.push(await page.locator(".notice").innerText());
  const count = () => page.evaluate((token) => fetch(`api/report?token=${token}`)
      .then((answer) => answer.json()).then((report) => report.events.read), tokenOf(url));
  const first = await count();
  await page.click("role=switch");
  await page.waitForSelector(".pill-on");
  let now = await count();
  while (now <= first) now = await count();
  answers.push(await page.locator(".notice").count());
  return answers;
}

export async function sorting(page, url, asked) {
  await opened(page, url);
  const names = () => page.locator("tbody .name").evaluateAll((all) => all.map((one) => one.textContent));
  const sorted = (title, way) => page.waitForSelector(`th[aria-sort=${way}]:has-text("${title}")`);
  await page.click("thead button:has-text('function')");
  await sorted("function", "ascending");
  const up = await names();
  await page.click("thead button:has-text('function')");
  await sorted("function", "descending");
  const down = await names();
  await page.click("thead button:has-text('calls/s')");
  await sorted("calls/s", "descending");
  // A row that is live may be another by the second click of two: it is the first one's that is opened.
  const middles = await page.locator("tbody tr").evaluateAll((rows) =>
    rows.slice(0, 2).map((row) => row.getBoundingClientRect()).map(({ x, y }) => [x + 20, y + 9]),
  );
  await page.click(".hold");
  const first = await page.locator("tbody tr .name").first().innerText();
  await page.mouse.click(...middles[0]);
  await page.mouse.move(...middles[1]);
  await page.mouse.down({ clickCount: 2 });
  await page.mouse.up({ clickCount: 2 });
  await page.click(".hold");
  await page.waitForSelector("[data-shown=function]");
  return { up, down, first, opened: await page.locator(".titles h2").innerText() };
}

export async function lost(page, url, asked) {
  await opened(page, url);
              await asked.tell("open");
              await page.waitForSelector(".pill-lost");
              await page.waitForSelector("text=The connection to ulma is lost");
              await asked.tell("lost");
              await page.waitForSelector(".link-open .pill-on");
              return await page.locator(".notice").count();
}

export async function wrongToken(page, url, asked) {
  await page.goto(url);
  await page.route("**/api/views*", (route) =>
      route.continue({ headers: { ...route.request().headers(), authorization: "Bearer wrong" } }));
  await page.reload();
  await page.waitForSelector("text=its token is not right");
  return page.locator(".pill").innerText();
}

/** One row of a table is as good as the next. */
const faultsOf = async (page, asked) => {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(readFileSync(asked.axe, "utf8"));
  const told = await page.evaluate(() =>
    axe.run({ exclude: ["tbody tr:nth-child(n+8)"] }, { resultTypes: ["violations"] }),
  );
  return told.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
};

/** Every view, as a person with a screen reader, one in the dark, and ones with a small and a large screen have it; the
 * pictures are left for whoever wants to look. */
export async function everyView(page, url, asked) {
  await opened(page, url);
  const seen = {};
  for (const view of asked.views) {
    if (view === "function") {
      await page.click("#tab-functions");
      await page.locator("main[data-shown=functions] tbody tr").first().dblclick();
    } else await page.click(`#tab-${view}`);
    const main = `main[data-view=${view}]`;
    await page.waitForSelector(`${main} .content :is(tbody tr, canvas)`);
    const isEmpty = (await page.locator(`${main} .empty`).count()) > 0;
    await page.click(".hold");
    seen[view] = { isEmpty, faults: [], wider: [] };
    const looks = [
      ["light", 375, 720],
      ["dark", 1280, 720],
    ];
    if (["functions", "memory", "io", "nova"].includes(view)) looks.unshift(["light", 1920, 1080]);
    for (const [colorScheme, width, height] of looks) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height });
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      await page.screenshot({ path: `${asked.pictures}/${view}-${colorScheme}-${width}.png` });
      if (width < 1920) seen[view].faults.push(...(await faultsOf(page, asked)));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) seen[view].wider.push([width, wide]);
    }
    await page.click(".hold");
  }
  return seen;
}

/** Of each view, from the tabs on, by keyboard alone: what can be done there and is not reached by Tab, what is reached and has no
 * name, and what its picture says of what arrow keys choose. It is held still, so that nothing changes on the way. */
export async function everyViewByKeyboard(page, url, asked) {
  await opened(page, url);
  const isOn = (selector) => page.evaluate((selector) => document.activeElement.matches(selector), selector);
  for (let i = 0; i < 40 && !(await isOn("[role=tab]")); i++) await page.keyboard.press("Tab");
  await page.keyboard.press("Home");
  const holdOrGoOn = async (word) => {
    for (const key of ["/", "Escape", " "]) await page.keyboard.press(key);
    await page.waitForSelector(`.hold:text-is("${word}")`);
  };
  const seen = {};
  for (let step = 0; step < 40 && Object.keys(seen).length < asked.views.length; step++) {
    const view = await page.getAttribute("main", "data-view");
    if (asked.views.includes(view) && !seen[view]) {
      await page.waitForSelector(`main[data-shown=${view}] .content :is(tbody tr, canvas)`);
      await holdOrGoOn("Go on");
      await page.evaluate(() => {
        window.reached = new Set();
        document.addEventListener("focusin", (event) => window.reached.add(event.target));
      });
      await page.keyboard.press("/");
      for (let i = 0; i < 12; i++) {
        for (let j = 0; j < 12; j++) await page.keyboard.press("Tab");
        if (!(await isOn("main *"))) break;
      }
      seen[view] = await page.evaluate(() => {
        const all = document.querySelectorAll("main :is(button, input, select, a[href], summary, [tabindex='0'])");
        const nameOf = (one) =>
          one.ariaLabel || one.innerText?.trim() || one.labels?.[0]?.innerText || one.title || one.textContent.trim();
        const told = (list) => list.map((one) => one.outerHTML.slice(0, 120));
        const usable = [...all].filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0);
        return {
          reached: usable.filter((one) => window.reached.has(one)).length,
          missed: told(usable.filter((one) => !window.reached.has(one))),
          nameless: told(usable.filter((one) => !nameOf(one))),
        };
      });
      const board = page.locator("main [role=application]").first();
      if (await board.count()) {
        await board.focus();
        for (const key of ["ArrowDown", "ArrowRight"]) await page.keyboard.press(key);
        const said = await board.getAttribute("aria-describedby");
        await page.waitForFunction((id) => document.getElementById(id).textContent.trim(), said);
        seen[view].said = await page.locator(`#${said}`).textContent();
      }
      await holdOrGoOn("Hold");
    }
    if (view === "functions") {
      // The view after it is of a function that was chosen.
      await page.locator("tbody tr[tabindex='0']").focus();
      await page.keyboard.press("Enter");
      await page.waitForSelector("main[data-view=function]");
    } else {
      await page.keyboard.press("]");
      await page.waitForSelector(`main:not([data-view=${view}])`);
    }
  }
  return seen;
}

const savedBy = async (page, choose) => {
  await page.keyboard.press("s");
  const waiting = page.waitForEvent("download");
  await choose();
  const file = `${await (await waiting).path()}`;
  return { file, name: (await waiting).suggestedFilename() };
};

export async function saving(page, url, asked) {
  const seen = {};
  await opened(page, url);
  await page.waitForSelector("tbody tr:has-text('price')");
  const html = await savedBy(page, () => page.click("text=This page as one HTML file"));
  seen.html = html.name;
  await page.evaluate(() => {
    location.hash = "flame";
  });
  await page.waitForSelector("[data-shown=flame]");
  const svg = await savedBy(page, () => page.click("text=This picture as SVG"));
  seen.svg = readFileSync(svg.file, "utf8");
  const png = await savedBy(page, () => page.click("text=This picture as PNG"));
  seen.png = readFileSync(png.file).subarray(0, 8).toString("latin1");

  // The saved page, from a file of its own, with nobody to ask.
  const saved = `${asked.pictures}/saved.html`;
  copyFileSync(html.file, saved);
  await page.goto(`file://${saved}`);
  await page.waitForSelector(".link-saved [data-shown=functions]");
  await page.keyboard.press("/");
  await page.keyboard.type("price");
  await page.waitForSelector("tbody mark:has-text('price')");
  await page.click("thead button:has-text('calls/s')");
  const order = await page.locator("tbody tr").allInnerTexts();
  seen.rows = order.length;
  await page.click("tbody tr");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[data-shown=function]");
  seen.title = await page.locator(".titles h2").innerText();
  await page.evaluate(() => {
    location.hash = "flame";
  });
  await page.waitForSelector(".flame canvas");
  seen.pill = await page.locator(".pill").innerText();
  return seen;
}

export async function pile(page, url) {
  await page.goto(url);
  await page.waitForSelector(".algae-window canvas[data-painter]");
  const row = page.locator(".algae-table tbody tr:has(td:nth-child(4):has-text('fetch'))");
  await row.first().waitFor();
  // A shape line where it is not yet that wide, by keyboard.
  await page.focus(".algae-scroll");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("b");
  await page.waitForSelector(".shape-line.is-over .stack li");
  const crossed = await page.locator(".shape-head").first().innerText();
  const stack = await page.locator(".shape-line .stack li").allInnerTexts();
  const when = await page.locator(".shape-line summary").first().innerText();
  const said = await page.locator("#algae-said").innerText();
  // What the loop calls is over before it is told, but for one call in many.
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("d");
  const deeper = page.locator(".shape-line:has-text('deeper than')");
  await page.waitForFunction(() =>
    [...document.querySelectorAll(".shape-head")].some((head) => /deeper.*crossed \d\d\d/s.test(head.innerText)),
  );
  const spike = await deeper.locator("details").first().innerText();
  await deeper.locator("button").click();
  await deeper.waitFor({ state: "detached" });
  await page.waitForFunction(() =>
    [...document.querySelectorAll(".algae-table tbody tr")].some(
      (tr) => Number(tr.cells[0].innerText.replace(",", "")) > 220 && tr.cells[3].innerText.startsWith("fetch"),
    ),
  );
  const cells = await row.first().locator("td").allInnerTexts();
  return { crossed, stack, when, said, spike, cells: cells.map((cell) => cell.trim()) };
}

export async function pictures(page, url, asked) {
  await opened(page, url);
  const [view] = asked.views;
  if (view === "function") {
    await page.evaluate(() => { location.hash = "functions?filter=planted"; });
    await page.locator("tbody tr:has-text('planted')").first().dblclick();
    await page.waitForSelector("[data-shown=function] .slowest li");
    await page.fill("#filter", "");
    await page.waitForTimeout(34000); // the heat map's columns are seconds
  }
  // A window's worth of history, as a reader would have it.
  await page.waitForTimeout(6000);
  await page.screenshot({ path: `${asked.pictures}/page-${view}.png` });
}

export async function smallWrites(page, url, asked) {
  await opened(page, url);
  const finding = page.locator(".finding:has-text('write_rows')");
  await page.waitForFunction(() =>
    [...document.querySelectorAll(".finding")].some(
      (one) => one.innerText.includes("write_rows") && Number(one.innerText.split(" ")[0].replace(/,/g, "")) >= 100000,
    ),
  );
  const text = await finding.first().innerText();
  await page.click(".finding button");
  await page.waitForSelector("#io-said:has-text('write_rows')");
  const said = await page.locator("#io-said").innerText();
  await page.focus("#io-field");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("/");
  await page.keyboard.type("write_rows");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  const row = await page.locator("tbody tr td:nth-child(2)").allInnerTexts();
  await page.screenshot({ path: `${asked.pictures}/io-${asked.options.colorScheme}.png` });
  return { finding: text, said, row, faults: await faultsOf(page, asked) };
}

export async function whatGrew(page, url, asked) {
  await opened(page, url);
  await page.waitForSelector(".add-up strong");
  const sums = (await page.locator(".add-up strong").allInnerTexts()).map((one) => one.trim());
  await page.click("text=what grew");
  const first = page.locator("button.holder").first();
  await page.waitForFunction(() => document.querySelector("button.holder")?.innerText.includes("keep_page"));
  const text = await first.innerText();
  await page.screenshot({ path: `${asked.pictures}/memory-${asked.options.colorScheme}.png` });
  const faults = await faultsOf(page, asked);
  await page.locator("button.holder:has-text('keep_page')").first().dblclick();
  await page.waitForSelector("[data-shown=function]");
  return { sums, first: text, title: await page.locator(".titles h2").innerText(), faults };
}

/** From the page's opening: 1, its row in the 1 s window, by its total; 2, its slowest call, in Timeline. */
export async function slow(page, url, asked) {
  await page.goto(`${url}#functions?window=1&sort=total_ns&filter=shop.py`);
  await page.waitForSelector("tbody tr:has-text('planted')");
  await asked.tell("open");
  const first = () => page.evaluate(() => {
    const names = [...document.querySelectorAll("tbody .name")].map((one) => one.textContent);
    return names.filter((name) => !/^(main|reports|<module>)/.test(name))[0];
  });
  const seen = {};
  await page.waitForFunction(() => {
    const row = [...document.querySelectorAll("tbody tr")].find((one) => /planted/.test(one.innerText));
    const heads = [...document.querySelectorAll("thead th")].map((one) => one.innerText.replace(/[▾▴]/, "").trim());
    return row && parseFloat(row.cells[heads.indexOf("p99")]?.innerText) >= 10 && /ms/.test(row.innerText);
  });
  seen.top = await first();
  await page.locator("tbody tr:has-text('planted')").dblclick();
  await page.waitForSelector("[data-shown=function] .slowest li");
  await page.waitForSelector(".source .calls:has-text('spin')");
  seen.title = await page.locator(".titles h2").innerText();
  seen.source = await page.locator(".source tbody td.text").allInnerTexts();
  seen.heat = await page.locator(".heat canvas").getAttribute("aria-label");
  seen.slowest = await page.locator(".slowest li strong").first().innerText();
  seen.stack = await page.locator(".slowest li summary").first().innerText();
  await page.screenshot({ path: `${asked.pictures}/function-${asked.options.colorScheme}.png` });
  await page.locator(".slowest li button").first().click();
  await page.waitForSelector("[data-shown=timeline] canvas");
  await page.focus(".timeline canvas");
  await page.keyboard.press("/");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("planted");
  await page.keyboard.press("Tab");
  await page.keyboard.press("n");
  await page.waitForSelector(".timeline-chosen:has-text('planted')");
  seen.chosen = await page.locator(".timeline-chosen").innerText();
  seen.said = await page.locator("#timeline-said").textContent();
  await page.screenshot({ path: `${asked.pictures}/timeline-${asked.options.colorScheme}.png` });
  return seen;
}

export async function comparing(page, url, asked) {
  await page.goto(`${url}#flame?window=10`);
  await page.waitForSelector("[data-shown=flame] .flame-box canvas");
  await page.click("text=this moment");
  await page.waitForSelector(".flame-pair figure:nth-child(2) canvas");
  await asked.tell("kept");
  await page.focus(".flame-pair figure:nth-child(2) canvas");
  await page.keyboard.press("/");
  await page.keyboard.type("planted");
  await page.waitForSelector(".tools .said:has-text('match')");
  const share = () => page.locator(".tools .said").first().innerText();
  const seen = { before: await share() };
  await page.waitForFunction((before) => {
    const text = [...document.querySelectorAll(".tools .said")][0].innerText;
    return text !== before && parseFloat(text.split(": ")[1]) > 20;
  }, seen.before);
  await page.screenshot({ path: `${asked.pictures}/flame-pair.png` });
  seen.after = await share();
  seen.canvases = await page.locator(".flame-pair canvas").count();
  return seen;
}

/** What the page costs the line: bytes of the WebSocket in so many seconds, by view. */
export async function weight(page, url, asked) {
  const bytes = { all: 0 };
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => { bytes.all += payload.length; }));
  await opened(page, url);
  const seen = {};
  for (const view of asked.views) {
    await page.evaluate((view) => { location.hash = view; }, view);
    await page.waitForSelector(`main[data-view=${view}]`);
    await page.waitForTimeout(500);
    const [from, at] = [bytes.all, Date.now()];
    await page.waitForTimeout(5000); // the last message of a burst is a part of it
    seen[view] = (bytes.all - from) / ((Date.now() - at) / 1000);
  }
  return seen;
}

/** Pixels of each family's colour on one clock of Nova's, where it is drawn without WebGL. */
const raysByColour = (page, clock) =>
  page.evaluate((clock) => {
    const dials = JSON.parse(document.querySelector("#nova-field").dataset.clocks);
    const [, middleX, middleY, radius] = dials.find(([name]) => name === clock) ?? ["", 0, 0, 0];
    const canvas = document.querySelector("canvas[data-painter='2d']");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colours = [...document.querySelectorAll(".nova .legend line")].map((line) => {
      const value = Number.parseInt(line.getAttribute("stroke").slice(1), 16);
      return [value >> 16, (value >> 8) & 255, value & 255];
    });
    const counts = colours.map(() => 0);
    for (let i = 0; i < data.length; i += 4) {
      const [x, y] = [(i / 4) % canvas.width, Math.floor(i / 4 / canvas.width)];
      if (Math.hypot(x / devicePixelRatio - middleX, y / devicePixelRatio - middleY) > radius) continue;
      if (data[i + 3] < 190) continue; // of the last second
      const away = colours.map((colour) => colour.reduce((sum, part, c) => sum + Math.abs(part - data[i + c]), 0));
      const nearest = away.indexOf(Math.min(...away));
      if (away[nearest] < 40) counts[nearest]++;
    }
    return counts;
  }, clock);

/** Pixels of mappings on the clock and of all, once there are rays and they are as wished. */
const raysUntil = async (page, clock, isRight) => {
  for (let i = 0; i < 100; i++) {
    const counts = await raysByColour(page, clock);
    const all = counts.reduce((sum, count) => sum + count);
    if (all > 0 && isRight(counts[0], all)) return { mappings: counts[0], all };
    await page.waitForTimeout(100);
  }
  throw new Error(`the colours stay as they are: ${await raysByColour(page, clock)}`);
};

/** From the page's opening: 1, the tab; 2, the line that the sentence names; 3, its function. */
export async function births(page, url, asked) {
  const seen = {};
  await page.goto(`${url}&draw=2d#functions?window=1`);
  await page.waitForSelector(".link-open [data-shown=functions]");
  await page.click("#tab-nova");
  await page.waitForSelector(".nova canvas[data-painter='2d']");
  await page.waitForSelector(".nova-finding:has-text('make_texts')");
  await page.waitForFunction(() => document.querySelectorAll(".nova-site").length > 1);
  // A few mappings of asyncio's are there, longer than the texts, which lie on each other.
  seen.before = await raysUntil(page, "server", () => true);
  await asked.tell("open");
  await page.waitForSelector(".nova-finding:has-text('make_options')");
  seen.finding = await page.locator(".nova-finding").innerText();
  seen.after = await raysUntil(
    page,
    "server",
    (mappings, all) => mappings > 0.7 * all && mappings > 5 * seen.before.mappings,
  );
  await page.screenshot({ path: `${asked.pictures}/nova-2d.png` });
  await page.click(".nova-finding button");
  await page.waitForSelector("#nova-said:has-text('make_options')");
  seen.said = await page.locator("#nova-said").innerText();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1);
  seen.row = await page.locator("tbody td").allInnerTexts();
  seen.faults = await faultsOf(page, asked);
  await page.focus("#nova-field");
  await page.keyboard.press("Escape");
  for (const [by, name] of [["task", "server"], ["thread", "log"], ["function", "make_texts"]]) {
    await page.click(`.segments button:has-text("${by}s")`);
    await page.focus("#nova-field");
    await page.keyboard.press("Home");
    const said = () => page.locator("#nova-said").innerText();
    for (let i = 0; i < 40 && !(await said()).startsWith(name); i++) await page.keyboard.press("ArrowRight");
    seen[by] = await said();
  }
  await page.keyboard.press("Escape");
  const svg = await savedBy(page, () => page.click("text=This picture as SVG"));
  seen.svg = readFileSync(svg.file, "utf8");
  const png = await savedBy(page, () => page.click("text=This picture as PNG"));
  seen.png = readFileSync(png.file).subarray(0, 8).toString("latin1");
  await page.click(".nova .switch");
  await page.waitForSelector(".nova .switch[aria-checked=false]");
  await page.click(".nova .switch");
  await page.waitForSelector(".nova .switch[aria-checked=true]");
  await page.click(".nova-finding button");
  await page.click("text=Open the function");
  await page.waitForSelector("[data-shown=function]");
  seen.title = await page.locator(".titles h2").innerText();
  return seen;
}

/** Why births are not told: above all views, and where they would be. */
export async function refusal(page, url) {
  await page.goto(`${url}#nova`);
  const notice = page.locator(".notice:is(.notice-bad, .notice-warn)").first();
  await notice.waitFor();
  await page.waitForSelector("main[data-shown=nova] .empty");
  return { notice: await notice.innerText(), view: await page.locator("main .empty").innerText() };
}

/** CPU time of all script in each frame, ms, as the browser's own trace has it: what it runs of the page between two frames. */
const scriptOfFrames = (buffer) => {
  const { traceEvents: all } = JSON.parse(buffer.toString());
  const frames = all.filter((one) => one.name === "FireAnimationFrame");
  const thread = frames[0]?.tid;
  const isScript = (one) =>
    one.tid === thread &&
    ["FireAnimationFrame", "FunctionCall", "TimerFire", "RunMicrotasks", "EventDispatch"].includes(one.name);
  const sums = [0];
  let until = 0;
  let latest = 0;
  for (const one of all.filter(isScript).sort((a, b) => a.ts - b.ts || b.dur - a.dur)) {
    if (one.ts < until) continue; // a part of another
    until = one.ts + (one.dur ?? 0);
    // What a frame calls back follows on one another; a display shows one in 16 ms.
    if (one.name === "FireAnimationFrame") {
      if (one.ts > latest + 4000) sums.push(0);
      latest = until;
    }
    sums.push(sums.pop() + one.tdur / 1000);
  }
  return sums;
};

/** What a board costs the page once it is full: ms a frame, with what was taken in for it. */
export async function cost(page, url, asked) {
  const [view] = asked.views;
  const field = { nova: "#nova-field", algae: ".algae-scroll" }[view];
  await page.goto(`${url}#${view}`);
  await page.waitForSelector(`.${view} canvas[data-painter]`);
  await page.waitForFunction(([field]) => document.querySelector(field).dataset.drawn > 19000, [field], {
    timeout: 60000,
  });
  const browser = page.context().browser();
  await page.evaluate(() => performance.clearMeasures());
  await browser.startTracing(page, { categories: ["-*", "devtools.timeline"] });
  await page.waitForTimeout(8000);
  const frames = scriptOfFrames(await browser.stopTracing());
  const told = await page.evaluate(() => {
    const all = performance.getEntriesByType("measure");
    const list = (name) => all.filter((one) => one.name === name).map((one) => one.duration);
    return { folds: list("ulma-fold"), draws: list("ulma-draw"), takes: list("ulma-take") };
  });
  const percentile = (list, share) => [...list].sort((a, b) => a - b)[Math.floor(share * (list.length - 1))];
  const row = (list) => ({
    count: list.length,
    p50: percentile(list, 0.5),
    p90: percentile(list, 0.9),
    max: Math.max(...list),
  });
  return {
    drawn: Number(await page.getAttribute(field, "data-drawn")),
    painter: await page.getAttribute(`.${view} canvas[data-painter]`, "data-painter"),
    frames: row(frames),
    folds: row(told.folds),
    draws: row(told.draws),
    takes: row(told.takes),
  };
}

/** What each tab shows of a program that runs: rows, pictures, and whether it says that there is nothing. */
export async function everyTab(page, url, asked) {
  await opened(page, url);
  await page.setViewportSize({ width: 1440, height: 900 });
  const shown = {};
  for (const view of asked.views) {
    await page.click(`[role=tab][data-view=${view}]:not(.is-not)`);
    await page.waitForSelector(`main[data-shown=${view}] .content :is(tbody tr, canvas)`);
    // Lines have two points once something was told three times.
    if (["tasks", "processes"].includes(view)) await page.waitForSelector("svg.spark");
    await page.screenshot({ path: `${asked.pictures}/app-${view}-${asked.options.colorScheme}.png` });
    shown[view] = await page.evaluate(() => {
      const content = document.querySelector(".content");
      const count = (selector) => content.querySelectorAll(selector).length;
      return {
        rows: count("tbody tr"),
        canvases: count("canvas"),
        sparks: count("svg.spark"),
        empty: count(".empty"),
        text: content.innerText,
      };
    });
  }
  return shown;
}

/** When `checkout` came to the top of the 1 s window, as often as a view is named: by the wall clock, ms. */
export async function reaction(page, url, asked) {
  await page.goto(`${url}#functions?window=1`);
  const first = (name) =>
    page
      .waitForFunction((name) => document.querySelector("tbody .name")?.textContent === name && Date.now(), name)
      .then((handle) => handle.jsonValue());
  const seen = [];
  for (const _ of asked.views) {
    await first("steady");
    await asked.tell("steady");
    seen.push(await first("checkout"));
    await asked.tell("slow");
  }
  return seen;
}

/** A trace that is played: it moves, nothing of it can be switched, and its timeline begins where the program did. */
export async function replay(page, url) {
  await page.goto(`${url}#algae`);
  const row = page.locator(".algae-table tbody tr:has(td:nth-child(4):has-text('handle'))").first();
  await row.waitFor();
  const seen = { pill: await page.locator(".pill").innerText(), row: await row.innerText() };
  seen.notices = await page.locator(".notice").allInnerTexts();
  seen.switches = await page.locator("[role=switch]").count();
  if (seen.pill === "playing") {
    const facts = () => page.locator(".facts").innerText();
    seen.first = await facts();
    await page.waitForFunction((first) => document.querySelector(".facts").innerText !== first, seen.first);
    seen.second = await facts();
  }
  await page.click("#tab-timeline");
  await page.waitForSelector("[data-shown=timeline] canvas");
  seen.timeline = await page.locator(".timeline").innerText();
  return seen;
}

/** The questions that pictures are there for, each asked of a page that was just opened: what is done before the answer
 * stands there is counted, and what stands there is told. */
const QUESTIONS = {
  hangs: async (does) => {
    await does.click("#tab-algae");
    return does.read(".algae-table tbody tr:has(td:nth-child(4):has-text('fetch'))");
  },
  type: async (does) => {
    await does.click("#tab-nova");
    return does.read(".nova-finding:has-text('make_options')");
  },
  slowest: async (does) => {
    await does.open("tbody tr:has(.name:text-is('planted'))");
    await does.click(".slowest li summary");
    // Slower ones may come and stand above it.
    return does.read(".slowest li:has(details[open])");
  },
  small: async (does) => {
    await does.click("#tab-io");
    return does.read(".finding:has-text('write_rows')");
  },
  grew: async (does) => {
    await does.click("#tab-memory");
    await does.click("text=what grew");
    return does.read("button.holder:has-text('keep_page')");
  },
};

export async function answer(page, url, asked) {
  await opened(page, url);
  let actions = 0;
  const does = {
    click: async (selector) => {
      actions++;
      await page.locator(selector).first().click();
    },
    open: async (selector) => {
      actions++;
      await page.locator(selector).first().dblclick();
    },
    read: async (selector) => {
      const found = page.locator(selector).first();
      await found.waitFor();
      return found.innerText();
    },
  };
  const [question] = asked.views;
  const text = await QUESTIONS[question](does);
  return { actions, text };
}

/** Figures come, and others after them. */
export async function live(page, url) {
  await opened(page, url);
  await page.waitForSelector("tbody tr");
  const events = () => page.locator(".gauge-events_per_s .gauge-value").innerText();
  const first = await events();
  await page.waitForFunction(
    (first) => document.querySelector(".gauge-events_per_s .gauge-value").innerText !== first,
    first,
  );
  return { first, second: await events() };
}
