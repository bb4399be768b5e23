/** What stands around every page: whose report this is, the way to the other pages, light or dark. */
import type { ComponentType, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { content } from "./content";
import { DataPage } from "./pages/data";
import { GraphPage } from "./pages/graph";
import { LayersPage } from "./pages/layers";
import { PreflightPage } from "./pages/preflight";
import { TimelinePage } from "./pages/timeline";
import { VerdictPage } from "./pages/verdict";
import { address, isDark, isPrinting, page, pages, paper, theme } from "./state";
import { counted } from "./words";

const BODIES: Record<string, ComponentType> = {
  verdict: VerdictPage,
  timeline: TimelinePage,
  layers: LayersPage,
  graph: GraphPage,
  preflight: PreflightPage,
  data: DataPage,
};

export function Shell(): JSX.Element {
  const title = pages.find(({ id }) => id === page.value)?.title ?? "Verdict";
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${title}: Osler, training report`;
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
  }, [title]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>Skip to the page</a>
      <header>
        <p class="brand">Osler</p>
        <p class="about"><About /></p>
        <button type="button" class="quiet" onClick={() => { void print(); }}>Print</button>
        <button type="button" class="quiet" onClick={() => { theme.value = isDark.value ? "light" : "dark"; }}>
          {isDark.value ? "Light theme" : "Dark theme"}
        </button>
      </header>
      <nav aria-label="Pages">
        {pages.map(({ id, title: name }) => (
          <a key={id} href={address(id)} aria-current={page.value === id ? "page" : undefined}>{name}</a>
        ))}
      </nav>
      <main id="main" ref={main} tabIndex={-1}>
        {pages.filter(({ id }) => isPrinting.value || id === page.value).map(({ id }) => <Sheet key={id} of={BODIES[id] ?? VerdictPage} />)}
      </main>
      <footer>
        <p>Written by Osler {content.version}. This file is complete: it fetches nothing and sends nothing.</p>
      </footer>
    </>
  );
}

const PATIENCE = 5_000; // milliseconds for pictures that are still laid out

/** Prints all pages, once every picture is there. */
async function print(): Promise<void> {
  paper(true);
  const end = Date.now() + PATIENCE;
  do await new Promise((resolve) => { setTimeout(resolve, 50); });
  while (document.querySelector(".canvas [role=status]") && Date.now() < end);
  window.print();
  paper(false);
}

function Sheet({ of: Body }: { of: ComponentType }): JSX.Element {
  return <div class="sheet"><Body /></div>;
}

function About(): JSX.Element {
  const { subject } = content.verdict.report;
  const started = content.run.started ? new Date(content.run.started) : null;
  const parts = [
    counted(subject.steps, "step"),
    ...(subject.exit_code === null ? [] : [`exit code ${subject.exit_code}`]),
    ...(started && !Number.isNaN(started.getTime()) ? [started.toISOString().slice(0, 16).replace("T", " ") + " UTC"] : []),
    ...(content.run.id ? [content.run.id] : []),
  ];
  return <><strong>{subject.script ?? "training"}</strong> <span>{parts.join(" · ")}</span></>;
}
