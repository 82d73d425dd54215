// The real binaries as processes, which always end.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import path from "node:path";

export const ROOT = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "../..");

// A command that hangs is a fault, and is not waited for.
const PATIENCE_MS = 120_000;

const running = new Set();

// Whatever ends this, ends what it started.
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => process.exit(1));
}

/** Starts a command with nothing of this one's own settings. */
function start(command, commandArguments, directory, stdio) {
  const child = spawn(command, commandArguments, {
    cwd: directory,
    env: environment(),
    stdio,
    timeout: PATIENCE_MS,
    killSignal: "SIGKILL",
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** Builds the binaries, so that none is older than its source, and returns where they are. */
export function build() {
  const packages = ["ingest", "validate", "goldsky-sim"].flatMap((name) => ["-p", name]);
  execFileSync("cargo", ["build", "--quiet", "--locked", ...packages], { cwd: ROOT, stdio: "inherit" });
  const metadata = execFileSync("cargo", ["metadata", "--no-deps", "--format-version", "1"], {
    cwd: ROOT,
    maxBuffer: 1 << 28,
  });
  return path.join(JSON.parse(metadata).target_directory, "debug");
}

// Settings of whoever starts this must not reach what is started.
const environment = () => {
  const { PATH, HOME, TMPDIR, XDG_CACHE_HOME, XDG_DATA_HOME } = process.env;
  const kept = { PATH, HOME, TMPDIR, XDG_CACHE_HOME, XDG_DATA_HOME };
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
};

/** Runs a command to its end, and returns its exit code and the JSON on its standard output. */
export async function run(command, commandArguments, directory) {
  const child = start(command, commandArguments, directory, ["ignore", "pipe", "pipe"]);
  const [output, errors] = [[], []];
  child.stdout.on("data", (data) => output.push(data));
  child.stderr.on("data", (data) => errors.push(data));
  const [code] = await once(child, "close");
  const text = Buffer.concat(output).toString();
  if (text === "") {
    throw new Error(`${command} ended with ${code} and said ${Buffer.concat(errors)}`);
  }
  return { code, json: JSON.parse(text) };
}

/** Starts a command that tells on standard error how it goes. */
export function begin(command, commandArguments, directory) {
  const child = start(command, commandArguments, directory, ["ignore", "ignore", "pipe"]);
  const ended = once(child, "exit");
  let told = "";
  child.stderr.on("data", (data) => (told += data));
  /** Waits for a text that matches, and returns its first group. */
  const find = async (pattern) => {
    for (;;) {
      const found = told.match(pattern);
      if (found) return found[1];
      if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode} and said ${told}`);
      await Promise.race([once(child.stderr, "data"), ended]);
    }
  };
  return { find, ended, signal: (name) => child.kill(name) };
}

/** Starts a service, and returns the line of JSON that says where it is, and what ends it. */
export async function serve(command, commandArguments, directory) {
  const child = start(command, commandArguments, directory, ["ignore", "pipe", "ignore"]);
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([
    once(lines, "line"),
    ended.then(([code]) => Promise.reject(new Error(`${command} ended with ${code}`))),
  ]);
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  return { ready: JSON.parse(line), stop, signal: (name) => child.kill(name) };
}
