/** The first samples that a model was trained on, as it was given them: pictures, or rows of numbers. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Samples } from "../content";
import { Table } from "../text";
import { shown } from "../words";

type Item = Samples["items"][number];

export function Kept({ of }: { of: Samples }): JSX.Element {
  const what = `${of.items.length} of ${of.rows} samples of the first batch that ${of.model} was trained on${of.place ? ` (${of.place})` : ""}`;
  const kind = `each ${of.shape.length ? of.shape.join("×") : "one number"}, ${of.dtype}, from ${shown(Number(of.lowest))} to ${shown(Number(of.highest))}`;
  return (
    <>
      <p class="sentence">{what}: {kind}{of.height ? "; black is the smallest number, white the largest" : ""}.</p>
      {of.height ? <div class="samples">{of.items.map((item, i) => <Picture key={i} of={of} item={item} number={i + 1} />)}</div> : <Rows of={of} />}
    </>
  );
}

function Rows({ of }: { of: Samples }): JSX.Element {
  const isShort = of.items.every((item) => item.numbers.length === of.shape.reduce((all, n) => all * n, 1));
  const rows = of.items.map((item, i) => [String(i + 1), item.label || "–", item.numbers.map((n) => shown(Number(n))).join(", ") + (isShort ? "" : ", …")]);
  return <Table caption="Samples" head={["sample", "label", "numbers"]} rows={rows} />;
}

function Picture({ of, item, number }: { of: Samples; item: Item; number: number }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => { if (canvas.current) paint(canvas.current, of, item.pixels); }, [of, item]);
  const label = item.label ? `label ${item.label}` : "no label";
  return (
    <figure>
      <canvas ref={canvas} width={of.width} height={of.height} role="img" aria-label={`sample ${number}, ${label}`} />
      <figcaption>{item.label || "–"}</figcaption>
    </figure>
  );
}

function paint(canvas: HTMLCanvasElement, of: Samples, pixels: string): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const shades = Uint8Array.from(atob(pixels), (c) => c.charCodeAt(0));
  const image = context.createImageData(of.width, of.height);
  for (let point = 0; point < of.width * of.height; point++) {
    for (let colour = 0; colour < 3; colour++) image.data[4 * point + colour] = shades[of.channels * point + (of.channels === 3 ? colour : 0)] ?? 0;
    image.data[4 * point + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
