// Whoever has the live page of a run open sees how it goes, from the run alone.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { launch } from "./browser.js";
import { assertAccessible, assertFits, assertScheme, SCREENS } from "./looks.js";
import { begin, build, serve } from "./processes.js";

// Slow enough to be looked at, and bad enough for a warning.
const SIMULATED = [
  ...["--listen", "127.0.0.1:0", "--seed", "7", "--markets", "500", "--fills", "400000"],
  ...["--latency-ms", "300", "--fault", "http-500=0.3"],
];
const RUN = ["--output", "json", "--workers", "2", "--metrics-listen", "127.0.0.1:0"];

// What "within five seconds" means to whoever looks.
const SOON_MS = 5_000;

let browser;
let directory;
let source;
let run;
let url;

before(async () => {
  const binaries = build();
  directory = await mkdtemp(path.join(tmpdir(), "live-tests-"));
  source = await serve(path.join(binaries, "goldsky-sim"), SIMULATED, directory);
  run = begin(path.join(binaries, "ingest"), [...RUN, "--endpoint", source.ready.endpoint], directory);
  url = await run.find(/"url":"(http:[^"]+)"/u);
  browser = await launch();
}, { timeout: 600_000 });

after(async () => {
  await browser?.close();
  run?.signal("SIGKILL");
  await run?.ended;
  source?.signal("SIGCONT");
  await source?.stop();
  await rm(directory, { recursive: true });
});

/** Opens the page, does something with it, and makes sure that it asked nobody but the run. */
async function open(settings, work) {
  const context = await browser.newContext({ colorScheme: "light", viewport: SCREENS.wide, ...settings });
  try {
    const page = await context.newPage();
    const asked = [];
    const wrong = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("pageerror", (error) => wrong.push(error.message));
    page.on("console", (message) => wrong.push(message.text()));
    await page.goto(url);
    await work(page, wrong);
    const foreign = asked.filter((asked) => !asked.startsWith(url) && !asked.startsWith("data:"));
    assert.deepEqual(foreign, []);
    assert.deepEqual(wrong, []);
  } finally {
    await context.close();
  }
}

const state = (page, text) => page.locator("#state", { hasText: text });

const number = async (page, id) => Number((await page.locator(`#${id}`).innerText()).replaceAll(",", ""));

describe("the live page of a run", { concurrency: false }, () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const [screen, viewport] of Object.entries(SCREENS)) {
      test(`${colorScheme}, ${screen}: says how it goes, fits, and is accessible`, async () => {
        await open({ colorScheme, viewport }, async (page) => {
          await state(page, "running").waitFor();
          const { y, height } = await page.locator("#state").boundingBox();
          assert.ok(y + height < viewport.height / 2, "it is seen without scrolling");
          await page.locator("#months tr").first().waitFor();
          await assertFits(page, viewport.width);
          await assertAccessible(page);
          await assertScheme(page, colorScheme);
        });
      });
    }
  }

  test("shows the run's figures and goes on by itself", async () => {
    await open({}, async (page) => {
      await state(page, "running").waitFor();
      await page.locator("#months tr").first().waitFor();
      const asked = await (await fetch(`${url}/status.json`)).json();
      const shown = await number(page, "requests");
      assert.ok(shown >= asked.status.requests - 20 && shown <= asked.status.requests + 20, String(shown));
      assert.equal(await page.locator("#months tr").count(), asked.status.months.length);
      assert.equal(asked.status.months.length, 42);
      await page.waitForFunction((shown) => {
        const now = Number(document.getElementById("requests").textContent.replaceAll(",", ""));
        return now > shown;
      }, shown);
      const points = await page.locator("#rate polyline").getAttribute("points");
      assert.ok(points.split(" ").length > 1, points);
      assert.match(await page.locator("#share-text").innerText(), /^\d+(\.\d)? %$/u);
    });
  });

  test("names a warning with what helps", async () => {
    await open({}, async (page) => {
      const warning = page.locator("#warnings li[data-code=source_failing]");
      await warning.waitFor();
      assert.match(await warning.locator("strong").innerText(), /requests of the last minute failed/u);
      assert.match(await warning.locator("p").innerText(), /--workers/u);
    });
  });

  test("shows within five seconds that the source has stalled, and that it is back", async () => {
    await open({}, async (page) => {
      await state(page, "running").waitFor();
      source.signal("SIGSTOP");
      try {
        await state(page, "the source has not answered for").waitFor({ timeout: SOON_MS });
        assert.match(await page.locator("#state").getAttribute("class"), /bad/u);
      } finally {
        source.signal("SIGCONT");
      }
      await state(page, "running").waitFor();
    });
  });

  test("says that a run that was stopped has work left", async () => {
    await open({}, async (page, wrong) => {
      await state(page, "running").waitFor();
      run.signal("SIGINT");
      await state(page, "ended: work is left").waitFor();
      await run.ended;
      // Whoever opens nothing new sees the last word, and is not told that it is lost.
      await page.waitForTimeout(2 * SOON_MS);
      assert.match(await page.locator("#state").innerText(), /work is left/u);
      assert.deepEqual(wrong, []);
    });
  });

  test("says that a run that was killed is not heard of", async () => {
    const binaries = build();
    const again = begin(path.join(binaries, "ingest"), [...RUN, "--endpoint", source.ready.endpoint], directory);
    url = await again.find(/"url":"(http:[^"]+)"/u);
    await open({}, async (page, wrong) => {
      await state(page, "running").waitFor();
      again.signal("SIGKILL");
      await again.ended;
      await state(page, "has not been heard of").waitFor();
      // The browser says itself that nobody answers any more.
      wrong.splice(0, wrong.length, ...wrong.filter((text) => !text.includes("ERR_")));
    });
  });
});
