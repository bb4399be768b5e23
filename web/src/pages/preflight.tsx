/** What the experiments on the first batches answered. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { Lines } from "../charts/lines";
import { content, type Curve, type Experiment, type Layer, type Network, type Trace } from "../content";
import { Table, Words } from "../text";
import { counted, measured, shown } from "../words";

const experiments = content.preflight?.experiments ?? [];
const networks = content.preflight?.networks ?? [];

export function PreflightPage(): JSX.Element {
  const asked = experiments.filter((each) => !each.skipped), refused = experiments.filter((each) => each.skipped);
  const { diagnoses, findings } = content.verdict.report;
  const isSick = diagnoses.some(({ cause }) => findings[cause]?.severity !== "hint" && !findings[cause]?.suppressed);
  return (
    <>
      <h1>Pre-flight</h1>
      <p class="intro">
        {counted(asked.length, "experiment")} with the script's own loop on its first batches, before the training.{" "}
        {isSick ? "What is wrong stands on the page Verdict." : "No problem was found."}
      </p>
      {asked.map((each) => <Asked key={each.name} of={each} />)}
      {networks.map((each, i) => <NetworkTable key={i} of={each} />)}
      {refused.length ? (
        <section>
          <h2>Not asked</h2>
          <Table caption="Not asked" head={["question", "why"]} rows={refused.map((each) => [capital(each.question), <Words key={each.name} text={each.skipped ?? ""} />])} />
        </section>
      ) : null}
    </>
  );
}

function Asked({ of }: { of: Experiment }): JSX.Element {
  const curves = useMemo(() => of.traces.map(traced), [of]);
  const measure = capital(of.traces[0]?.measure ?? "");
  return (
    <section class="asked">
      <h2>{capital(of.question)}</h2>
      <p class="happens"><Words text={of.answer} /></p>
      <dl class="facts">
        {Object.entries(of.values).map(([name, value]) => <div key={name}><dt>{name.replaceAll("_", " ")}</dt><dd>{shown(value)}</dd></div>)}
        <div><dt>took</dt><dd>{measured(of.seconds, "seconds")}</dd></div>
      </dl>
      {curves.length ? <Lines title={`${measure} in each turn`} curves={curves} isLinked={false} axis="turn" /> : null}
    </section>
  );
}

function NetworkTable({ of }: { of: Network }): JSX.Element {
  const learn = of.trainable === of.elements ? "all trainable" : `${shown(of.trainable)} trainable`;
  const most = Math.max(...of.layers.map((layer) => layer.share), 1e-9);
  return (
    <section>
      <h2>The layers of {of.model}</h2>
      <p class="sentence">
        {counted(of.elements, "parameter")}, {learn}. A forward pass of the first batch takes {measured(Number(of.seconds.toPrecision(3)), "seconds")};
        the last column is each layer's share of that measured time, without the layers inside it.
        {of.left_out ? ` ${counted(of.left_out, "more layer")} not shown.` : ""}
      </p>
      <div class="scroll" role="region" aria-label={`The layers of ${of.model}`} tabIndex={0}>
        <table class="network">
          <thead><tr>{["layer", "kind", "line", "shape out", "numbers", "trainable", "time"].map((title) => <th key={title} scope="col">{title}</th>)}</tr></thead>
          <tbody>{of.layers.map((layer, i) => <LayerRow key={i} of={layer} most={most} />)}</tbody>
        </table>
      </div>
    </section>
  );
}

function LayerRow({ of, most }: { of: Layer; most: number }): JSX.Element {
  const learn = !of.elements ? "" : of.trainable === of.elements ? "all" : of.trainable ? shown(of.trainable) : "none";
  return (
    <tr>
      <th scope="row">{of.name || "(itself)"}{of.calls > 1 ? ` ×${of.calls}` : ""}</th>
      <td>{of.kind}</td>
      <td class="where">{of.place}</td>
      <td>{of.outputs.map((shape) => shape.join("×") || "1").join(", ")}</td>
      <td>{shown(of.elements)}{of.shared ? " shared" : ""}</td>
      <td>{learn}</td>
      <td><span class="bar" aria-hidden="true" style={{ width: `${(60 * of.share) / most}%` }} /> {measured(Number(of.share.toPrecision(2)), "ratio")}</td>
    </tr>
  );
}

function traced({ name, x, y }: Trace): Curve {
  const mean = Float64Array.from(y, (value) => (typeof value === "number" ? value : (NAMED[value] ?? NaN)));
  const where = (is: (value: number) => boolean) => Array.from(mean.keys()).filter((i) => is(mean[i] ?? 0));
  const drawn = mean.map((value) => (Number.isFinite(value) ? value : NaN));
  return {
    name, label: name, unit: "", title: "", width: 1, count: y.length, at: Float64Array.from(x), mean: drawn, low: drawn, high: drawn,
    isBand: false, nan: where(Number.isNaN), up: where((v) => v === Infinity), down: where((v) => v === -Infinity),
  };
}

const NAMED: Record<string, number> = { inf: Infinity, "-inf": -Infinity };

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
