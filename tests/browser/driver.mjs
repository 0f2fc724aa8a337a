// SPDX-License-Identifier: MIT
// Drives headless Chromium, one for all tests: each line on stdin (JSON: url, options, the look's name) is a look of looks.mjs
// in a context of its own; what it returns is a line on stdout. Whatever went wrong on the page is told with it.
import { createInterface } from "node:readline";
import * as looks from "./looks.mjs";

const [playwright, executablePath] = process.argv.slice(2);
const { chromium } = await import(playwright);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const say = (told) => console.log(JSON.stringify(told));

async function look(asked) {
  const context = await browser.newContext(asked.options);
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  asked.tell = (word) => say({ word });
  const wrong = [];
  const addresses = new Set();
  page.on("pageerror", (error) => wrong.push(error.stack ?? error.message));
  page.on("console", (message) => {
    // What the browser itself says of a connection that is refused is what some tests are about.
    if (message.type() === "error" && !/ERR_CONNECTION|WebSocket connection|status of 401/.test(message.text()))
      wrong.push(message.text());
  });
  page.on("request", (request) => addresses.add(new URL(request.url()).origin));
  try {
    const seen = await looks[asked.look](page, asked.url, asked);
    say({ seen: seen ?? null, wrong, addresses: [...addresses] });
  } catch (error) {
    const text = await page.evaluate(() => document.body.innerText).catch(() => "");
    say({ failed: String(error.stack ?? error), wrong, text: text.slice(0, 3000) });
  } finally {
    await context.close();
  }
}

for await (const line of createInterface({ input: process.stdin })) await look(JSON.parse(line));
await browser.close();
