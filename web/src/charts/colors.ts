/** Colours by theme, and the scale of heat maps. */
import { isDark, isPrinting } from "../state";

const LINES = {
  light: ["#0b5cad", "#b34700", "#1a7340", "#8a3ea8", "#8a6100", "#b3265a"],
  dark: ["#6cb6ff", "#ff9e57", "#5fd38d", "#d59bf0", "#e0b84c", "#ff8fb3"],
};

const INKS = {
  light: { text: "#454d57", grid: "#e3e7ec", pin: "#b3261e", visit: "#dfe6ee" },
  dark: { text: "#b3bcc7", grid: "#2a323c", pin: "#ff8a80", visit: "#2b3542" },
};

function mode(): "light" | "dark" {
  return isDark.value && !isPrinting.value ? "dark" : "light";
}

export function lineColor(index: number): string {
  const known = LINES[mode()];
  return known[index % known.length] ?? "#888888";
}

export function inks(): (typeof INKS)["light"] {
  return INKS[mode()];
}

/** Viridis, which is read without colour vision and in grey. */
const VIRIDIS = [
  [68, 1, 84], [72, 40, 120], [62, 73, 137], [49, 104, 142], [38, 130, 142],
  [31, 158, 137], [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37],
] as const;

/** The colour of a share between 0 and 1. */
export function heat(share: number): string {
  const at = Math.min(1, Math.max(0, share)) * (VIRIDIS.length - 1);
  const below = VIRIDIS[Math.floor(at)] ?? VIRIDIS[0];
  const above = VIRIDIS[Math.ceil(at)] ?? below;
  const part = at - Math.floor(at);
  const mix = (i: 0 | 1 | 2) => Math.round(below[i] + (above[i] - below[i]) * part);
  return `rgb(${mix(0)} ${mix(1)} ${mix(2)})`;
}

/** Where a value has no number. */
export const NAN_COLOR = "#e0245e";
