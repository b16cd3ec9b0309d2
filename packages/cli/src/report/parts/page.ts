/** Colours by their name in charts and text; each has a light and a dark value. */
export const TONES = ['blue', 'green', 'red', 'violet', 'amber', 'teal'] as const;
export type Tone = (typeof TONES)[number];

const CSS = `
:root{color-scheme:light dark;--page:#fff;--card:#f6f7f9;--ink:#1d2430;--soft:#5b6675;--line:#d9dee6;
--blue:#1f5fa8;--green:#19754a;--red:#b3402a;--violet:#6b3fa0;--amber:#96610b;--teal:#0f6f78}
@media(prefers-color-scheme:dark){:root{--page:#14181f;--card:#1d232d;--ink:#e7ebf1;--soft:#a0acbc;--line:#353e4c;
--blue:#6fa8f0;--green:#58c48d;--red:#f08a70;--violet:#b795ea;--amber:#e0ac52;--teal:#54c1cb}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;max-width:960px;margin:0 auto;padding:1.5rem 1rem 3rem;background:var(--page);color:var(--ink)}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:2.2rem 0 .6rem}h3{font-size:1rem;margin:1.4rem 0 .4rem}
p{margin:.4rem 0}.soft{color:var(--soft)}a{color:var(--blue)}
.card{background:var(--card);border:1px solid var(--line);border-left:6px solid var(--soft);border-radius:8px;padding:.8rem 1rem;margin:.8rem 0}
.card.green{border-left-color:var(--green)}.card.red{border-left-color:var(--red)}.card.amber{border-left-color:var(--amber)}
.verdict{font-size:1.45rem;line-height:1.3;font-weight:600;margin:0}.green .verdict{color:var(--green)}.red .verdict{color:var(--red)}.amber .verdict{color:var(--amber)}
.row{display:flex;flex-wrap:wrap;gap:.6rem 1.2rem;align-items:flex-start}.row>.grow{flex:1 1 16rem;min-width:0}
.thumb{border-radius:8px;border:1px solid var(--line);width:128px;height:128px;object-fit:cover;display:block}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem 1.5rem}
.crops{display:flex;flex-wrap:wrap;gap:10px}.crops img{border-radius:6px;display:block}
figure{margin:0;min-width:0}figcaption{font-size:.85rem;color:var(--soft);overflow-wrap:anywhere}
.scroll{overflow-x:auto}.scroll table{min-width:34rem}td:first-child{min-width:11rem}
svg{display:block;width:100%;height:auto}.wide{min-width:640px}
svg text{font-family:inherit;font-size:12px;fill:var(--soft)}svg .strong{fill:var(--ink);font-weight:600}
table{border-collapse:collapse;width:100%;font-size:.93rem}td,th{padding:.3rem .8rem .3rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
th{font-weight:600}table.facts td:first-child{color:var(--soft);width:13rem}td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font:.88em/1.4 ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
img.sheet{max-width:100%;height:auto;border-radius:6px}
.warnings{background:var(--card);border-left:6px solid var(--amber);border-radius:8px;padding:.6rem 1rem .6rem 2.2rem}
@media(max-width:480px){table.facts td:first-child{width:9rem}.verdict{font-size:1.25rem}}
@media print{body{max-width:none}}
`;

/** A self-contained HTML page, light or dark as the reader's system is, that needs no script and no other file. */
export function htmlPage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeHtml(title)}</title><style>${CSS}</style></head><body>
${body}
</body></html>
`;
}

/** Text for the inside of an element or of an attribute in double quotes. */
export function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

/** The address of a PNG file inside the page. */
export function pngAddress(bytes: Uint8Array): string {
  return `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`;
}

/** A table of names and values; both are text, values that are null or undefined are left out. */
export function factsTable(rows: readonly (readonly [name: string, value: string | null | undefined])[]): string {
  const shown = rows.filter(([, value]) => value !== null && value !== undefined);
  const lines = shown.map(([name, value]) => `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(value!)}</td></tr>`);
  return `<table class="facts">${lines.join('')}</table>`;
}
