/** What the experiments on the first batches answered. */
import type { JSX } from "preact";
import { Lines } from "../charts/lines";
import { content, type Curve } from "../content";
import { Words } from "../text";
import { shown } from "../words";

export function PreflightPage(): JSX.Element {
  const experiments = content.preflight?.experiments ?? [];
  return (
    <>
      <h1>Pre-flight</h1>
      <p class="intro">Experiments on the first batches, before any real training.</p>
      {experiments.map((each) => (
        <section key={each.name}>
          <h2>{each.name}</h2>
          {each.skipped ? <p class="note">Not done: <Words text={each.skipped} /></p> : <p><Words text={each.answer} /></p>}
          <dl class="facts">
            {Object.entries(each.values).map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{shown(value)}</dd></div>)}
          </dl>
          {each.traces.length ? <Lines title={each.name} curves={each.traces.map(traced)} isLinked={false} /> : null}
        </section>
      ))}
    </>
  );
}

function traced({ name, x, y }: { name: string; x: number[]; y: number[] }): Curve {
  const mean = Float64Array.from(y);
  return {
    name, label: name, unit: "", title: "", width: 1, count: y.length, at: Float64Array.from(x), mean, low: mean, high: mean,
    isBand: false, nan: y.flatMap((v, i) => (Number.isNaN(v) ? [i] : [])), up: [], down: [],
  };
}
