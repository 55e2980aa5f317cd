// The npm package `sdp-transform`: only its parser is bundled.
declare module 'sdp-transform/lib/parser.js' {
  const parser: { parse(text: string): Record<string, unknown> };
  export default parser;
}
