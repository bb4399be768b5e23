/** What every chart stands in: a title, the picture with its sentence, and the numbers as a table on demand. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { isPrinting } from "../state";
import { Table } from "../text";

export const ON_PAPER = 640; // pixels of width of a picture: fits on A4 and on letter

export interface TableOf { head: string[]; rows: () => string[][] }

interface Given { title: string; note?: string; sentence: string; table: TableOf; children: ComponentChildren; height: number; compact?: boolean }

export function Figure({ title, note, sentence, table, children, height, compact }: Given): JSX.Element {
  const [isTable, setTable] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  const isNear = useNear(frame);
  return (
    <figure class={compact ? "compact" : undefined}>
      <figcaption>
        <strong>{title}</strong>{note ? <span class="note"> {note}</span> : null}
        <button type="button" class="quiet" aria-expanded={isTable} aria-label={`Numbers of ${title} as a table`}
          onClick={() => { setTable(!isTable); }}>{isTable ? "Picture" : "Table"}</button>
      </figcaption>
      {isTable
        ? <Table caption={`Numbers of ${title}`} head={table.head} rows={table.rows()} />
        : <div ref={frame} class="picture" role="img" aria-label={sentence} style={{ minHeight: `${height}px` }}>
            {isNear || isPrinting.value ? children : null}
          </div>}
      <p class="sentence">{sentence}</p>
    </figure>
  );
}

/** Whether an element is, or was, close to the part of the page that is seen: what is not is not drawn. */
function useNear(frame: { current: HTMLElement | null }): boolean {
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    const element = frame.current;
    if (!element || isNear) return;
    const observer = new IntersectionObserver(
      (entries) => { if (entries.some((entry) => entry.isIntersecting)) setNear(true); },
      { rootMargin: "400px" },
    );
    observer.observe(element);
    return () => { observer.disconnect(); };
  });
  return isNear;
}
