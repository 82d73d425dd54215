// How a page has to look, on any screen.

import assert from "node:assert/strict";

import axe from "axe-core";

export const SCREENS = {
  wide: { width: 1280, height: 900 },
  phone: { width: 360, height: 740 },
};

export async function assertFits(page, width) {
  const needed = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(needed <= width, `${needed} pixels on a screen of ${width}`);
}

export async function assertAccessible(page) {
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
  const said = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  assert.deepEqual(said, []);
  assert.ok(passes.some(({ id }) => id === "color-contrast"), "contrast was looked at");
}

export async function assertScheme(page, colorScheme) {
  const brightness = await page.evaluate(() => {
    const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\d+/gu).map(Number);
    return (red + green + blue) / 3;
  });
  assert.equal(brightness > 128, colorScheme === "light", String(brightness));
}
