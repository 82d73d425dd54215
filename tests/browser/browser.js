// The system's Chromium, driven without downloading another.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

import { chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** Starts the Chromium that is on the path, or that CHROMIUM names. */
export function launch() {
  const executablePath = process.env.CHROMIUM ?? installed();
  if (executablePath === undefined) {
    throw new Error("there is no Chromium: apt-get install chromium, or name one by CHROMIUM");
  }
  // Its sandbox refuses to work for root, who is who runs in many containers.
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath, args });
}

function installed() {
  const directories = (process.env.PATH ?? "").split(delimiter);
  const files = NAMES.flatMap((name) => directories.map((directory) => join(directory, name)));
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
