"use strict";

// What is told comes as server-sent events, each with everything; texts are set as texts.

const SVG = "http://www.w3.org/2000/svg";
// Without an event for so long the run itself is gone or stuck.
const LOST_MS = 5000;

const at = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

function duration(seconds) {
  const all = Math.round(seconds);
  const [hours, minutes] = [Math.floor(all / 3600), Math.floor(all / 60) % 60];
  if (hours > 0) return `${hours} h ${String(minutes).padStart(2, "0")} min`;
  if (minutes > 0) return `${minutes} min ${String(all % 60).padStart(2, "0")} s`;
  return `${all} s`;
}

const WRITTEN = {
  seconds: duration,
  seconds_left: (seconds) => `about ${duration(seconds)}`,
  checkpoint_age_seconds: (seconds) => `${duration(seconds)} ago`,
  latency_ms: (ms) => `${whole.format(ms)} ms`,
  markets_per_second: (rate) => tenth.format(rate),
  markets_per_second_overall: (rate) => tenth.format(rate),
  requests_per_second: (rate) => tenth.format(rate),
};

const waiting = (s) =>
  s.is_table_away
    ? "waiting for ClickHouse, which does not answer"
    : `waiting for ClickHouse, which has ${whole.format(s.rows_in_hand)} rows to take`;

const STATES = {
  starting: ["open", () => "starting: nothing was answered yet"],
  running: ["good", () => "running"],
  paused: ["open", (s) => `paused: the source refuses, all requests wait ${tenth.format(s.paused_seconds ?? 0)} s`],
  stalled: ["bad", (s) => `stalled: the source has not answered for ${whole.format(s.seconds_since_answer)} s`],
  inserting: ["good", (s) => `inserting the last ${whole.format(s.rows_in_hand)} rows`],
  waiting: ["open", waiting],
  following: ["good", () => "up to date: new fills are waited for"],
  ended: ["good", (s) => (s.share_done >= 1 ? "ended: complete" : "ended: work is left, run again to go on")],
};

function showState(tone, text) {
  const state = at("state");
  state.className = `state ${tone}`;
  if (state.textContent !== text) state.textContent = text;
}

function showWarnings(warnings) {
  const section = at("warnings");
  const key = JSON.stringify(warnings.map((warning) => [warning.code, warning.says]));
  section.hidden = warnings.length === 0;
  if (section.dataset.key === key) return;
  section.dataset.key = key;
  section.querySelector("ul").replaceChildren(
    ...warnings.map((warning) => {
      const item = document.createElement("li");
      item.dataset.code = warning.code;
      const [says, mend] = [document.createElement("strong"), document.createElement("p")];
      says.textContent = warning.says;
      mend.textContent = warning.mend;
      item.append(says, mend);
      return item;
    }),
  );
}

function showRate({ step_seconds: step, fills_per_second: rates }, now) {
  const most = Math.max(...rates, 1);
  const across = 600 / Math.max(rates.length - 1, 1);
  const points = rates.map((rate, place) => `${(place * across).toFixed(1)},${(155 - (rate / most) * 150).toFixed(1)}`);
  const line = document.createElementNS(SVG, "polyline");
  line.setAttribute("points", points.join(" "));
  at("rate").replaceChildren(line);
  at("rate-about").textContent =
    rates.length === 0
      ? "Nothing was told yet."
      : `Now ${whole.format(now)}, at the most ${whole.format(most)}; a point stands for ${step} s.`;
  at("rate-from").textContent = "begin";
  at("rate-to").textContent = `${duration(rates.length * step)} later`;
}

function showMonths(months) {
  const body = at("months");
  const rows = new Map([...body.children].map((row) => [row.dataset.month, row]));
  for (const { month, share_done: share, fills } of months) {
    let row = rows.get(month);
    if (!row) {
      row = body.insertRow();
      row.dataset.month = month;
      const name = document.createElement("th");
      name.scope = "row";
      name.textContent = month;
      const bar = document.createElement("progress");
      bar.setAttribute("aria-label", `${month} done`);
      row.append(name);
      row.insertCell().className = "number";
      row.insertCell().append(bar);
      row.insertCell().className = "number";
    }
    row.cells[1].textContent = `${whole.format(Math.floor(share * 100))} %`;
    row.querySelector("progress").value = share;
    row.cells[3].textContent = whole.format(fills);
  }
}

function show({ status, history }) {
  const [tone, says] = STATES[status.state] ?? ["open", () => status.state];
  showState(tone, says(status));
  for (const figure of document.querySelectorAll(".figures dd")) {
    const value = status[figure.id];
    const write = WRITTEN[figure.id] ?? ((number) => whole.format(number));
    figure.textContent = value === null ? "not known" : write(value);
  }
  const percent = Math.floor(status.share_done * 1000) / 10;
  at("share").value = status.share_done;
  at("share-text").textContent = `${tenth.format(percent)} %`;
  showWarnings(status.warnings);
  showRate(history, status.fills_per_second);
  showMonths(status.months);
}

let toldAt = Date.now();
let over = false;
const events = new EventSource("/events");
events.onmessage = (event) => {
  toldAt = Date.now();
  show(JSON.parse(event.data));
};
events.addEventListener("ended", (event) => {
  over = true;
  events.close();
  show(JSON.parse(event.data));
});
setInterval(() => {
  const silent = Date.now() - toldAt;
  if (!over && silent > LOST_MS) showState("bad", `the run has not been heard of for ${duration(silent / 1000)}`);
}, 1000);
