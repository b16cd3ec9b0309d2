/** What the pictures share: colours of a light and a dark page, text, lines, axes. */

const STYLE = `
.ink { fill: #6b7280 }
text { fill: #4b5563; font: 13px system-ui, sans-serif }
.strong { font-weight: 600; fill: #1f2937 }
.rule { stroke: #9ca3af; stroke-opacity: .55; fill: none }
.a { stroke: #2f6fde; fill: none } .a-fill { fill: #2f6fde }
.b { stroke: #d9480f; fill: none } .b-fill { fill: #d9480f }
.c { stroke: #2b8a3e; fill: none } .c-fill { fill: #2b8a3e }
@media (prefers-color-scheme: dark) {
  .ink { fill: #9aa4b2 } text { fill: #b6bec9 } .strong { fill: #f0f2f5 } .rule { stroke: #7d8794 }
  .a { stroke: #8ab4ff } .a-fill { fill: #8ab4ff }
  .b { stroke: #ff9a62 } .b-fill { fill: #ff9a62 }
  .c { stroke: #69db7c } .c-fill { fill: #69db7c }
}`;

export const round = (value) => Math.round(value * 10) / 10;

export function picture({ width, height, title, body }) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
<title>${title}</title>
<style>${STYLE}</style>
${body.flat(Infinity).join('\n')}
</svg>
`;
}

export const text = (x, y, words, { anchor = 'start', style } = {}) =>
  `<text x="${round(x)}" y="${round(y)}"${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}${style ? ` class="${style}"` : ''}>${words}</text>`;

export const line = (x1, y1, x2, y2, dash) =>
  `<line class="rule" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"${dash ? ' stroke-dasharray="4 4"' : ''}/>`;

export const curve = (points, style, width = 2) =>
  `<polyline class="${style}" stroke-width="${width}" stroke-linejoin="round" points="${points.map(([x, y]) => `${round(x)},${round(y)}`).join(' ')}"/>`;

export const bars = (values, { x, y, step, height, style }) =>
  values.map((value, i) => {
    const size = Math.max(1, value * height);
    return `<rect class="${style}" x="${round(x + i * step)}" y="${round(y - size)}" width="${round(step * 0.7)}" height="${round(size)}"/>`;
  });

/** A function that maps `[from, to]` to `[first, last]`. */
export const scale = (from, to, first, last) => (value) => first + ((value - from) / (to - from)) * (last - first);
