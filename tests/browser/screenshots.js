// Takes the pictures of docs/images: the report of a damaged load, wide and light, on a phone and dark.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { launch } from "./browser.js";
import { ROOT } from "./processes.js";
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
