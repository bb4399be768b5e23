/** The course of training: every measure over the same steps, with findings and evaluations marked. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Lines } from "../charts/lines";
import { content, curve } from "../content";
import { address, cursor, extent, range } from "../state";
import { Severity, shape } from "../text";
import { counted, measured } from "../words";

const MOST_FOUND = 12;

const timeline = content.timeline ?? { panels: [], pins: [], evaluations: [], more: [] };
const findings = content.verdict.report.findings;
const pins = timeline.pins.flatMap(({ step, finding }) => {
  const found = findings[finding];
  return found ? [{ step, finding, found, shape: shape(found.severity) }] : [];
});

/** What was measured once comes last: it is a sentence, not a picture. */
const panels = [...timeline.panels].sort((a, b) => Number(isSingle(a.series)) - Number(isSingle(b.series)));

function isSingle(series: number[]): boolean {
  return series.every((n) => curve(n).at.length < 2);
}

export function TimelinePage(): JSX.Element {
  return (
    <>
      <h1>Timeline</h1>
      <p class="intro">
        All charts share the steps. Drag across a chart to look closer.{" "}
        {pins.length ? "Dashed lines mark findings. " : ""}{timeline.evaluations.length ? "Grey bands are evaluations. " : ""}
        × is NaN, ▲ is infinite.
      </p>
      <Controls />
      {timeline.panels.length ? null : <p>Nothing was measured in this run.</p>}
      <div class="panels">
        {panels.map(({ title, series }) => (
          <Lines key={title} title={title} curves={series.map(curve)} pins={pins} visits={timeline.evaluations} />
        ))}
      </div>
      {pins.length ? <Found /> : null}
      {timeline.more.length ? <More /> : null}
    </>
  );
}

function Controls(): JSX.Element {
  const [first, last] = extent.value;
  const [from, to] = range.value ?? extent.value;
  const at = cursor.value;
  const move = (by: number) => { range.value = within(from + by * (to - from), to + by * (to - from), first, last); };
  const zoom = (by: number) => {
    const middle = at !== null && at >= from && at <= to ? at : (from + to) / 2;
    range.value = within(middle - (middle - from) * by, middle + (to - middle) * by, first, last);
  };
  return (
    <div class="controls" role="group" aria-label="Steps that are shown">
      <button type="button" onClick={() => { zoom(0.5); }}>Zoom in</button>
      <button type="button" onClick={() => { zoom(2); }} disabled={range.value === null}>Zoom out</button>
      <button type="button" onClick={() => { move(-0.25); }} disabled={from <= first} aria-label="Earlier steps">◀</button>
      <button type="button" onClick={() => { move(0.25); }} disabled={to >= last} aria-label="Later steps">▶</button>
      <button type="button" onClick={() => { range.value = null; }} disabled={range.value === null}>All steps</button>
      <span>steps {Math.round(from)} – {Math.round(to)}</span>
      <label class="stepper">
        step{" "}
        <input type="range" min={Math.round(from)} max={Math.round(to)} value={at ?? Math.round(from)}
          aria-valuetext={at === null ? "no step chosen" : reading(at)}
          onInput={(event) => { cursor.value = Number(event.currentTarget.value); }} />
      </label>
      <output>{at === null ? "Choose a step to read all values." : reading(at)}</output>
    </div>
  );
}

function within(from: number, to: number, first: number, last: number): [number, number] | null {
  const span = Math.min(Math.max(to - from, 1), last - first);
  const start = Math.min(Math.max(from, first), last - span);
  return span >= last - first ? null : [start, start + span];
}

/** The values of the first series of each panel at a step. */
function reading(step: number): string {
  const parts = timeline.panels.flatMap(({ title, series: [first] }) => {
    if (first === undefined) return [];
    const shown = curve(first);
    const place = lastBefore(shown.at, step);
    return place < 0 ? [] : [`${title.toLowerCase()} ${measured(shown.mean[place] ?? NaN, shown.unit)}`];
  });
  return `step ${step}: ${parts.join(", ")}`;
}

function lastBefore(steps: Float64Array, step: number): number {
  let low = 0, high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] ?? 0) <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function Found(): JSX.Element {
  return (
    <section>
      <h2>Findings by step</h2>
      <ul class="found">
        {[...pins].sort((a, b) => a.step - b.step).map(({ step, finding, found }) => (
          <li key={finding}>
            step {step}: <Severity of={found.severity} /> <a href={address("verdict", { finding })}>{found.check}</a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function More(): JSX.Element {
  const [wanted, setWanted] = useState("");
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const found = words.length
    ? timeline.more.filter((n) => words.every((word) => content.series[n]?.name.toLowerCase().includes(word)))
    : [];
  const hidden = content.run.left_out ?? 0;
  return (
    <section class="asking">
      <h2>More series</h2>
      <label>
        {counted(timeline.more.length, "series", "series")} of single parameters, classes and loaders; name contains{" "}
        <input type="search" value={wanted} onInput={(event) => { setWanted(event.currentTarget.value); }} />
      </label>
      {hidden ? <p class="note">{counted(hidden, "more series", "more series")} did not fit into this file.</p> : null}
      <p role="status" class="note">{words.length ? `${counted(found.length, "series", "series")} found${found.length > MOST_FOUND ? `, the first ${MOST_FOUND} are shown` : ""}` : ""}</p>
      <div class="panels">
        {found.slice(0, MOST_FOUND).map((n) => <Lines key={n} title={content.series[n]?.name ?? ""} curves={[curve(n)]} pins={pins} />)}
      </div>
    </section>
  );
}
