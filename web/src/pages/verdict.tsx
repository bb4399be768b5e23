/** What is wrong, where, how that is known, what to change, and what was not checked. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Lines } from "../charts/lines";
import { content, curve, type Evidence, type Excerpt, type Finding } from "../content";
import { opened, pages, address, isPrinting } from "../state";
import { Severity, shape, Words } from "../text";
import { counted, measured } from "../words";

const { report, opening, summary, places, excerpts, charts } = content.verdict;

interface Numbered { number: number; finding: Finding; symptoms: number[] }

function finding(number: number): Finding {
  const known = report.findings[number];
  if (!known) throw new RangeError(`there is no finding ${number}`);
  return known;
}

const groups: Numbered[] = report.diagnoses.map(({ cause, symptoms }) => ({ number: cause, finding: finding(cause), symptoms }));
const heard = groups.filter((g) => !g.finding.suppressed);
const intended = groups.filter((g) => g.finding.suppressed);

export function VerdictPage(): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const [said = "", ...more] = [...opening].reverse();
  return (
    <>
      <h1 class={heard.some((g) => g.finding.severity !== "hint") ? "sick" : "well"}><Words text={sentenceOf(heard.some((g) => g.finding.severity !== "hint") ? said : briefly(said))} /></h1>
      {more.map((text) => <p key={text} class="ending"><Words text={sentenceOf(text)} /></p>)}
      <Silence />
      <div ref={list} onKeyDown={(event) => { step(event, list.current); }}>
        {heard.map((group, i) => <Problem key={group.number} group={group} isFirst={i === 0} />)}
      </div>
      {heard.length === 0 ? <Healthy /> : null}
      <NotChecked />
      {intended.length ? <Intended /> : null}
    </>
  );
}

/** Without what stands in brackets and after: the page says it elsewhere. */
function briefly(text: string): string {
  return text.split(" (")[0]?.split(", recorded ")[0] ?? text;
}

function sentenceOf(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

/** j and k, or the arrows, go from one finding to the next while the focus is on one. */
function step(event: KeyboardEvent, list: HTMLElement | null): void {
  const way = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  if (!way || !list || !(event.target instanceof HTMLElement) || event.target.tagName !== "SUMMARY") return;
  const all = [...list.querySelectorAll<HTMLElement>(":scope > details > summary")];
  const next = all[all.indexOf(event.target) + way];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** In one line what the verdict does not speak about; the details stand at the end of the page. */
function Silence(): JSX.Element {
  const blind = report.coverage.blind.length;
  const { modules_seen: seen, modules_total: total } = report.coverage;
  const parts = [
    counted(report.not_applicable.length, "check did not apply", "checks did not apply"),
    ...(report.failed.length ? [counted(report.failed.length, "check failed", "checks failed")] : []),
    ...(blind ? [counted(blind, "thing could not be watched", "things could not be watched")] : []),
    ...(seen < total ? [counted(total - seen, "module was not seen", "modules were not seen")] : []),
  ];
  return (
    <p class="silence">
      {counted(report.checked.length, "check")} evaluated{total && seen === total ? `, all ${counted(total, "module")} seen` : ""}. <strong>Not checked:</strong> {parts.join(", ")}.{" "}
      <a href="#unchecked" onClick={(event) => { event.preventDefault(); document.getElementById("unchecked")?.focus(); }}>Which and why</a>
    </p>
  );
}

function Problem({ group, isFirst }: { group: Numbered; isFirst: boolean }): JSX.Element {
  const { number, finding: found, symptoms } = group;
  const isOpen = opened.value === null ? isFirst : opened.value === number;
  const element = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    if (opened.value === number) element.current?.scrollIntoView({ block: "start" });
  }, [opened.value]);
  return (
    <details ref={element} class={`problem ${found.severity}`} open={isOpen || isPrinting.value}
      onToggle={(event) => { toggled(event.currentTarget, number, isOpen); }}>
      <summary>
        <Severity of={found.severity} /> <strong>{found.check}</strong> <span class="where">{places[number]}</span>
        {found.confidence === "certain" ? null : <span class="note"> {found.confidence}</span>}
        {isOpen ? null : <span class="glance"><Words text={found.message} /></span>}
      </summary>
      {isOpen || isPrinting.value ? <Whole number={number} found={found} symptoms={symptoms} /> : null}
    </details>
  );
}

function toggled(element: HTMLDetailsElement, number: number, wasOpen: boolean): void {
  if (isPrinting.peek()) return;
  if (element.open && !wasOpen) opened.value = number;
  else if (!element.open && wasOpen) opened.value = -1;
}

function Whole({ number, found, symptoms }: { number: number; found: Finding; symptoms: number[] }): JSX.Element {
  const series = charts[number] ?? null;
  const hasNumbers = found.evidence.length > 0 || series !== null;
  return (
    <div class="whole">
      <p class="happens"><Words text={found.message} /></p>
      <p class="fix"><strong>What to change:</strong> <Words text={found.fix} /></p>
      <div class={hasNumbers ? "columns" : ""}>
        <div>
          <h2>Where</h2>
          <Where number={number} found={found} />
        </div>
        {hasNumbers ? (
          <div>
            <h2>How this is known</h2>
            <Numbers evidence={found.evidence} />
            {series === null ? null : <Picture series={series} found={found} />}
          </div>
        ) : null}
      </div>
      <dl>
        {found.expected ? <><dt>Expected</dt><dd><Words text={found.expected} /></dd></> : null}
        {found.why ? <><dt>Why it matters</dt><dd><Words text={found.why} /></dd></> : null}
        {symptoms.length ? <><dt>Explains as well</dt><dd><ul>{symptoms.map((n) => <li key={n}><Symptom number={n} /></li>)}</ul></dd></> : null}
        <dt>Learn more</dt><dd><code>osler explain {found.check}</code></dd>
      </dl>
    </div>
  );
}

