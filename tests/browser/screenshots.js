// Takes the pictures of docs/images, wide and light, on a phone and dark: the report of a damaged load, and the
// live page of a run.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { launch } from "./browser.js";
import { begin, build, ROOT, serve } from "./processes.js";
import { make } from "./reports.js";

const IMAGES = path.join(ROOT, "docs/images");

const reports = await make();
const browser = await launch();
try {
  await mkdir(IMAGES, { recursive: true });
  const open = async (settings) => {
    const page = await browser.newPage(settings);
    await page.goto(pathToFileURL(reports.damaged.page).href);
    return page;
  };

  // Small enough to be kept in the repository.
  const wide = await open({
    colorScheme: "light",
    viewport: { width: 1100, height: 900 },
    deviceScaleFactor: 0.7,
  });
  const charts = await wide.locator("#months").boundingBox();
  const clip = { x: 0, y: 0, width: 1100, height: Math.ceil(charts.y + 400) };
  await wide.screenshot({ path: path.join(IMAGES, "report-wide-light.png"), fullPage: true, clip });

  const phone = await open({ colorScheme: "dark", viewport: { width: 360, height: 740 } });
  const { y } = await phone.locator("section", { has: phone.locator(".pictures") }).boundingBox();
  await phone.screenshot({
    path: path.join(IMAGES, "report-phone-dark.png"),
    fullPage: true,
    clip: { x: 0, y, width: 360, height: 1400 },
  });
} finally {
  await browser.close();
  await reports.remove();
}

// A source that refuses for its rate, so that there is something to see.
const SIMULATED = [
  ...["--listen", "127.0.0.1:0", "--seed", "7", "--markets", "2000", "--fills", "2000000"],
  ...["--latency-ms", "205", "--requests-per-10s", "50", "--fault", "http-500=0.2"],
];
const RUNNING_MS = 45_000;

const directory = await mkdtemp(path.join(tmpdir(), "screenshots-"));
const binaries = build();
const source = await serve(path.join(binaries, "goldsky-sim"), SIMULATED, directory);
const run = begin(
  path.join(binaries, "ingest"),
  ["--endpoint", source.ready.endpoint, "--output", "json", "--metrics-listen", "127.0.0.1:0"],
  directory,
);
const watching = await launch();
try {
  const url = await run.find(/"url":"(http:[^"]+)"/u);
  const shot = async (name, settings) => {
    const page = await watching.newPage(settings);
    await page.goto(url);
    await page.locator("#months tr").first().waitFor();
    await page.waitForTimeout(2_000);
    await page.screenshot({ path: path.join(IMAGES, name) });
  };
  await new Promise((resolve) => setTimeout(resolve, RUNNING_MS));
  const wide = { viewport: { width: 1100, height: 1000 }, deviceScaleFactor: 0.7 };
  await shot("live-wide-light.png", { colorScheme: "light", ...wide });
  await shot("live-phone-dark.png", { colorScheme: "dark", viewport: { width: 360, height: 1100 } });
} finally {
  await watching.close();
  run.signal("SIGKILL");
  await run.ended;
  await source.stop();
  await rm(directory, { recursive: true });
}
