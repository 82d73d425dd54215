// Whoever opens a report sees what the JSON says, on any screen.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";

import { launch } from "./browser.js";
import { assertAccessible, assertFits, assertScheme, SCREENS } from "./looks.js";
import { make } from "./reports.js";

const LEVELS = ["counts", "quality", "source", "wallet", "spot"];

const CHARTS = ["fills-per-day", "prices", "months", "tokens"];

let browser;
let reports;

before(async () => {
  reports = await make();
  browser = await launch();
}, { timeout: 600_000 });

after(async () => {
  await browser?.close();
  await reports?.remove();
});

/** Opens a report, does something with its page, and returns what the page asked the network for. */
async function open(report, settings, work) {
  const context = await browser.newContext({ colorScheme: "light", viewport: SCREENS.wide, ...settings });
  try {
    const page = await context.newPage();
    const asked = [];
    const wrong = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("console", (message) => wrong.push(message.text()));
    page.on("pageerror", (error) => wrong.push(error.message));
    const url = pathToFileURL(report.page).href;
    await page.goto(url);
    await work(page);
    assert.deepEqual(asked.filter((asked) => !asked.startsWith("data:")), [url]);
    assert.deepEqual(wrong, []);
  } finally {
    await context.close();
  }
}

/** Reads the marks of a chart as they are drawn. */
function marks(page, chart) {
  return page.locator(`#${chart} rect.mark`).evaluateAll((rects) =>
    rects.map((rect) => {
      const { width, height } = rect.getBoundingClientRect();
      const { name, series, value } = rect.dataset;
      return { name, series, value: Number(value), width, height };
    }),
  );
}

const named = (marks) => marks.map(({ name, value }) => [name, value]);

const cents = (number) => `${Math.floor(number / 100)}.${String(number % 100).padStart(2, "0")}`;

for (const name of ["whole", "damaged"]) {
  describe(`the report of a load that is ${name}`, () => {
    for (const colorScheme of ["light", "dark"]) {
      for (const [screen, viewport] of Object.entries(SCREENS)) {
        test(`${colorScheme}, ${screen}: has its verdict on top, fits, and is accessible`, async () => {
          const report = reports[name];
          await open(report, { colorScheme, viewport }, async (page) => {
            const verdict = page.locator("#verdict");
            assert.match(await verdict.innerText(), new RegExp(`${report.json.summary}$`));
            const { y, height } = await verdict.boundingBox();
            assert.ok(y + height < viewport.height / 2, "it is seen without scrolling");
            await assertFits(page, viewport.width);
            await page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
            await assertFits(page, viewport.width);
            await assertAccessible(page);
            await assertScheme(page, colorScheme);
          });
        });
      }
    }

    test("shows every check with its verdict and its query", async () => {
      const { checks } = reports[name].json;
      await open(reports[name], {}, async (page) => {
        const shown = await page.locator("tr[data-check]").evaluateAll((rows) =>
          rows.map((row) => ({
            level: row.closest("tbody").dataset.level,
            name: row.dataset.check,
            verdict: row.querySelector(".word").innerText.replace(/^\W+/u, ""),
            query: row.querySelector("pre")?.textContent ?? "",
          })),
        );
        const listed = checks.map(({ level, name, verdict, query }) => ({ level, name, verdict, query }));
        // The page puts them under their levels.
        const expected = LEVELS.flatMap((level) => listed.filter((check) => check.level === level));
        assert.equal(expected.length, listed.length);
        assert.deepEqual(shown, expected);
      });
    });

    test("draws each day, price and month as the JSON has them", async () => {
      const { days, prices, months } = reports[name].json.pictures;
      await open(reports[name], {}, async (page) => {
        assert.deepEqual(named(await marks(page, "fills-per-day")), days.map(({ day, fills }) => [day, fills]));
        const priced = prices.classes.filter(({ fills }) => fills > 0);
        const expected = priced.map((c) => [`${cents(c.from_cents)} to ${cents(c.to_cents)}`, c.fills]);
        assert.deepEqual(named(await marks(page, "prices")), expected);
        const parts = months.flatMap(({ month, rows, proven, missing }) =>
          [proven, rows - proven, missing].map((value) => [month, value]),
        );
        assert.deepEqual(named(await marks(page, "months")), parts.filter(([, value]) => value > 0));
      });
    });

    test("draws tokens by difference, the largest first", async () => {
      const { tokens } = reports[name].json.pictures;
      await open(reports[name], {}, async (page) => {
        const drawn = await marks(page, "tokens");
        assert.deepEqual(named(drawn), tokens.map(({ token_id, fills }) => [token_id, fills]));
        assert.ok(drawn.every((mark, index) => index === 0 || mark.width <= drawn[index - 1].width));
      });
    });

    test("tells the figures of each picture as a table, by keyboard too", async () => {
      await open(reports[name], {}, async (page) => {
        for (const chart of CHARTS) {
          const summary = page.locator(`#${chart} summary`);
          if ((await summary.count()) === 0) {
            assert.equal(await page.locator(`#${chart} rect.mark`).count(), 0, chart);
            continue;
          }
          await summary.focus();
          await page.keyboard.press("Enter");
          assert.ok(await page.locator(`#${chart} table`).isVisible(), chart);
        }
        const days = await page.locator("#fills-per-day tbody tr").count();
        assert.equal(days, reports[name].json.pictures.days.length);
      });
    });

    test("lists each finding with its repair command", async () => {
      const { findings } = reports[name].json;
      await open(reports[name], {}, async (page) => {
        const shown = await page.locator("li[data-kind]").evaluateAll((items) =>
          items.map((item) => ({
            kind: item.dataset.kind,
            repair: item.querySelector(".command")?.innerText,
          })),
        );
        assert.deepEqual(shown, findings.map(({ kind, repair }) => ({ kind, repair })));
      });
    });

    test("is the same in JUnit XML", async () => {
      const { junit, json, page } = reports[name];
      await open({ page }, {}, async (page) => {
        // Chromium's own reader of XML is the judge.
        const read = await page.evaluate((text) => {
          const xml = new DOMParser().parseFromString(text, "application/xml");
          const count = (selector) => xml.querySelectorAll(selector).length;
          return { broken: count("parsererror"), cases: count("testcase"), failures: count("failure") };
        }, junit);
        const failures = json.checks.filter(({ verdict }) => verdict === "differs").length;
        assert.deepEqual(read, { broken: 0, cases: json.checks.length, failures });
      });
    });
  });
}

