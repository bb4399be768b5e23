/** What the model was fed: loaders, batches, classes, the scale of the inputs, and what its losses were given. */
import type { JSX } from "preact";
import { Lines } from "../charts/lines";
import { Sizes } from "../charts/sizes";
import { content, curve, type LossInput } from "../content";
import { Table, Words } from "../text";
import { counted, measured, shown } from "../words";
import { Kept } from "./samples";

const data = content.data ?? { loaders: [], sizes: [], scales: [], classes: [], losses: [], histograms: [] };

const SCALE_TITLES: Record<string, string> = {
  input_mean: "Mean of the inputs",
  input_std: "Standard deviation of the inputs",
  input_absmax: "Largest input",
};

export function DataPage(): JSX.Element {
  const samples = content.samples ?? [];
  const isEmpty = !samples.length && !data.loaders.length && !data.classes.length && !data.losses.length && !data.histograms.length && !data.scales.length;
  return (
    <>
      <h1>Data</h1>
      <p class="intro">What the batches held. <Words text={samples.length ? "The samples are here because `--keep samples` asked for them." : "Osler keeps counts and ranges, and samples only for `--keep samples`."} /></p>
      {isEmpty ? <p>No loader, no class labels and no inputs were seen in this run.</p> : null}
      {samples.length ? <section><h2>Samples</h2>{samples.map((s) => <Kept key={s.model} of={s} />)}</section> : null}
      {data.loaders.length ? <Loaders /> : null}
      {data.classes.length ? <Classes /> : null}
      {data.losses.length ? <Losses /> : null}
      {data.histograms.length ? <section><h2>Sizes of what the loss gets</h2><div class="panels">{data.histograms.map((h) => <Sizes key={h.name} of={h} />)}</div></section> : null}
      {data.scales.length ? <Scales /> : null}
      {data.sizes.length ? <section><h2>Samples per batch</h2><Lines title="Samples per batch" curves={data.sizes.map(curve)} /></section> : null}
    </>
  );
}

function Loaders(): JSX.Element {
  const head = ["loader", "used for", "samples", "batch size", "batches per pass", "last batch", "order", "passes"];
  const rows = data.loaders.map((l) => [
    l.name, l.use, shown(l.samples), shown(l.batch_size), shown(l.batches), shown(l.last), l.order, shown(l.begun),
  ]);
  return <section><h2>Loaders</h2><Table caption="Loaders" head={head} rows={rows} /></section>;
}

function Classes(): JSX.Element {
  const counts = data.classes.map((c) => c.seen);
  const [most, fewest] = [Math.max(...counts), Math.min(...counts)];
  const total = counts.reduce((sum, n) => sum + n, 0);
  const balance = fewest > 0 ? `the most frequent is ${shown(Number((most / fewest).toPrecision(2)))} times as frequent as the rarest` : "some were not seen";
  return (
    <section>
      <h2>Classes</h2>
      <p class="sentence">{counted(total, "target")} of {counted(counts.length, "class", "classes")} in the batches that were sampled; {balance}.</p>
      <div class="scroll" role="region" aria-label="Classes" tabIndex={0}>
        <table class="bars">
          <thead><tr><th scope="col">class</th><th scope="col">targets</th><th scope="col">share</th></tr></thead>
          <tbody>
            {data.classes.map((c) => (
              <tr key={c.name}>
                <th scope="row">{c.name}</th>
                <td>{c.seen}</td>
                <td><span class="bar" aria-hidden="true" style={{ width: `${most ? (60 * c.seen) / most : 0}%` }} /> {measured(c.share, "ratio")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Losses(): JSX.Element {
  const head = ["loss", "line", "it was given", "entries from … to", "row sums from … to", "classes", "rows tested"];
  const rows = data.losses.map((l) => [
    l.function, l.place || "–", given(l), `${shown(l.lowest)} … ${shown(l.highest)}`, `${shown(l.sum_low)} … ${shown(l.sum_high)}`, shown(l.classes), shown(l.rows),
  ]);
  return (
    <section>
      <h2>What the losses are given</h2>
      <p class="sentence">
        Probabilities lie between 0 and 1 and their rows sum to 1; log-probabilities are never above 0; logits may be any numbers.
        cross_entropy wants logits, nll_loss wants log-probabilities.
      </p>
      <Table caption="What the losses are given" head={head} rows={rows} />
    </section>
  );
}

function given(input: LossInput): string {
  return input.made_by ? `${input.are} from ${input.made_by}${input.made_at ? ` (${input.made_at})` : ""}` : input.are;
}

function Scales(): JSX.Element {
  const measures = [...new Set(data.scales.map((n) => content.series[n]?.measure ?? ""))];
  return (
    <section>
      <h2>Scale of the inputs</h2>
      <div class="panels">
        {measures.map((name) => (
          <Lines key={name} title={SCALE_TITLES[name] ?? name} curves={data.scales.filter((n) => content.series[n]?.measure === name).map(curve)} />
        ))}
      </div>
    </section>
  );
}
