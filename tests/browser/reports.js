// Reports of a load that is whole and of the same load damaged, made by the real commands.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { build, run, serve } from "./processes.js";

const SIMULATED = ["--listen", "127.0.0.1:0", "--seed", "7", "--markets", "40", "--fills", "6000"];

// What is lost as a whole. It is looked up before it is deleted: the engine asks a query within a
// DELETE once for each part, and has deleted from others by then.
const TOKEN = `SELECT toString(token_id) FROM clob_fills_v2_data WHERE toYYYYMM(timestamp) != 202601
  GROUP BY token_id ORDER BY count() DESC, token_id LIMIT 1`;
const ORDER = "SELECT hex(max(order_hash)) FROM clob_fills_v2_data";

/** A month, a token, one row again, and one amount that is a millionth too much. */
const damageOf = (token, order) => [
  "DELETE FROM clob_fills_v2_data WHERE toYYYYMM(timestamp) = 202601",
  `DELETE FROM clob_fills_v2_data WHERE token_id = toUInt256('${token}')`,
  "INSERT INTO clob_fills_v2_data SELECT * FROM clob_fills_v2_data ORDER BY tx_hash, order_hash LIMIT 1",
  `ALTER TABLE clob_fills_v2_data UPDATE usdc = usdc + 1 WHERE order_hash = unhex('${order}')
   SETTINGS mutations_sync = 2`,
];

/** Loads, validates, damages and validates again; returns both reports, and what removes them. */
export async function make() {
  const binaries = build();
  const directory = await mkdtemp(path.join(tmpdir(), "browser-tests-"));
  const binary = (name) => path.join(binaries, name);
  const source = await serve(binary("goldsky-sim"), SIMULATED, directory);
  const remove = async () => {
    await source.stop();
    await rm(directory, { recursive: true });
  };
  try {
    const asked = ["--output", "json", "--endpoint", source.ready.endpoint];
    const loaded = await run(binary("ingest"), asked, directory);
    assert.equal(loaded.code, 0);
    const validate = async (name, code) => {
      const page = path.join(directory, `${name}.html`);
      const junit = path.join(directory, `${name}.xml`);
      const files = ["--spot", "2", "--report", page, "--junit", junit];
      const validated = await run(binary("validate"), [...asked, ...files], directory);
      assert.equal(validated.code, code);
      return { page, json: validated.json, junit: await readFile(junit, "utf8") };
    };
    const whole = await validate("whole", 0);
    await damage(binary("ingest"), directory);
    return { whole, damaged: await validate("damaged", 65), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function damage(ingest, directory) {
  const serving = ["engine", "serve", "--listen", "127.0.0.1:0", "--output", "json"];
  const engine = await serve(ingest, serving, directory);
  const ask = async (statement) => {
    const answer = await fetch(engine.ready.url, { method: "POST", body: statement });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    return text.trim();
  };
  try {
    for (const statement of damageOf(await ask(TOKEN), await ask(ORDER))) {
      await ask(statement);
    }
  } finally {
    await engine.stop();
  }
}