test("columns are as high as their values", async () => {
  await open(reports.damaged, {}, async (page) => {
    for (const chart of ["fills-per-day", "prices"]) {
      const drawn = (await marks(page, chart)).sort((one, other) => one.value - other.value);
      assert.ok(drawn.length > 10, chart);
      assert.ok(drawn.every(({ width, height }) => width > 0 && height > 0), chart);
      assert.ok(drawn.every((mark, index) => index === 0 || mark.height >= drawn[index - 1].height - 0.1), chart);
      assert.ok(drawn.at(-1).height > drawn[0].height * 2, chart);
    }
  });
});

test("a lost month, a lost token, a double and a wrong amount are to be seen", async () => {
  const { json } = reports.damaged;
  const kinds = new Set(json.findings.map(({ kind }) => kind));
  for (const kind of ["missing-rows", "duplicate-rows", "wrong-field", "book-without-rows"]) {
    assert.ok(kinds.has(kind), kind);
  }
  await open(reports.damaged, {}, async (page) => {
    const lost = (await marks(page, "months")).filter(({ name }) => name === "2026-01");
    assert.deepEqual(lost.map(({ series }) => series), ["missing"]);
    assert.ok(lost[0].height > 50);
    assert.ok((await marks(page, "tokens")).length > 1);
  });
});

test("parts of a picture are told apart without colour", async () => {
  await open(reports.damaged, { forcedColors: "active" }, async (page) => {
    const marked = await page.locator("#months rect.mark:not(.good)").count();
    assert.ok(marked > 0);
    assert.equal(await page.locator("#months .plot rect.hatched").count(), marked);
    const legend = await page.locator("#months .legend li").allInnerTexts();
    const series = new Set((await marks(page, "months")).map((mark) => mark.series));
    for (const name of series) {
      assert.ok(legend.some((text) => text.trim() === name), name);
    }
    await assertAccessible(page);
  });
});

test("a page has no script and forbids what comes from elsewhere", async () => {
  const text = await readFile(reports.damaged.page, "utf8");
  assert.doesNotMatch(text, /<script|<iframe|<object|@import|\ssrc=/iu);
  const page = await browser.newPage();
  await page.goto(pathToFileURL(reports.damaged.page).href);
  const blocked = await page.evaluate(
    () =>
      new Promise((resolve) => {
        document.addEventListener("securitypolicyviolation", (event) => resolve(event.violatedDirective));
        const image = document.createElement("img");
        image.src = "http://127.0.0.1:9/image.png";
        document.body.append(image);
      }),
  );
  assert.equal(blocked, "img-src");
  await page.close();
});
