/** Small pieces of text that all pages use. */
import type { JSX } from "preact";
import type { Finding } from "./content";

/** A sentence in which whatever stands between backticks is code. */
export function Words({ text }: { text: string }): JSX.Element {
  return <>{text.split(/`([^`]+)`/).map((part, i) => (i % 2 ? <code key={i}>{part}</code> : part))}</>;
}

const SHAPES = { error: "■", warning: "▲", hint: "●" } as const;

/** The severity as a shape and a word: colour adds and never carries. */
export function Severity({ of }: { of: Finding["severity"] }): JSX.Element {
  return <span class={`severity ${of}`}><span aria-hidden="true">{SHAPES[of]}</span> {of}</span>;
}

export function shape(of: Finding["severity"]): string {
  return SHAPES[of];
}

/** A table with a heading for each column; numbers stand to the right. */
export function Table({ caption, head, rows }: { caption: string; head: string[]; rows: (string | JSX.Element)[][] }): JSX.Element {
  return (
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <thead><tr>{head.map((title) => <th key={title} scope="col">{title}</th>)}</tr></thead>
        <tbody>{rows.map((row, i) => (
          <tr key={i}>{row.map((cell, j) => (j ? <td key={j}>{cell}</td> : <th key={j} scope="row">{cell}</th>))}</tr>
        ))}</tbody>
      </table>
    </div>
  );
}
