/** A module as the text that it is built to. */
declare module "*?text" {
  const text: string;
  export default text;
}
