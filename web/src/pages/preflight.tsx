/** What the experiments on the first batches answered. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { Lines } from "../charts/lines";
import { content, type Curve, type Experiment, type Trace } from "../content";
import { Table, Words } from "../text";
import { counted, measured, shown } from "../words";

const experiments = content.preflight?.experiments ?? [];

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