function Where({ number, found }: { number: number; found: Finding }): JSX.Element {
  const shown = excerpts[number] ?? [];
  const facts = [
    ...(found.place.subject ? [`in ${found.place.subject}`] : []),
    ...(found.place.step === null ? [] : [`first seen at step ${found.place.step}`]),
  ];
  return (
    <>
      {shown.map((excerpt) => <Source key={excerpt.file} excerpt={excerpt} />)}
      {shown.length ? null : <p><code>{places[number]}</code> {found.place.file ? "The source is not at hand." : "No line of the script is known."}</p>}
      {facts.length ? <p class="note">{facts.join(", ")}</p> : null}
    </>
  );
}

function Source({ excerpt }: { excerpt: Excerpt }): JSX.Element {
  let before = 0;
  return (
    <div class="source">
      <p class="file">{excerpt.file}</p>
      <ol>
        {excerpt.lines.map((line) => {
          const isGap = before > 0 && line.number > before + 1;
          before = line.number;
          return (
            <li key={line.number} class={line.guilty ? "guilty" : line.label ? "related" : ""}>
              {isGap ? <span class="gap" aria-hidden="true">⋮</span> : null}
              <span class="number">{line.number}</span>
              <span><code>{line.text || " "}</code>{line.guilty ? <span class="label">◀ here</span> : line.label ? <span class="label">◁ {line.label}</span> : null}</span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}

function Numbers({ evidence }: { evidence: Evidence[] }): JSX.Element | null {
  if (!evidence.length) return null;
  return (
    <table class="numbers">
      <thead><tr><th scope="col">number</th><th scope="col">seen</th><th scope="col">expected</th></tr></thead>
      <tbody>
        {evidence.map((item, i) => (
          <tr key={i}>
            <th scope="row">{item.measure}{item.step === null ? "" : ` (step ${item.step})`}</th>
            <td>{measured(item.value, item.unit)}</td>
            <td>{item.expected ?? "–"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Picture({ series, found }: { series: number; found: Finding }): JSX.Element {
  const shown = curve(series);
  const pins = found.place.step === null ? [] : [{ step: found.place.step, shape: shape(found.severity) }];
  const { measure: name = shown.name, subject = "" } = content.series[series] ?? {};
  const title = `${name === "loss" ? "Loss" : name.replaceAll("_", " ")}${subject ? ` of ${subject}` : ""}`;
  return <Lines title={title} curves={[shown]} pins={pins} height={120} isLinked={false} compact />;
}

function Symptom({ number }: { number: number }): JSX.Element {
  const found = finding(number);
  return <><Severity of={found.severity} /> <strong>{found.check}</strong> <span class="where">{places[number]}</span>: <Words text={found.message} /></>;
}

function Healthy(): JSX.Element {
  const known = pages.filter(({ id }) => id !== "verdict");
  if (!known.length) return <p>The run was not recorded, so there is nothing to draw.</p>;
  return <p>See how it went: {known.map(({ id, title }, i) => <span key={id}>{i ? ", " : ""}<a href={address(id)}>{title}</a></span>)}.</p>;
}

function NotChecked(): JSX.Element {
  const reasons = new Map<string, string[]>();
  for (const { check, reason } of report.not_applicable) reasons.set(reason, [...(reasons.get(reason) ?? []), check]);
  return (
    <section aria-labelledby="unchecked">
      <h2 id="unchecked" tabIndex={-1}>What was not checked</h2>
      {report.coverage.blind.length ? <><h3>Could not be watched</h3><ul>{report.coverage.blind.map((text) => <li key={text}><Words text={text} /></li>)}</ul></> : null}
      {report.failed.length ? <><h3>Failed inside Osler</h3><ul>{report.failed.map(({ check, reason }) => <li key={check}><strong>{check}</strong>: {reason}</li>)}</ul></> : null}
      {reasons.size ? <><h3>Did not apply to this program</h3><ul class="reasons">{[...reasons].map(([reason, checks]) => <li key={reason}><Words text={reason} />: <span class="note">{checks.join(", ")}</span></li>)}</ul></> : null}
      {report.coverage.blind.length + report.failed.length + reasons.size ? null : <p>Every check was evaluated, and everything was seen.</p>}
      <details open={isPrinting.value}>
        <summary>Everything that was evaluated, and what watching cost</summary>
        <p>{report.checked.join(", ") || "No check was evaluated."}</p>
        {summary.map((text) => <p key={text} class="note"><Words text={sentenceOf(text)} /></p>)}
      </details>
    </section>
  );
}

function Intended(): JSX.Element {
  return (
    <section>
      <h2>Acknowledged as intended</h2>
      <ul>{intended.map(({ number }) => <li key={number}><Symptom number={number} /></li>)}</ul>
    </section>
  );
}
